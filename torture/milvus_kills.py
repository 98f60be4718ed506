"""kill -9 of the service, and of the Milvus server, while collections are saved, restored, switched and merged."""

import json
import time
from typing import Any

from torture.budget import Budget
from torture.call import Moments, killed_within
from torture.client import LOCATION, Client
from torture.figure import Figure
from torture.milvus_collections import ALIAS, DOCS, NEW, SHELF, Collections
from torture.service import Service
from torture.world import World

WANTED = 25
"""Of each kind: 50 moments in all."""

ROUTE = "/api/v0/data_pipeline/milvus"
BY_RENAME, BY_ALIAS = {"collections": [DOCS]}, {"collections": [SHELF], "renames": {SHELF: ALIAS}}
HOWS: dict[str, dict[str, Any]] = {
    "rename": {**BY_RENAME, "swap": True, "drop_old": True},
    "alias": {**BY_ALIAS, "swap": True, "drop_old": True},
    "merge": {**BY_RENAME, "merge": True},
    "create": {**BY_RENAME, "renames": {DOCS: NEW}},
    "backup": {},
}
LIVE = {"rename": DOCS, "alias": ALIAS, "merge": DOCS, "create": NEW, "backup": DOCS}
SETTLED_SECONDS = 90


class Scene:
    """Two states with the same keys and other values, each with a set that restores it. now: which a name has."""

    def __init__(self, collections: Collections, service: Service, figure: Figure, moments: Moments) -> None:
        self.collections = collections
        self.service = service
        self.figure = figure
        self.moments = moments
        self.golden = dict(map(self._made, ("first", "second")))
        self.now = dict.fromkeys((DOCS, ALIAS), max(self.golden))

    def other(self, how: str) -> str:
        return next(timestamp for timestamp in self.golden if timestamp != self.now.get(LIVE[how]))

    def ask(self, target: str, how: str) -> Any:
        """What a trial asks for: a backup, or the restore of a set in one of the ways."""
        body: dict[str, Any] = {"target": "milvus", **HOWS[how]}
        if how != "backup":
            body["set"] = {"backup_path": LOCATION, "timestamp": target}
        route = "backup" if how == "backup" else "restore"
        return Client(self.service.port).call("POST", f"{ROUTE}/{route}", json.dumps(body).encode())

    def look(self, target: str, how: str, what: str, answer: Any) -> None:
        """After a kill of what was to bring `target`."""
        if not self._settled():
            self.figure.fault(f"{what}: {self.collections.marked()} are left")
        if how == "backup":
            self._look_at_sets(what)
        elif how == "create":
            self._look_at_new(target, what, answer)
        else:
            self._look_at_live(target, how, what, answer)
        if others := self.collections.names() - {DOCS, ALIAS}:
            self.figure.fault(f"{what}: {sorted(others)} are left")
        for name, timestamp in self.now.items():
            if name != LIVE[how] and self.collections.rows(name) != self.golden[timestamp]:
                self.figure.fault(f"{what}: {name} was changed")

    def ask_undisturbed(self, how: str) -> None:
        """The same to its end, and learn how long that takes."""
        target = self.other(how)
        answer = self._ask_once_free(target, how)
        if answer.status != 200:
            self.figure.fault(f"the {how} after a kill: {answer}")
        if how != "backup" and self.collections.rows(LIVE[how]) != self.golden[target]:
            self.figure.fault(f"the {how} after a kill brings other rows")
        if how == "create":
            self.collections.drop(NEW)
        elif how != "backup":
            self.now[LIVE[how]] = target
        self.moments.learn(how, answer.seconds)

    def _ask_once_free(self, target: str, how: str) -> Any:
        """A collection is free again once the service that was killed counts as gone."""
        deadline = time.monotonic() + SETTLED_SECONDS
        while True:
            answer = self.ask(target, how)
            if answer.error_type != "OPERATION_IN_PROGRESS" or time.monotonic() > deadline:
                return answer
            time.sleep(0.5)

    def _settled(self) -> bool:
        deadline = time.monotonic() + SETTLED_SECONDS
        while self.collections.marked():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        return True

    def _look_at_live(self, target: str, how: str, what: str, answer: Any) -> None:
        name = LIVE[how]
        found, old, new = self.collections.rows(name), self.golden[self.now[name]], self.golden[target]
        succeeded = answer is not None and answer.status == 200
        if found == new:
            self.now[name] = target
            self.figure.note("new rows")
        elif found == old and not succeeded:
            self.figure.note("old rows")
        elif how == "merge" and not succeeded and found.keys() == new.keys() and _each_is_whole(found, old, new):
            self.figure.note("rows merged in part")
            self._merge_again(target, what)
        else:
            self.figure.fault(f"{what} of {target}, answer {answer}: {len(found)} rows that are neither")

    def _merge_again(self, target: str, what: str) -> None:
        answer = self._ask_once_free(target, "merge")
        if answer.status != 200 or self.collections.rows(DOCS) != self.golden[target]:
            self.figure.fault(f"{what}: merged again: {answer}")
        self.now[DOCS] = target

    def _look_at_new(self, target: str, what: str, answer: Any) -> None:
        found = self.collections.rows_if_there(NEW)
        if found is not None:
            self.figure.note("a new collection")
            if found != self.golden[target]:
                self.figure.fault(f"{what}: the new collection is not whole")
            self.collections.drop(NEW)
        elif answer is not None and answer.status == 200:
            self.figure.fault(f"{what}: no new collection, answer {answer}")

    def _look_at_sets(self, what: str) -> None:
        """Every listed set is whole; those of trials are removed."""
        client = Client(self.service.port)
        listed = client.get("/restore/list?layout=milvus").data["backup_locations"]
        for timestamp in [one["timestamp"] for location in listed for one in location["backups"]]:
            if client.verify(timestamp).status != 200:
                self.figure.fault(f"{what}: the set {timestamp} is listed, and is not whole")
            if timestamp not in self.golden:
                self.figure.note("a set")
                client.delete(timestamp)

    def _made(self, text: str) -> tuple[str, dict[int, Any]]:
        self.collections.fill(text)
        answer = Client(self.service.port).call("POST", f"{ROUTE}/backup", b'{"target": "milvus"}')
        return str(answer.data["backup_timestamp"]), self.collections.rows(DOCS)


