"""Flipped bits in the sets of a stack's members: each is found before any member is touched."""

import json
from pathlib import Path
from typing import Any

from torture import stores
from torture.budget import Budget
from torture.client import LOCATION, Client
from torture.figure import Figure
from torture.stores import Cache, Files, Graph
from torture.world import World

WANTED = 2000
LOOK_EVERY = 50
BASE = "/api/v0/data_pipeline/stacks/all"
BITS = "bits"


def run(world: World, budget: Budget) -> Figure:
    never = "a bit that isn't found, or a member that was touched"
    figure = Figure("flipped bits in a stack's sets", never, {BITS: budget.scaled(WANTED)})
    with world.output("store-bits") as output, stores.running(output, Cache, Files, Graph) as there:
        settings = {
            "TARGETS": json.dumps({store.family: store.url for store in there}),
            "STACKS": json.dumps({"all": {store.family: store.family for store in there}}),
        }
        with world.server().database("store_bits") as database, world.service(database, output, **settings) as service:
            _flip(world, budget, figure, Client(service.port), there, output / "vector_bak")
    return figure


def _flip(world: World, budget: Budget, figure: Figure, client: Client, there: list[Any], directory: Path) -> None:
    chance = world.chance("store bits")
    for store in there:
        store.fill("saved")
    body = {"options": {store.family: store.saved for store in there if store.saved}}
    made = client.call("POST", f"{BASE}/backup", json.dumps(body).encode()).data
    named = {"set": {"backup_path": LOCATION, "timestamp": made["backup_timestamp"]}}
    for store in there:
        store.fill("live")
    before = [store.state() for store in there]
    files = sorted(path for path in directory.iterdir() if path.suffix in (".json", ".zst"))
    sizes = [path.stat().st_size for path in files]
    while budget.allows(figure, BITS):
        # A file is as likely as another: by its size, a manifest would hardly ever be met.
        path = chance.choice(files)
        bit = chance.randrange(8 * sizes[files.index(path)])
        whole = path.read_bytes()
        path.write_bytes(whole[: bit // 8] + bytes([whole[bit // 8] ^ 1 << bit % 8]) + whole[bit // 8 + 1 :])
        answer = client.call("POST", f"{BASE}/restore", json.dumps(named).encode())
        path.write_bytes(whole)
        figure.did(BITS)
        if answer.status != 422:
            figure.fault(f"bit {bit} of {path.name}: {answer}")
        look = figure.done[BITS] % LOOK_EVERY == 0 or not budget.allows(figure, BITS)
        if look and [store.state() for store in there] != before:
            figure.fault(f"a member was touched by one of {LOOK_EVERY} restores, the last: bit {bit} of {path.name}")
            return
    figure.note("files", len(files))
