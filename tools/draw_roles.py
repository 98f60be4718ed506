"""Write the table of roles into its pages, from the policies of the routes: `python -m tools.draw_roles`."""

from pathlib import Path

from data_pipeline.accounts.roles import Caller
from data_pipeline.api import BASE, policy
from data_pipeline.settings import Settings
from unified_api import create_app

PROJECT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- roles -->\n", "<!-- end of roles -->\n"
PAGES = {"access.md": "route", "access.zh-CN.md": "路由"}
"""In docs/reference, with what the first column is called."""

CALLERS: dict[str, Caller | None] = {
    "without": None,
    "viewer": Caller("", "viewer", "user"),
    "operator": Caller("", "operator", "user"),
    "admin": Caller("", "admin", "user"),
    "`API_READ_TOKEN`": Caller("", "reader"),
    "`API_TOKEN`": Caller("", "admin"),
}
"""By the heads of the columns; None has not signed in."""

METHODS = ("GET", "POST", "PUT", "DELETE")


def rows() -> dict[str, list[bool]]:
    """Whether each caller may, by method and path; paths are those below BASE, but for the service's own."""
    app = create_app(Settings.load({"DATABASE_URL": "postgresql://user@localhost/db"}))
    found = {
        f"{method} {rule.rule.removeprefix(BASE)}": [may(route.access, caller) for caller in CALLERS.values()]
        for rule in app.url_map.iter_rules()
        if (route := policy.of(app, rule.endpoint))
        for method in METHODS
        if method in (rule.methods or ())
    }
    return dict(sorted(found.items(), key=lambda row: (row[0].partition(" ")[2], METHODS.index(row[0].split(" ")[0]))))


def may(access: policy.Access, caller: Caller | None) -> bool:
    return policy.permits(access, caller) if caller else access == "open"


def table(first: str) -> str:
    lines = [f"| {first} | {' | '.join(CALLERS)} |", "|---" * (len(CALLERS) + 1) + "|"]
    lines += [f"| `{route}` | {' | '.join('✓' if one else '–' for one in each)} |" for route, each in rows().items()]
    return "\n".join(lines) + "\n"


def written(page: str) -> str:
    """The table as it stands in a page."""
    return path(page).read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]


def path(page: str) -> Path:
    return PROJECT / "docs" / "reference" / page


if __name__ == "__main__":
    for page, first in PAGES.items():
        before, _, rest = path(page).read_text(encoding="utf-8").partition(BEGIN)
        path(page).write_text(before + BEGIN + table(first) + END + rest.partition(END)[2], encoding="utf-8")
