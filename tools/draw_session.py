"""Draw the demo's real output as a picture: `python -m tools.draw_session` writes docs/session.svg."""

import subprocess
import sys
import unicodedata
from html import escape
from pathlib import Path

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "session.svg"
COLUMNS = 118
LINE, CHARACTER, MARGIN = 18, 7.85, 16
STYLE = (
    "text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,'Noto Sans Mono CJK SC',monospace;"
    "fill:#d7dde5;white-space:pre}.head{fill:#fff;font-weight:bold}.command{fill:#8fd0ff}.good{fill:#9be28f}"
)


def main() -> None:
    demo = subprocess.run([sys.executable, "-m", "examples.demo"], capture_output=True, encoding="utf-8", check=True)
    lines = [part for line in demo.stdout.strip().splitlines() for part in wrapped(line)]
    PICTURE.write_text(drawing(lines, "Output of make demo"), encoding="utf-8")


def wrapped(line: str) -> list[str]:
    """A line cut to the picture's width; Chinese characters are two columns wide."""
    parts, width = [""], 0
    for character in line:
        wide = 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if width + wide > COLUMNS:
            parts, width = [*parts, "     "], 5
        parts[-1] += character
        width += wide
    return parts


def drawing(lines: list[str], label: str) -> str:
    width, height = round(COLUMNS * CHARACTER + 2 * MARGIN), len(lines) * LINE + 2 * MARGIN
    rows = "\n".join(
        f'<text x="{MARGIN}" y="{MARGIN + (number + 0.75) * LINE}" class="{kind(line)}">{escape(line)}</text>'
        for number, line in enumerate(lines)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xml:space="preserve" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(label)}"><style>{STYLE}</style>\n'
        f'<rect width="{width}" height="{height}" rx="8" fill="#161b22"/>\n{rows}\n</svg>\n'
    )


def kind(line: str) -> str:
    if line.lstrip().startswith("$"):
        return "command"
    if line and not line.startswith(" "):
        return "head"
    return "good" if line.lstrip().startswith(("200", "202")) else "text"


if __name__ == "__main__":
    main()
