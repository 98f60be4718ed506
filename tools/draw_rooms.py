"""Draw the rooms of the code and the way of a restore: `python -m tools.draw_rooms` writes docs/rooms.svg."""

from pathlib import Path
from typing import NamedTuple

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "rooms.svg"

WIDTH, GAP, LEFT = 760, 14, 24
BOX, LINE = 62, 18
STYLE = """text { font: 13px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328 }
.page { fill: #ffffff; stroke: #d1d9e0 } .title { font-weight: 600 } .note { fill: #59636e; font-size: 12px }
.box { fill: #f6f8fa; stroke: #d1d9e0 } .way { stroke: #0969da; fill: none; stroke-width: 2 }
.stop { fill: #0969da } .number { fill: #ffffff; font-size: 11px; font-weight: 600 }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc } .page { fill: #0d1117; stroke: #3d444d } .note { fill: #9198a1 }
  .box { fill: #151b23; stroke: #3d444d } .way { stroke: #4493f8 } .stop { fill: #4493f8 } .number { fill: #0d1117 }
}"""


class Room(NamedTuple):
    """A box: its name, and what it knows in two lines. stop: the number of the restore's step in it.

    share: its width, where those beside it have 1.
    """

    name: str
    first: str
    second: str = ""
    stop: int | None = None
    share: float = 1


TIERS = [
    [Room("unified_api", "wiring"), Room("cli", "the commands"), Room("admin", "the panel's page")],
    [
        Room(
            "api",
            "HTTP: a route reads the request, its policy says who may call it",
            "routes, requests, answers, security, openapi",
            stop=1,
        )
    ],
    [
        Room("trainer", "VectorTableManager", "its documented front"),
        Room("jobs", "the request becomes a row", "queue, progress, cancel, schedules", 2, share=1.4),
        Room("accounts", "users, roles", "passwords", share=0.7),
        Room("resources", "targets, storages, schedules", "notifiers; secrets sealed", share=1.2),
        Room("notify", "webhooks, mail", "chats", share=0.8),
    ],
    [
        Room("engine, settings", "one frozen configuration", "resolver, targets"),
        Room(
            "operations",
            "what the product does: one transaction from lock to commit",
            "requests, results, restore/modes, backup, compare",
            stop=3,
            share=2.4,
        ),
    ],
    [Room("stores", "what is not PostgreSQL tables", "a room a store, found by the registry")],
    [
        Room("sets", "the set's files, manifest, blocks", "catalog, tar, verification", 4),
        Room("postgres", "rows into one transaction", "link, schema, reading, writing; postgres_server", 7),
    ],
    [
        Room("storage", "opens the files", "directories, buckets", 5),
        Room("formats", "workers: bytes to rows", "csv, pgcopy, types", 6),
        Room("encryption", "sealed blocks", "keys, envelopes"),
        Room("layouts", "which tables", "keys, references, owner"),
    ],
    [Room("common", "errors, messages in each language, the answer's envelope")],
]


def main() -> None:
    PICTURE.write_text(drawing(), encoding="utf-8")


def drawing() -> str:
    stops: dict[int, tuple[float, float]] = {}
    drawn: list[str] = []
    top = 24.0
    for tier in TIERS:
        left = float(LEFT)
        unit = (WIDTH - 2 * LEFT - GAP * (len(tier) - 1)) / sum(room.share for room in tier)
        for room in tier:
            width = unit * room.share
            drawn.append(_box(room, left, top, width))
            if room.stop:
                stops[room.stop] = (left + width - 26, top + BOX / 2)
            left += width + GAP
        top += BOX + GAP
    return _page(top + 28, drawn, [stops[number] for number in sorted(stops)], top)


def _box(room: Room, left: float, top: float, width: float) -> str:
    texts = [("title", room.name), ("", room.first), ("note", room.second)]
    lines = [
        f'<text x="{left + 14:.0f}" y="{top + 19 + LINE * row:.0f}" class="{style}">{text}</text>'
        for row, (style, text) in enumerate(texts)
        if text
    ]
    box = f'<rect class="box" x="{left:.1f}" y="{top:.0f}" width="{width:.1f}" height="{BOX}" rx="6"/>'
    return "\n".join([box, *lines])


def _leg(start: tuple[float, float], end: tuple[float, float]) -> str:
    """From one stop to the next, through the gap below the upper one, so that it crosses no text."""
    gap = min(start[1], end[1]) + (BOX + GAP) / 2
    return f" V{gap:.0f} H{end[0]:.0f} V{end[1]:.0f}"


def _page(height: float, drawn: list[str], stops: list[tuple[float, float]], floor: float) -> str:
    path = f"M{stops[0][0]:.0f} {stops[0][1]:.0f}" + "".join(map(_leg, stops, stops[1:]))
    marks = [
        f'<circle class="stop" cx="{x:.0f}" cy="{y:.0f}" r="10"/>'
        f'<text x="{x:.0f}" y="{y + 4:.0f}" text-anchor="middle" class="number">{number}</text>'
        for number, (x, y) in enumerate(stops, start=1)
    ]
    note = "A room imports from those below and beside it, never from those above. Blue: the way of a restore."
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" '
            f'height="{height:.0f}" role="img" aria-labelledby="title">',
            '<title id="title">The rooms of the code from the routes down to the formats, and a restore’s way'
            " through them</title>",
            f"<style>\n{STYLE}\n</style>",
            f'<rect class="page" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1:.0f}" rx="8"/>',
            *drawn,
            f'<path class="way" d="{path}"/>',
            *marks,
            f'<text x="{LEFT}" y="{floor + 10:.0f}" class="note">{note}</text>',
            "</svg>\n",
        ]
    )


if __name__ == "__main__":
    main()
