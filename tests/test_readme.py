"""What a user can call or set stands in both READMEs."""

import ast
import re
from pathlib import Path

import pytest

from data_pipeline.cli.command_line import COMMANDS
from data_pipeline.settings import LIBPQ, Settings
from unified_api import create_app

PROJECT = Path(__file__).resolve().parent.parent
READMES = ("README.md", "README.zh-CN.md")


def routes() -> list[str]:
    app = create_app(Settings.load({"DATABASE_URL": "postgresql://user@localhost/db"}))
    pages = ("static", "openapi", "swagger")
    rules = {rule.rule for rule in app.url_map.iter_rules() if not rule.endpoint.startswith(pages)}
    return sorted(rule.removeprefix("/api/v0/data_pipeline/vector") for rule in rules)


def settings() -> list[str]:
    """Every name in capitals that settings.py asks the environment for."""
    tree = ast.parse((PROJECT / "data_pipeline" / "settings.py").read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    strings = [argument.value for call in calls for argument in call.args if isinstance(argument, ast.Constant)]
    return sorted({text for text in strings if re.fullmatch(r"[A-Z][A-Z_]+", str(text))} | set(LIBPQ.values()))


def test_the_lists_are_not_empty() -> None:
    assert "/restore/list" in routes()
    assert {"HOST", "LOAD_WORKERS", "PGHOST", "API_TOKEN"} <= set(settings())


@pytest.mark.parametrize("readme", READMES)
@pytest.mark.parametrize("route", routes())
def test_every_route_is_in_the_readme(readme: str, route: str) -> None:
    assert route in (PROJECT / readme).read_text(encoding="utf-8")


@pytest.mark.parametrize("readme", READMES)
@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_readme(readme: str, name: str) -> None:
    assert re.search(f"`{name}[ `]", (PROJECT / readme).read_text(encoding="utf-8"))


@pytest.mark.parametrize("readme", READMES)
@pytest.mark.parametrize("name", settings())
def test_every_setting_is_in_the_readme(readme: str, name: str) -> None:
    assert f"`{name}`" in (PROJECT / readme).read_text(encoding="utf-8")
