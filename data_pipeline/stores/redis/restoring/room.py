"""Whether a set fits into a server's memory, beside what is there: looked at before a key is written, and meanwhile."""

from common.errors import StorageFull
from common.messages import say
from common.sizes import format_size
from data_pipeline.stores.redis.link import server
from data_pipeline.stores.redis.link.wire import Wire

MARGIN = 1.1
"""What a key takes depends on the server; dictionaries grow by doubling."""


class Room:
    """needed: bytes that the set's keys took where they come from."""

    def __init__(self, needed: int) -> None:
        self._needed = int(needed * MARGIN)
        self._evicted: int | None = None

    def expect(self, wire: Wire) -> None:
        """Raise StorageFull for a server that would refuse keys, or evict live ones."""
        info = server.information(wire)
        used, most = _used(info), _most(info)
        self._evicted = int(info.get("evicted_keys", 0))
        if most and used + self._needed > most:
            raise StorageFull(
                say(
                    "redis_needs_memory",
                    needed=format_size(self._needed),
                    free=format_size(max(most - used, 0)),
                    policy=info.get("maxmemory_policy", ""),
                ),
                can_retry=False,
                details={"needed_bytes": self._needed, "free_bytes": max(most - used, 0)},
            )

    def expect_left(self, wire: Wire) -> None:
        """The same while keys are written: other clients write too."""
        info = server.information(wire)
        most = int(info.get("maxmemory", 0))
        full = most and _used(info) + (most >> 6) > most
        if full or int(info.get("evicted_keys", 0)) > (self._evicted or 0):
            raise StorageFull(say("redis_memory_full"), can_retry=False)


def _used(info: dict[str, str]) -> int:
    """What counts for eviction: without the buffers of replicas and of the append-only file."""
    return int(info["used_memory"]) - int(info.get("mem_not_counted_for_evict", 0))


def _most(info: dict[str, str]) -> int:
    """The limit; without one, what the machine has."""
    return int(info.get("maxmemory", 0)) or int(info.get("total_system_memory", 0))
