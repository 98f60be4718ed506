"""kill -9 of the service, and of a store's server, while a set replaces what it holds: all of the old, or of the new.

A bucket is finished by the next service, which has a moment for it; the others are as they are at once.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from torture import stores
from torture.budget import Budget
from torture.call import Moments, killed_within
from torture.client import LOCATION, Answer, Client
from torture.figure import Figure
from torture.service import Service
from torture.stores import Cache, Files, Graph, Store
from torture.world import World

WANTED = 25
BASE = "/api/v0/data_pipeline"
FINISH_SECONDS = 60
NAMES = ("first", "second")
STACK = "all"
SERVICE, SERVER = "of the service", "of the server"
SETTINGS = {"JOBS_HEARTBEAT_SECONDS": "1"}


@dataclass
class Scene:
    """Two states of some stores, each with a set that restores it, and which of them is there. route, body: of the
    restores, without the set."""

    service: Service
    stores: Sequence[Store]
    figure: Figure
    moments: Moments
    route: str
    body: dict[str, Any]
    golden: dict[str, list[Any]]
    now: str

    @property
    def other(self) -> str:
        return next(timestamp for timestamp in self.golden if timestamp != self.now)

    def restore(self, timestamp: str) -> Answer:
        body = {"set": {"backup_path": LOCATION, "timestamp": timestamp}, **self.body}
        return Client(self.service.port).call("POST", f"{BASE}/{self.route}/restore", json.dumps(body).encode())

    def look(self, target: str, what: str, answer: Answer | None) -> None:
        """After a kill of what was to bring `target`: each store holds one state or the other."""
        deadline = time.monotonic() + FINISH_SECONDS
        while mixed := [one for one in range(len(self.stores)) if self._which(one) is None]:
            if time.monotonic() > deadline:
                names = ", ".join(self.stores[one].family for one in mixed)
                self.figure.fault(f"{what} of {target}, answer {answer}: {names} hold neither state")
                break
            time.sleep(0.3)
        found = [self._which(one) for one in range(len(self.stores))]
        if answer and answer.status == 200 and not answer.data.get("errors") and set(found) != {target}:
            self.figure.fault(f"{what} of {target}: it answered {answer}, and that isn't so")
        self.figure.note("new", found.count(target))
        self.figure.note("old", len(found) - found.count(target))

    def restore_undisturbed(self) -> None:
        """Bring the other state, and learn how long that takes."""
        target = self.other
        deadline = time.monotonic() + FINISH_SECONDS
        answer = self.restore(target)
        while answer.status == 409 and time.monotonic() < deadline:
            for store in self.stores:
                store.forget_locks()
            time.sleep(0.3)
            answer = self.restore(target)
        if answer.status != 200 or [store.state() for store in self.stores] != self.golden[target]:
            self.figure.fault(f"the restore after a kill: {answer}")
        self.now = target
        self.moments.learn(self.route, answer.seconds)

    def _which(self, place: int) -> str | None:
        """The state that a store holds."""
        found = self.stores[place].state()
        return next((timestamp for timestamp, states in self.golden.items() if states[place] == found), None)


def neo4j(world: World, budget: Budget) -> Figure:
    return _of_one(world, budget, Graph, "Neo4j")


def objects(world: World, budget: Budget) -> Figure:
    return _of_one(world, budget, Files, "objects")


def stack(world: World, budget: Budget) -> Figure:
    figure = Figure(
        "kill -9 in restores of a stack", "a member holds neither state", {SERVICE: budget.scaled(2 * WANTED)}
    )
    with world.output("stack-kills") as output, stores.running(output, Cache, Files, Graph) as there:
        named = {store.family: store for store in there}
        settings = {
            **SETTINGS,
            "TARGETS": json.dumps({name: store.url for name, store in named.items()}),
            "STACKS": json.dumps({STACK: {name: name for name in named}}),
        }
        options = {name: store.saved for name, store in named.items() if store.saved}
        with world.server().database("stack_kills") as database, world.service(database, output, **settings) as service:
            scene = _scene(world, service, there, figure, f"stacks/{STACK}", {}, {"options": options})
            _killed(world, budget, scene)
    return figure


def _of_one(world: World, budget: Budget, kind: Any, title: str) -> Figure:
    wanted = {SERVICE: budget.scaled(WANTED), SERVER: budget.scaled(WANTED)}
    figure = Figure(f"kill -9 in restores of {title}", "neither the old state nor the new one", wanted)
    if lack := stores.missing(kind):
        figure.wanted = {}
        figure.note(lack)
        return figure
    name = f"{kind.family}_kills"
    with world.output(name) as output, stores.running(output, kind) as (store,):
        settings = {**SETTINGS, "TARGETS": json.dumps({"it": store.url})}
        with world.server().database(name) as database, world.service(database, output, **settings) as service:
            asked, saved = {"target": "it", **kind.asked}, {"target": "it", **kind.saved}
            scene = _scene(world, service, [store], figure, kind.family, asked, saved)
            _killed(world, budget, scene)
    return figure


def _scene(
    world: World,
    service: Service,
    there: Sequence[Store],
    figure: Figure,
    route: str,
    asked: dict[str, Any],
    saved: dict[str, Any],
) -> Scene:
    golden = {}
    for name in NAMES:
        for store in there:
            store.fill(name)
        answer = Client(service.port).call("POST", f"{BASE}/{route}/backup", json.dumps(saved).encode())
        if answer.status != 200:
            raise AssertionError(f"a backup failed: {answer}")
        golden[str(answer.data["backup_timestamp"])] = [store.state() for store in there]
    moments = Moments(world.chance(f"{route} kills"))
    return Scene(service, there, figure, moments, route, asked, golden, max(golden))


def _killed(world: World, budget: Budget, scene: Scene) -> None:
    figure = scene.figure
    scene.restore_undisturbed()
    while any(budget.allows(figure, whose) for whose in figure.wanted):
        whose = min(figure.wanted, key=lambda kind: figure.done[kind])
        target, server = scene.other, None if whose == SERVICE else scene.stores[0]
        ask = partial(scene.restore, target)
        in_time, answer = killed_within(ask, scene.moments, scene.route, scene.service, server)
        figure.did(whose, in_time)
        scene.look(target, f"a restore killed ({whose})", answer)
        scene.restore_undisturbed()
