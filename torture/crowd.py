"""Many at once, and clients that come to nothing: lists are whole, each backup has its set, each worker is freed."""

import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from torture import rows
from torture.budget import Budget
from torture.client import PREFIX, Answer, Client, Gone
from torture.figure import Figure
from torture.planted import HEADERS
from torture.rows import Batch
from torture.world import World

CLIENTS = 64
SETS = 10_000
BACKUPS = 50
VANISHED, SLOW = 200, 100
PATIENCE = 5.0
"""Seconds within which others are served beside clients that never finish."""

HALF_A_REQUEST = (
    f"POST {PREFIX}/restore HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\n{{".encode(),
    f"GET {PREFIX}/restore/list HTTP/1.1\r\nHost".encode(),
)


def run(world: World, budget: Budget) -> Figure:
    figure = Figure(
        "crowds: lists at once, backups at once, clients that vanish or stay silent",
        "not 200, a set missing, a worker kept",
        {
            "sets in each list": budget.scaled(SETS, least=500),
            "backups in a second": BACKUPS,
            "silent": VANISHED + SLOW,
        },
    )
    with (
        world.output("crowd") as output,
        world.server().database("crowd") as database,
        world.service(database, output, MAX_WRITERS="64") as service,
    ):
        rows.fill(database, Batch("few", 10, 3), world.seed)
        _back_up_at_once(figure, service.port)
        _list_at_once(figure, service.port, output / "vector_bak")
        _vanish(figure, service.port)
    return figure


def _back_up_at_once(figure: Figure, port: int) -> None:
    answers = _at_once(BACKUPS, lambda: Client(port).backup())
    made = {answer.data.get("backup_timestamp") for answer in answers if answer.status == 200}
    figure.did("backups in a second", len(made))
    if len(made) < BACKUPS or not made <= Client(port).listed():
        bad = [str(answer) for answer in answers if answer.status != 200]
        figure.fault(f"{BACKUPS} backups at once made {len(made)} sets: {bad[:3]}")


def _list_at_once(figure: Figure, port: int, directory: Path) -> None:
    wanted = figure.wanted["sets in each list"]
    known = len(Client(port).listed())
    for number in range(wanted - known):
        for table, header in zip(("collection", "embedding"), HEADERS, strict=True):
            name = f"langchain_pg_{table}_1999{number // 1000000:04}_{number % 1000000:06}.csv"
            (directory / name).write_text(f"{header}\n", encoding="ascii")
    answers = _at_once(CLIENTS, lambda: Client(port).get("/restore/list"))
    counts = [answer.data.get("summary", {}).get("total_backup_sets") for answer in answers]
    figure.did("sets in each list", min(count or 0 for count in counts))
    if set(counts) != {wanted}:
        figure.fault(
            f"{CLIENTS} lists at once of {wanted} sets: {[str(a) for a in answers if a.status != 200][:3]}, {counts}"
        )


def _vanish(figure: Figure, port: int) -> None:
    """Clients that hang up in the middle, and ones that just stay: more of them than there are workers."""
    for number in range(VANISHED):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(HALF_A_REQUEST[number % 2])
    with ExitStack() as stack:
        for number in range(SLOW):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            connection.sendall(HALF_A_REQUEST[number % 2])
        figure.did("silent", VANISHED + SLOW)
        try:
            answer = Client(port, timeout=PATIENCE).get("/restore/list")
        except Gone as gone:
            figure.fault(f"beside {SLOW} silent clients nobody was answered within {PATIENCE} s: {gone}")
        else:
            if answer.status != 200:
                figure.fault(f"beside {SLOW} silent clients: {answer}")


def _at_once(count: int, call: Callable[[], Answer]) -> list[Answer]:
    with ThreadPoolExecutor(count) as pool:
        return [future.result() for future in [pool.submit(call) for _ in range(count)]]
