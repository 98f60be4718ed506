"""The races as one SVG: a bar for each contender, the shorter the better.

Its background is its own and follows the reader's colour scheme, so that it can be read on any page.
"""

from collections.abc import Iterator
from xml.sax.saxutils import escape

from benchmarks.contests import Results
from benchmarks.race import Race, Times
from benchmarks.shapes import SHAPES

SHOWN = (*(shape.key for shape in SHAPES), "hnsw", "backup", "archive")
OURS = "this service"
STYLE = """
text { font: 13px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328 }
.page { fill: #ffffff; stroke: #d1d9e0 } .title { font-weight: 600; font-size: 15px } .note { fill: #59636e }
.bar { fill: #aab4be } .ours { fill: #0969da } .own { font-weight: 600 }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc } .page { fill: #0d1117; stroke: #3d444d } .note { fill: #9198a1 }
  .bar { fill: #59636e } .ours { fill: #4493f8 }
}
"""

WIDTH, MARGIN = 760, 24
LABELS = 270
"""Width of the names; bars begin after it."""
LONGEST_BAR = WIDTH - 2 * MARGIN - LABELS - 70  # 70 for the number behind it
ROW, BAR, TITLE, GAP = 24, 15, 34, 20


def draw(results: Results) -> str:
    """The SVG document."""
    races = [results.races[key] for key in SHOWN]
    parts: list[str] = []
    top = MARGIN
    for race in races:
        parts += _race(race, top)
        top += TITLE + ROW * len(race.times) + GAP
    note = f"Seconds, medians of {results.sizes.repeats} to {results.sizes.pairs} rounds, in turn on one machine"
    parts.append(_text(MARGIN, top + 4, note, "note"))
    height = top + MARGIN
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size}>',
            f"<title>{escape(', '.join(race.title for race in races))}</title>",
            f"<style>{STYLE}</style>",
            f'<rect class="page" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8"/>',
            *parts,
            "</svg>\n",
        ]
    )


def _race(race: Race, top: int) -> Iterator[str]:
    slowest = max(times.median for times in race.times)
    yield _text(MARGIN, top + 14, race.title, "title")
    for number, times in enumerate(race.times):
        yield from _bar(times, top + TITLE + number * ROW, LONGEST_BAR / slowest)


def _bar(times: Times, top: int, scale: float) -> Iterator[str]:
    """scale: units of length per second."""
    ours = times.name.startswith(OURS)
    start, length = MARGIN + LABELS, max(1.0, times.median * scale)
    name, bar = ("own", "ours") if ours else ("", "bar")
    yield _text(MARGIN, top + 12, times.name, name)
    yield f'<rect class="{bar}" x="{start}" y="{top}" width="{length:.1f}" height="{BAR}" rx="2"/>'
    yield _text(start + length + 8, top + 12, f"{times.median:.2f}", name)


def _text(x: float, y: float, text: str, style: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{style}">{escape(text)}</text>'
