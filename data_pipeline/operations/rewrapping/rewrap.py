"""Every encrypted set of some storages, its key wrapped with the one that is configured first."""

from collections.abc import Iterator, Sequence

from common.errors import InvalidParams, NotFound, ServiceError
from common.messages import say
from data_pipeline.engine import Engine
from data_pipeline.operations.results.rewrap import NotRewrapped, RewrappedSets
from data_pipeline.sets import rewrapping
from data_pipeline.storage.location import Location
from data_pipeline.storage.naming import SEALED


def rewrap(engine: Engine, storages: Sequence[str]) -> RewrappedSets:
    """Go through all of them; a set that can't be rewrapped is told, and keeps its key. Raises ServiceError."""
    keyring = engine.storages.keyring
    if not keyring:
        raise InvalidParams(say("rewrap_needs_a_key"))
    rewrapped = current = 0
    failed: list[NotRewrapped] = []
    for where, timestamp in _encrypted(engine, storages):
        try:
            if rewrapping.rewrap(engine.catalog, engine.storages, where, timestamp):
                rewrapped += 1
            else:
                current += 1
        except NotFound:  # removed a moment ago
            continue
        except ServiceError as error:
            told = NotRewrapped(backup_path=where.relative_path, timestamp=timestamp, error=error.response)
            failed.append(told)
    return RewrappedSets(
        response=say("rewrapped", rewrapped=rewrapped, current=current, failed=len(failed)),
        key=keyring.id or "",
        rewrapped=rewrapped,
        current=current,
        failed=failed,
    )


def _encrypted(engine: Engine, storages: Sequence[str]) -> Iterator[tuple[Location, str]]:
    for storage in storages:
        scan = engine.catalog.scan(global_only=False, task_id=None, storage=storage, everything=True)
        for listed in scan.locations:
            for one in listed.sets:
                if any(name.endswith(SEALED) for name in one.files):
                    yield listed.location, one.timestamp
