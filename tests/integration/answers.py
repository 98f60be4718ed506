"""Whether an answer is the one a page shows. Times, durations and sizes only have to look alike.

An id or a timestamp may be another one than the page's, but must be the same wherever the page shows it.
"""

import json
import re
from typing import Any

MORE = "…"
ID = r"(?<![0-9a-f])(?:\d{8}_\d{6}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32})(?![0-9a-f])"
SHAPES = (
    r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?(?:[+-]\d\d:\d\d|Z)?",
    r"\b[0-9a-f]{64}\b",
    r"\b\d+(?:\.\d)? (?:B|KB|MB|GB)\b",
    r"\b\d+\.\d+ s\b",
)
"""Times, checksums, sizes, durations."""

PIECES = re.compile(f"({'|'.join((ID, *SHAPES, MORE))})")
MEASURED = re.compile(r"duration|seconds|bytes|offset|_version$")
"""Keys whose values are measured anew each time, or another server's."""


class Different(AssertionError):
    """An answer is not the one that is shown."""


class Answers:
    """Compares answers with those of one page, and knows which ids the page's stand for."""

    def __init__(self) -> None:
        self._real: dict[str, str] = {}

    def translate(self, command: str) -> str:
        """With the ids of this run in it."""
        return re.sub(ID, lambda found: self._real.get(found[0], found[0]), command)

    def expect_json(self, shown: str, found: str) -> None:
        """Compare two texts of JSON documents, one after the other. Raises Different."""
        documents, others = documents_of(shown), documents_of(found)
        if len(documents) != len(others):
            raise Different(f"{len(documents)} JSON documents are shown, {len(others)} were answered:\n{found}")
        for document, other in zip(documents, others, strict=True):
            self._expect_value(document, other, "")

    def expect_text(self, shown: str, found: str) -> None:
        """Compare two texts; MORE stands for whatever there is. Raises Different."""
        pieces = PIECES.split(shown)
        matched = re.fullmatch("".join(self._pattern(piece) for piece in pieces), found, re.DOTALL)
        if not matched:
            raise Different(f"shown:\n{shown}\nanswered:\n{found}")
        new = [piece for piece in pieces if self._is_new(piece)]
        for piece, real in zip(new, matched.groups(), strict=True):
            if self._real.setdefault(piece, real) != real:
                raise Different(f"{piece} is shown for {real}, and for {self._real[piece]}")

    def _is_new(self, piece: str) -> bool:
        return bool(re.fullmatch(ID, piece)) and piece not in self._real

    def _pattern(self, piece: str) -> str:
        if piece == MORE:
            return ".*?"
        if self._is_new(piece):
            return f"({ID})"
        shape = next((shape for shape in SHAPES if re.fullmatch(shape, piece)), None)
        return shape or re.escape(self._real.get(piece, piece))

    def _expect_value(self, shown: Any, found: Any, key: str) -> None:
        if isinstance(shown, dict) and isinstance(found, dict):
            self._expect_object(shown, found, key)
        elif isinstance(shown, list) and isinstance(found, list):
            self._expect_array(shown, found, key)
        elif type(shown) is not type(found) and not (_is_number(shown) and _is_number(found)):
            raise Different(f"{key}: {shown!r} is shown, {found!r} was answered")
        elif shown != found and not MEASURED.search(key.rpartition(".")[2]):
            self._expect_scalar(shown, found, key)

    def _expect_scalar(self, shown: Any, found: Any, key: str) -> None:
        try:
            self.expect_text(json.dumps(shown, ensure_ascii=False), json.dumps(found, ensure_ascii=False))
        except Different as error:
            raise Different(f"{key}: {error}") from None

    def _expect_object(self, shown: dict[str, Any], found: dict[str, Any], key: str) -> None:
        """Keys may hold ids of their own, so they are told apart by what the shown ones stand for."""
        real = {self.translate(name): value for name, value in shown.items() if name != MORE}
        if missing := real.keys() - found.keys():
            raise Different(f"{key}: {sorted(missing)} is shown and was not answered")
        if MORE not in shown and (further := found.keys() - real.keys()):
            raise Different(f"{key}: {sorted(further)} was answered and is not shown")
        for name, value in real.items():
            self._expect_value(value, found[name], f"{key}.{name}")

    def _expect_array(self, shown: list[Any], found: list[Any], key: str) -> None:
        wanted = shown[:-1] if shown[-1:] == [MORE] else shown
        if len(wanted) > len(found) or (wanted is shown and len(found) > len(wanted)):
            raise Different(f"{key}: {len(wanted)} elements are shown, {len(found)} were answered: {found}")
        for number, value in enumerate(wanted):
            self._expect_value(value, found[number], f"{key}.{number}")


def documents_of(text: str) -> list[Any]:
    """The JSON documents of a text, one after the other. Raises Different."""
    decoder, found, text = json.JSONDecoder(), [], text.strip()
    while text:
        try:
            document, end = decoder.raw_decode(text)
        except ValueError:
            raise Different(f"no JSON: {text}") from None
        found.append(document)
        text = text[end:].lstrip()
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
