"""Which fields of POST /restore can't stand together, and why. Every other combination means something and works."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from common.errors import InvalidParams


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
    "tables": lambda value: value is not None and len(value) == 1,
    "truncate_before_restore": bool,
}
"""When a field clashes with others: `atomic` when it is false, `tables` when one is left out."""

CLASHES = (
    Clash("strategy", "truncate_before_restore", "sync 不清空表"),
    Clash("atomic", "strategy", "sync 总是原子的"),
    Clash("atomic", "truncate_before_restore", "清空后恢复总是原子的"),
    Clash("atomic", "on_conflict", "合并总是原子的"),
    Clash("atomic", "collection_suffix", "恢复为新的collection总是原子的"),
    Clash("on_conflict", "truncate_before_restore", "清空后没有冲突的行"),
    Clash("on_conflict", "strategy", "sync 使表与备份相同,不合并"),
    Clash("on_conflict", "collection_suffix", "新的collection不与现有的合并"),
    Clash("collection_suffix", "truncate_before_restore", "原有的collection保持不变"),
    Clash("collection_suffix", "strategy", "原有的collection保持不变"),
    Clash("collection_suffix", "tables", "新的collection需要恢复两张表"),
)


def expect_none(fields: Mapping[str, Any]) -> None:
    """Raise InvalidParams, naming both, for the first two fields that clash."""
    for clash in CLASHES:
        if all(GIVEN[name](fields[name]) for name in (clash.first, clash.second)):
            both = [clash.first, clash.second]
            raise InvalidParams(f"{clash.first} 与 {clash.second} 冲突: {clash.reason}", details={"fields": both})
