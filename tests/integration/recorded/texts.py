"""The Chinese texts of the code, with {} for what is put into them, and which of them a recording shows."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CHINESE = re.compile(r"[\u4e00-\u9fff]")
PLACE = re.compile(r"\{[^{}]*\}|%[sd]")


def _literals(tree: ast.Module) -> Iterator[str]:
    skipped: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            skipped.add(node.value)
        elif isinstance(node, ast.JoinedStr):
            skipped |= set(ast.walk(node)) - {node}
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in skipped:
            yield node.value


def of_code(project: Path) -> list[str]:
    """All of them, each once, wherever they stand."""
    paths = [
        project / "unified_api.py",
        *(project / "common").rglob("*.py"),
        *(project / "data_pipeline").rglob("*.py"),
    ]
    found = {text for path in paths for text in _literals(ast.parse(path.read_text(encoding="utf-8")))}
    return sorted({PLACE.sub("{}", text) for text in found if CHINESE.search(text)})


def shown(texts: list[str], recording: Any) -> dict[str, list[str]]:
    """The texts in two lists: those that answers of a recording contain, and the others."""
    answers = "\n".join(_strings(recording))
    met = {text for text in texts if re.search(".*?".join(map(re.escape, text.split("{}"))), answers)}
    return {"met": sorted(met), "not met": sorted(set(texts) - met)}


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list | tuple):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _strings(each)
