"""What a server says of itself."""

from dataclasses import dataclass
from typing import Any, Literal

from common.errors import PermissionDenied, SchemaMismatch, StoreUnsupported
from common.messages import say
from data_pipeline.stores.redis.link.wire import Wire

OLDEST = (7, 0)
"""PEXPIRETIME, functions, and what a stream's groups have read."""
BATCH_BYTES, LEAST_BATCH_BYTES = 2 << 20, 16 << 10
DATABASES = 16
"""Where CONFIG may not be asked: the default."""


@dataclass(frozen=True)
class Server:
    """kind: who made it. field_ttls: whether fields of a hash can expire. databases: how many numbers there are."""

    kind: Literal["redis", "valkey"]
    version: str
    field_ttls: bool
    is_replica: bool
    databases: int
    info: dict[str, str]

    @property
    def batch_bytes(self) -> int:
        """How much is read or written at a time, with the next under way. What waits to be sent counts as used: where
        memory is short, a large batch would evict live keys."""
        most = int(self.info.get("maxmemory", 0))
        if not most or self.info.get("maxmemory_policy") == "noeviction":
            return BATCH_BYTES
        left = most - int(self.info["used_memory"]) + int(self.info.get("mem_not_counted_for_evict", 0))
        return min(max(left // 16, LEAST_BATCH_BYTES), BATCH_BYTES)

    @property
    def name(self) -> str:
        return f"{self.kind} {self.version}"


def inspect(wire: Wire) -> Server:
    """Raises StoreUnsupported for a cluster, a sentinel, or a server that is too old."""
    info = information(wire)
    kind: Literal["redis", "valkey"] = "valkey" if "valkey_version" in info else "redis"
    version = info[f"{kind}_version"]
    numbers = tuple(int(part) for part in version.split(".")[:2])
    if info.get("cluster_enabled") == "1":
        raise StoreUnsupported(say("redis_cluster"), can_retry=False, details={"reason": "cluster"})
    if info.get("redis_mode") == "sentinel":
        raise StoreUnsupported(say("redis_sentinel"), can_retry=False, details={"reason": "sentinel"})
    if numbers < OLDEST:
        raise StoreUnsupported(say("redis_too_old", version=version), can_retry=False, details={"version": version})
    return Server(
        kind=kind,
        version=version,
        field_ttls=numbers >= ((9, 0) if kind == "valkey" else (7, 4)),
        is_replica=info.get("role") in ("slave", "replica"),
        databases=_databases(wire),
        info=info,
    )


def information(wire: Wire) -> dict[str, str]:
    """What INFO has, by name."""
    lines = wire.call("INFO").decode(errors="replace").splitlines()
    return {name: text for name, separator, text in (line.partition(":") for line in lines) if separator}


def keyspace(wire: Wire) -> dict[int, int]:
    """How many keys each database has that has any."""
    found = {}
    for line in wire.call("INFO", "keyspace").decode().splitlines():
        name, _, facts = line.partition(":")
        if name.startswith("db") and facts:
            found[int(name[2:])] = int(facts.partition("keys=")[2].partition(",")[0])
    return found


def clock(wire: Wire) -> int:
    """The server's time, in ms since 1970: keys expire by it."""
    seconds, micro = wire.call("TIME")
    return int(seconds) * 1000 + int(micro) // 1000


def expect_writable(server: Server) -> None:
    """Raise SchemaMismatch for a replica, whose data are its primary's."""
    if server.is_replica:
        raise SchemaMismatch(say("redis_read_only"), can_retry=False)


def _databases(wire: Wire) -> int:
    try:
        reply: Any = wire.call("CONFIG", "GET", "databases")
    except (PermissionDenied, StoreUnsupported):
        return DATABASES
    return int(reply[1]) if reply else DATABASES
