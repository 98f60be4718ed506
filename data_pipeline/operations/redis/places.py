"""Which database of a set meets which one of a server."""

from collections.abc import Mapping, Sequence

from common.errors import InvalidParams, NotFound
from common.messages import say
from data_pipeline.stores.redis.facts import RedisFacts
from data_pipeline.stores.target import StoreTarget


def chosen(facts: RedisFacts, databases: Sequence[int] | None) -> list[int]:
    """Those of the set that were asked for. Raises NotFound for one that it hasn't."""
    for number in databases or ():
        if number not in facts.numbers:
            text = say("redis_set_without_database", database=number, databases=tuple(map(str, facts.numbers)))
            raise NotFound(text, details={"field": "databases"})
    return sorted(databases) if databases else facts.numbers


def places(
    facts: RedisFacts, databases: Sequence[int] | None, into: Mapping[str, int] | None, target: StoreTarget
) -> dict[int, int]:
    """By the number in the set the one on the server. A set of one database goes where the target's URL says.

    Raises NotFound, and InvalidParams for two that would meet.
    """
    numbers = chosen(facts, databases)
    for name in into or {}:
        if int(name) not in numbers:
            text = say("redis_set_without_database", database=int(name), databases=tuple(map(str, numbers)))
            raise NotFound(text, details={"field": "into"})
    own = {numbers[0]: int(target.path or 0)} if len(facts.numbers) == 1 else {}
    renamed = {int(name): number for name, number in (into or {}).items()}
    found = {number: renamed.get(number, own.get(number, number)) for number in numbers}
    if len(set(found.values())) < len(found):
        raise InvalidParams(say("redis_databases_meet"), details={"field": "into"})
    return found
