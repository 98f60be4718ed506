"""kill -9 of the service, and of the Redis server, while databases are swapped or merged: all old keys or all new."""

import json
from typing import Any

from torture.budget import Budget
from torture.call import Moments, killed_within
from torture.client import LOCATION, Client
from torture.figure import Figure
from torture.redis_server import RedisServer
from torture.service import Service
from torture.world import World

WANTED = 50
KEYS = 3000
ROUTE = "/api/v0/data_pipeline/redis"
HOWS: dict[str, dict[str, Any]] = {"replace": {}, "merge": {"mode": "merge", "on_conflict": "update"}}


class Scene:
    """Two states with the same keys and other values, each with a set that restores it."""

    def __init__(self, server: RedisServer, service: Service, figure: Figure, moments: Moments) -> None:
        self.server = server
        self.service = service
        self.figure = figure
        self.moments = moments
        self.golden = dict(map(self._made, ("first", "second")))
        self.now = max(self.golden)

    @property
    def other(self) -> str:
        return next(timestamp for timestamp in self.golden if timestamp != self.now)

    def restore(self, timestamp: str, how: str) -> Any:
        body = {"set": {"backup_path": LOCATION, "timestamp": timestamp}, "target": "cache", **HOWS[how]}
        return Client(self.service.port).call("POST", f"{ROUTE}/restore", json.dumps(body).encode())

    def look(self, target: str, what: str, answer: Any) -> None:
        """After a kill of what was to bring `target`."""
        found = self.server.state()
        if found == self.golden[target]:
            self.now = target
            self.figure.note("new keys")
        elif found == self.golden[self.now] and not (answer and answer.status == 200):
            self.figure.note("old keys")
        else:
            same = sum(found.get(key) == value for key, value in self.golden[target].items())
            self.figure.fault(f"{what} of {target}, answer {answer}: {len(found)} keys, {same} of them new")

    def restore_undisturbed(self, how: str) -> None:
        """Bring the other state, and learn how long that takes; then nothing of the killed one is left."""
        target = self.other
        answer = self.restore(target, how)
        if answer.status == 409:  # the lease of the killed restore runs on for a minute
            self._end_leases()
            answer = self.restore(target, how)
        if answer.status != 200 or self.server.state() != self.golden[target]:
            self.figure.fault(f"the {how} after a kill: {answer}")
        if self.server.numbers() != ["db0"]:
            self.figure.fault(f"the {how} after a kill leaves {self.server.numbers()}")
        self.now = target
        self.moments.learn(how, answer.seconds)

    def _end_leases(self) -> None:
        for number in range(1, 16):
            client = self.server.client()
            client.select(number)
            client.delete("vector-backup:lease")

    def _made(self, name: str) -> tuple[str, dict[bytes, Any]]:
        client = self.server.client()
        client.flushall()
        pipe = client.pipeline(transaction=False)
        for n in range(KEYS):
            pipe.set(f"session:{n}", f"{name} {n} {'x' * 100}")
        for n in range(KEYS // 10):
            pipe.hset(f"user:{n}", mapping={"name": name, "n": n})
        pipe.execute()
        body = {"target": "cache", "consistency": "paused"}
        answer = Client(self.service.port).call("POST", f"{ROUTE}/backup", json.dumps(body).encode())
        return str(answer.data["backup_timestamp"]), self.server.state()


def run(world: World, budget: Budget) -> Figure:
    figure = Figure(
        "kill -9 in restores of Redis",
        "neither the old keys nor the new ones, or a database number left",
        {"of the service": budget.scaled(WANTED), "of the server": budget.scaled(WANTED)},
    )
    chance = world.chance("redis kills")
    with world.output("redis-kills") as output, world.server().database("redis_kills") as database:
        server = RedisServer(output / "redis")
        try:
            targets = json.dumps({"cache": server.url})
            with world.service(database, output, TARGETS=targets) as service:
                scene = Scene(server, service, figure, Moments(chance))
                for how in HOWS:
                    scene.restore_undisturbed(how)
                while budget.allows(figure, "of the service") or budget.allows(figure, "of the server"):
                    whose = min(figure.wanted, key=lambda kind: figure.done[kind])
                    _kill(scene, whose, chance.choice(tuple(HOWS)))
        finally:
            server.kill()
    return figure


def _kill(scene: Scene, whose: str, how: str) -> None:
    """One trial: kill in the middle of a restore, look at the keys, start again, restore for good."""
    target = scene.other
    server = None if whose == "of the service" else scene.server
    in_time, answer = killed_within(lambda: scene.restore(target, how), scene.moments, how, scene.service, server)
    scene.figure.did(whose, in_time)
    scene.look(target, f"{how} killed ({whose})", answer)
    scene.restore_undisturbed(how)
