"""The pages of the documentation as stories: commands, the answers they show, and the files they write.

How a page is written:
- A `sh` or `python` block is a command and is run; the page goes on only if it works.
- A `json` or `text` block is the answer to the command before it. JSON is compared value by value, whatever its
  layout; the key "…" stands for further keys, a last element "…" for further elements. In texts it stands for any text.
- <!-- file: NAME --> before a block: it is saved as NAME.
- <!-- until TEXT --> before a command: it runs on in a terminal of its own; the page goes on once it has printed TEXT.
- <!-- not run: reason --> before a block: nobody runs it.
- <!-- begins: TEXT --> anywhere: where the page begins.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

COMMANDS = frozenset({"sh", "python"})
ANSWERS = frozenset({"json", "text"})
FENCE = re.compile(
    r"(?:<!-- (?P<mark>file|until|not run):? (?P<said>[^\n]+) -->\n+)?"
    r"(?:(?<=\n)|^)```(?P<language>[a-z]*)\n(?P<text>.*?\n)```$",
    re.MULTILINE | re.DOTALL,
)
BEGINS = re.compile(r"^<!-- begins: (.+) -->$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """What stands between two fences. mark: file, until, "not run", or nothing; said: what the mark says."""

    line: int
    language: str
    text: str
    mark: str
    said: str


@dataclass(frozen=True)
class Step:
    """A command or a file, and the answer that is shown."""

    block: Block
    answer: Block | None = None


@dataclass(frozen=True)
class Page:
    """One file of the documentation."""

    path: Path
    text: str

    @classmethod
    def read(cls, path: Path) -> "Page":
        return cls(path, path.read_text(encoding="utf-8"))

    @property
    def begins(self) -> str:
        """Where its story begins, in the words of its mark; nothing for a page that starts from scratch."""
        found = BEGINS.search(self.text)
        return found[1] if found else ""

    @property
    def blocks(self) -> list[Block]:
        return [
            Block(self.text.count("\n", 0, found.start("text")), found["language"], found["text"], *_mark(found))
            for found in FENCE.finditer(self.text)
        ]

    def steps(self) -> Iterator[Step]:
        """In order. Raises ValueError for a block that neither is run nor says why not."""
        last: Block | None = None
        for block in self.blocks:
            if last and block.language in ANSWERS and not block.mark:
                yield Step(last, block)
                last = None
                continue
            if last:
                yield Step(last)
            last = block if _is_told(block) else None
            if last is None and block.mark != "not run":
                raise ValueError(f"{self.path}:{block.line}: neither a command, nor an answer, nor marked as not run")
        if last:
            yield Step(last)


def _mark(found: "re.Match[str]") -> tuple[str, str]:
    return found["mark"] or "", found["said"] or ""


def _is_told(block: Block) -> bool:
    return block.mark == "file" or (block.language in COMMANDS and block.mark != "not run")
