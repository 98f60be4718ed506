"""What belongs to a whole server: libraries of functions, and users."""

from collections.abc import Sequence

from common.errors import NotFound
from common.messages import say
from data_pipeline.sets.held_set import HeldSet
from data_pipeline.stores.redis import facts as names
from data_pipeline.stores.redis import stored
from data_pipeline.stores.redis.link.wire import Command, Wire
from data_pipeline.stores.redis.restoring.switching import Beside


def commands(wire: Wire, held: HeldSet, *, functions: bool, users: bool) -> Beside:
    """What puts back those of a set that were asked for. Others of the server stay, and so does the user that the
    connection is of: without it no restore could end. Raises NotFound where the set has none."""
    do: list[Command] = []
    undo: list[Command] = []
    if functions:
        _expect(held, names.FUNCTIONS)
        old = _libraries(wire)
        for library, code in stored.texts(held, names.FUNCTIONS, "library", "code"):
            do.append(("FUNCTION", "LOAD", "REPLACE", code))
            was = old.get(library)
            undo.append(("FUNCTION", "DELETE", library) if was is None else ("FUNCTION", "LOAD", "REPLACE", was))
    if users:
        _expect(held, names.USERS)
        own, rules = wire.call("ACL", "WHOAMI"), _rules(wire)
        for user, rule in stored.texts(held, names.USERS, "user", "rules"):
            if user != own:
                do.append(_user(user, rule))
                undo.append(_user(user, rules[user]) if user in rules else ("ACL", "DELUSER", user))
    return Beside(do, undo)


def _expect(held: HeldSet, key: str) -> None:
    if key not in held.files:
        raise NotFound(say("redis_set_without", what=key), details={"field": key})


def _libraries(wire: Wire) -> dict[bytes, bytes]:
    listed: Sequence[Sequence[bytes]] = wire.call("FUNCTION", "LIST", "WITHCODE")
    found = [dict(zip(one[::2], one[1::2], strict=True)) for one in listed]
    return {one[b"library_name"]: one[b"library_code"] for one in found}


def _rules(wire: Wire) -> dict[bytes, bytes]:
    """`user NAME RULES` by name."""
    split = [line.split(b" ", 2) for line in wire.call("ACL", "LIST")]
    return {name: rule for _, name, rule in split}


def _user(name: bytes, rule: bytes) -> Command:
    return ("ACL", "SETUSER", name, "reset", *rule.split())
