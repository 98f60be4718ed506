"""Which fields of POST /restore can't stand together, and why. Every other combination means something and works."""

from collections.abc import Callable
from typing import Any

from common.errors import InvalidParams
from common.messages import say
from data_pipeline.operations.requests.restore_options import RestoreOptions
from data_pipeline.operations.restore.modes import registry

Given = Callable[[Any], bool]

GIVEN: dict[str, Given] = {
    "atomic": lambda value: value is False,
    "collection_suffix": lambda value: value is not None,
    "collections": lambda value: value is not None,
    "where": lambda value: value is not None,
    "on_conflict": lambda value: value != "error",
    "strategy": lambda value: value != "reload",
    "tables": lambda value: len(value) == 1,
    "truncate_before_restore": bool,
}
"""When a field clashes with others: `atomic` when it is false, `tables` when one is left out."""

CLASHES = tuple(dict.fromkeys(clash for mode in registry.MODES for clash in mode.clashes))


def expect_none(request: RestoreOptions) -> None:
    """Raise InvalidParams, naming both, for the first two fields that clash."""
    for mode in registry.MODES:
        for clash in mode.clashes if mode.serves(request) else ():
            both = [clash.first, clash.second]
            if all(GIVEN[name](getattr(request, name)) for name in both):
                raise InvalidParams(
                    say("params_clash", first=clash.first, second=clash.second, reason=clash.reason),
                    details={"fields": both},
                )
