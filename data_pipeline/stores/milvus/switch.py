"""New collections in the place of live ones: by alias at once, else by two renames; and what a crash left, settled.

Aliases are set one by one, each without a moment in which it means nothing. Between two renames the name means no
collection; milvus-lite unloads what it renames, so the new one is loaded again.
"""

import time
from dataclasses import dataclass

from data_pipeline.stores.intents import Intent
from data_pipeline.stores.milvus import live, making
from data_pipeline.stores.milvus.protocol import protocol
from data_pipeline.stores.milvus.server import Server

MARK = "vector_backup.intent"
"""The property of a collection that a restore has made and not finished: its intent."""


@dataclass(frozen=True)
class Switched:
    """name: what the new collection is called now. Seconds: how long the name meant none, and could not be searched."""

    name: str
    by: str
    window_seconds: float
    unloaded_seconds: float

    @classmethod
    def settled(cls, intent: Intent, seconds: float) -> "Switched":
        """Of a switch that failed at first, and was finished."""
        by_alias = bool(intent.aliases)
        window = 0.0 if by_alias else seconds
        return cls(intent.fresh if by_alias else intent.collection, "alias" if by_alias else "rename", window, window)


def by_alias(server: Server, intent: Intent) -> Switched:
    """Let the aliases mean the new collection."""
    for alias in intent.aliases:
        making.point_alias(server, alias, intent.fresh, there=True)
    finish(server, intent)
    return Switched(intent.fresh, "alias", 0.0, 0.0)


def by_rename(server: Server, intent: Intent, *, loaded: bool) -> Switched:
    """Rename the live collection away and the new one into its place. loaded: it has to be searched afterwards."""
    started = time.monotonic()
    making.rename(server, intent.collection, intent.old or "")
    making.rename(server, intent.fresh, intent.collection)
    window = time.monotonic() - started
    if loaded and not live.is_loaded(server, intent.collection):
        live.load(server, intent.collection)
    unloaded = time.monotonic() - started
    finish(server, intent)
    return Switched(intent.collection, "rename", round(window, 4), round(unloaded, 4))


def finish(server: Server, intent: Intent) -> None:
    """What follows a switch: the old collection goes where that was asked for, and then the mark, by which a crash
    between them is known."""
    if intent.drop_old and intent.old:
        making.drop(server, intent.old)
    unmark(server, intent.fresh if intent.aliases else intent.collection)


def settle(server: Server, intent: Intent) -> str:
    """Finish or revert what a restore left that did not end; which it was. Raises ServiceError."""
    if intent.stage == "aliasing" and _is_ours(server, intent.fresh, intent):
        for alias in intent.aliases:
            making.point_alias(server, alias, intent.fresh, there=True)
        finish(server, intent)
        return "finished"
    if intent.stage == "renaming" and live.find(server, intent.collection) is None:
        if _is_ours(server, intent.fresh, intent):
            making.rename(server, intent.fresh, intent.collection)
            live.load(server, intent.collection)
            finish(server, intent)
            return "finished"
        if intent.old and live.find(server, intent.old):
            making.rename(server, intent.old, intent.collection)
            live.load(server, intent.collection)
            return "reverted"
    if intent.stage == "renaming" and intent.fresh != intent.collection and _is_ours(server, intent.collection, intent):
        live.load(server, intent.collection)
        finish(server, intent)
        return "finished"
    if _is_ours(server, intent.fresh, intent):
        making.drop(server, intent.fresh)
    return "reverted"


def unmark(server: Server, name: str) -> None:
    """Take the mark from a collection."""
    request = protocol().milvus.AlterCollectionRequest(collection_name=name, delete_keys=[MARK])
    server.call("AlterCollection", request, about=name)


def _is_ours(server: Server, name: str, intent: Intent) -> bool:
    """Whether the collection of this very name is what the intent's restore has made."""
    found = live.find(server, name)
    return found is not None and found.name == name and found.properties.get(MARK) == intent.id
