"""Which fields of POST /restore can't stand together, and why. Every other combination means something and works."""

from collections.abc import Callable
from typing import Any

from common.errors import InvalidParams
from common.messages import say
from data_pipeline.operations.requests.restore_options import RestoreOptions
from data_pipeline.operations.restore.modes import registry
from data_pipeline.operations.restore.modes.mode import Clash

Given = Callable[[Any], bool]

GIVEN: dict[str, Given] = {
    "allow_lossy": bool,
    "atomic": lambda value: value is False,
    "backup_before_restore": bool,
    "collection_suffix": lambda value: value is not None,
    "collections": lambda value: value is not None,
    "create_tables": bool,
    "into": lambda value: value is not None,
    "rename": lambda value: value is not None,
    "triggers": lambda value: value != "fire",
    "where": lambda value: value is not None,
    "on_conflict": lambda value: value != "error",
    "strategy": lambda value: value != "reload",
    "tables": lambda value: len(value) == 1,
    "truncate_before_restore": bool,
}
"""When a field clashes with others: `atomic` when it is false, `tables` when one is left out."""

INTO = (
    *(
        Clash("into", field, say("clash_into_only_adds"))
        for field in ("truncate_before_restore", "strategy", "on_conflict", "collection_suffix", "triggers")
    ),
    Clash("allow_lossy", "into", say("clash_into_keeps_values")),
    Clash("backup_before_restore", "into", say("clash_into_changes_nothing")),
    Clash("atomic", "into", say("clash_into_is_atomic")),
    Clash("create_tables", "into", say("clash_into_makes_tables")),
    Clash("into", "rename", say("clash_into_names_tables")),
    Clash("into", "where", say("clash_into_takes_collections")),
)
"""What a restore as another layout excludes, which no mode serves."""

CLASHES = tuple(dict.fromkeys([*(clash for mode in registry.MODES for clash in mode.clashes), *INTO]))


def expect_none(request: RestoreOptions) -> None:
    """Raise InvalidParams, naming both, for the first two fields that clash."""
    asked = [clash for mode in registry.MODES if mode.serves(request) for clash in mode.clashes]
    for clash in INTO if request.into else asked:
        both = [clash.first, clash.second]
        if all(GIVEN[name](getattr(request, name)) for name in both):
            raise InvalidParams(
                say("params_clash", first=clash.first, second=clash.second, reason=clash.reason),
                details={"fields": both},
            )