def run(world: World, budget: Budget) -> Figure:
    figure = Figure(
        "kill -9 with Milvus",
        "neither the old rows nor the new ones, a collection left, or a set that is not whole",
        {"of the service": budget.scaled(WANTED), "of the server": budget.scaled(WANTED)},
    )
    chance = world.chance("milvus kills")
    with world.output("milvus-kills") as output, world.server().database("milvus_kills") as database:
        collections = Collections(output / "milvus")
        try:
            env = {"TARGETS": json.dumps({"milvus": collections.url}), "JOBS_HEARTBEAT_SECONDS": "1"}
            with world.service(database, output, **env) as service:
                scene = Scene(collections, service, figure, Moments(chance))
                while budget.allows(figure, "of the service") or budget.allows(figure, "of the server"):
                    whose = min(figure.wanted, key=lambda kind: figure.done[kind])
                    _kill(scene, whose, chance.choice(tuple(HOWS)))
        finally:
            collections.kill()
    return figure


def _kill(scene: Scene, whose: str, how: str) -> None:
    """One trial: to its end first, then kill in the middle of the same, start again, and look."""
    scene.ask_undisturbed(how)
    target = scene.other(how)
    server = None if whose == "of the service" else scene.collections
    in_time, answer = killed_within(lambda: scene.ask(target, how), scene.moments, how, scene.service, server)
    scene.figure.did(whose, in_time)
    scene.look(target, how, f"{how} killed ({whose})", answer)


def _each_is_whole(found: dict[int, Any], old: dict[int, Any], new: dict[int, Any]) -> bool:
    return all(row in (old[key], new[key]) for key, row in found.items())
