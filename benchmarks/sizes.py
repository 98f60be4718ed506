"""How much is measured, and where the results go: defaults, and the variables that change them."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
FEWEST_REPEATS = 5
FEWEST_PAIRS = 9
"""Below these a median says little."""

VARIABLES = {
    "rows": "BENCH_ROWS",
    "hnsw_rows": "BENCH_HNSW_ROWS",
    "sets": "BENCH_SETS",
    "repeats": "BENCH_REPEATS",
    "pairs": "BENCH_PAIRS",
}


class SizesError(ValueError):
    """A variable has a value of no use; the text is one clear line."""


@dataclass(frozen=True)
class Sizes:
    """The defaults are what the gates are about; no gate is judged at other sizes."""

    rows: int = 20_000
    """Embeddings of the first shape; each other shape has a share of as many."""
    hnsw_rows: int = 5_000
    """Embeddings of the contests with an HNSW index in use."""
    sets: int = 10_000
    """Backup sets in the listing."""
    repeats: int = FEWEST_REPEATS
    """Rounds of a race."""
    pairs: int = FEWEST_PAIRS
    """Rounds of a race against the limit."""

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> "Sizes":
        """The defaults with the VARIABLES over them."""
        given = {field: environ[name] for field, name in VARIABLES.items() if environ.get(name)}
        return replace(cls(), **{field: _count(VARIABLES[field], text) for field, text in given.items()})

    @property
    def judged(self) -> bool:
        """Whether gates mean something at these sizes: more repeats are welcome, anything else isn't comparable."""
        enough = self.repeats >= FEWEST_REPEATS and self.pairs >= FEWEST_PAIRS
        return enough and replace(self, repeats=FEWEST_REPEATS, pairs=FEWEST_PAIRS) == Sizes()


def output_directory(environ: Mapping[str, str]) -> Path:
    """Where benchmark.json and benchmark.svg go: BENCH_OUTPUT, or docs/."""
    return Path(environ.get("BENCH_OUTPUT") or PROJECT / "docs").resolve()


def environment() -> Mapping[str, str]:
    """The process's environment; a function so that nothing reads it at import."""
    return os.environ


def _count(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise SizesError(f"{name} must be a whole number above 0")
    return int(text)
