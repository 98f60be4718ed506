"""The stores there are: a new room beside this module is a new store."""

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from types import MappingProxyType

from common.errors import InvalidParams
from common.messages import say
from data_pipeline import stores
from data_pipeline.sets.held_set import HeldSet
from data_pipeline.stores.store import Store


@cache
def known() -> Mapping[str, Store]:
    """By family: the STORE of the module `store` in each room."""
    rooms = (one.name for one in pkgutil.iter_modules(stores.__path__) if one.ispkg)
    found: list[Store] = [import_module(f"{stores.__name__}.{room}.store").STORE for room in rooms]
    return MappingProxyType({store.family: store for store in found})


def of(family: str) -> Store:
    """Raises InvalidParams for a family whose store this version has not."""
    if family not in known():
        raise InvalidParams(say("store_unsupported", family=family), details={"family": family})
    return known()[family]


def verify(held: HeldSet) -> None:
    """What the set's own store says of it, beside its hashes. Raises InvalidBackup. A store that this version has not
    says nothing."""
    if store := known().get(held.family):
        store.verify(held)
