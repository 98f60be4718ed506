"""Which fields of POST /restore can't stand together, and why. Every other combination means something and works."""

from collections.abc import Callable
from typing import Any, NamedTuple

from pydantic import BaseModel

from common.errors import InvalidParams
from common.messages import say


class Clash(NamedTuple):
    """Two fields, by the values they clash with, and the reason."""

    first: str
    second: str
    reason: str


Given = Callable[[Any], bool]

GIVEN: dict[str, Given] = {
    "atomic": lambda value: value is False,
    "collection_suffix": lambda value: value is not None,
    "on_conflict": lambda value: value != "error",
    "strategy": lambda value: value == "sync",
    "tables": lambda value: len(value) == 1,
    "truncate_before_restore": bool,
}
"""When a field clashes with others: `atomic` when it is false, `tables` when one is left out."""

CLASHES = (
    Clash("strategy", "truncate_before_restore", say("clash_sync_does_not_empty")),
    Clash("atomic", "strategy", say("clash_sync_is_atomic")),
    Clash("atomic", "truncate_before_restore", say("clash_replace_is_atomic")),
    Clash("atomic", "on_conflict", say("clash_merge_is_atomic")),
    Clash("atomic", "collection_suffix", say("clash_copy_is_atomic")),
    Clash("on_conflict", "truncate_before_restore", say("clash_nothing_to_merge_with")),
    Clash("on_conflict", "strategy", say("clash_sync_does_not_merge")),
    Clash("on_conflict", "collection_suffix", say("clash_copy_does_not_merge")),
    Clash("collection_suffix", "truncate_before_restore", say("clash_copy_leaves_the_original")),
    Clash("collection_suffix", "strategy", say("clash_copy_leaves_the_original")),
    Clash("collection_suffix", "tables", say("clash_copy_needs_both_tables")),
)


def expect_none(request: BaseModel) -> None:
    """Raise InvalidParams, naming both, for the first two fields that clash."""
    for clash in CLASHES:
        if all(GIVEN[name](getattr(request, name)) for name in (clash.first, clash.second)):
            both = [clash.first, clash.second]
            raise InvalidParams(
                say("params_clash", first=clash.first, second=clash.second, reason=clash.reason),
                details={"fields": both},
            )
