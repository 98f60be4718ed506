"""A set restored into a Milvus, whichever store it is of: what is asked, done, and said of it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from common.errors import InvalidParams, ServiceError
from common.messages import say
from data_pipeline.engine import Engine
from data_pipeline.operations.milvus import results
from data_pipeline.operations.milvus.crossing.table_source import called
from data_pipeline.operations.milvus.requests import MilvusRestoreRequest
from data_pipeline.operations.milvus.restore import Restoring
from data_pipeline.operations.milvus.sources import Source
from data_pipeline.operations.requests.restore_options import RestoreOptions
from data_pipeline.operations.results.result import BackupInfo, StoreTarget
from data_pipeline.postgres.progress import Progress
from data_pipeline.storage.naming import backup_date
from data_pipeline.stores.milvus.server import connected
from data_pipeline.stores.milvus.store import FAMILY
from data_pipeline.stores.target import StoreTarget as Target

SHARED = frozenset({"backup_path", "timestamp", "layout", "into", "collections", "dry_run", "as_job"})
"""Fields of a restore into PostgreSQL that mean something of one into Milvus; the route of Milvus has more."""


def asked(request: RestoreOptions) -> MilvusRestoreRequest:
    """A restore with `into` as the route of Milvus has it. Raises InvalidParams for fields that mean nothing there."""
    for field in sorted(request.model_fields_set - SHARED):
        raise InvalidParams(say("milvus_options_clash", one="into.milvus", other=field), details={"field": field})
    into = request.into
    body = {
        "set": {"backup_path": request.backup_path, "timestamp": request.timestamp},
        "target": into.target if into else None,
        "collections": [called(name) for name in request.collections] if request.collections else None,
        "renames": {called(old): called(new) for old, new in (into.tables or {}).items()} if into else None,
        "dry_run": request.dry_run,
        "async": request.as_job,
    }
    return MilvusRestoreRequest.read({name: value for name, value in body.items() if value})


def restore(
    engine: Engine, source: Source, request: MilvusRestoreRequest, progress: Progress
) -> results.MilvusRestored:
    """Put a source's collections into a Milvus; a dry run only says what would happen. Raises ServiceError."""
    started, named = time.monotonic(), request.named_set
    target = engine.store_target(request.target, FAMILY)
    progress.expect_rows(sum(one.rows for one in source.facts.collections))
    intents = None if request.dry_run else engine.intents.store
    with _named(target), connected(target, progress) as server:
        untried = engine.settings.milvus.untried_types
        restoring = Restoring(server, source, request, target, progress, untried)
        found = restoring.plan() if intents is None else restoring.run(intents)
    return results.MilvusRestored(
        response=say("milvus_restore_planned") if request.dry_run else say("milvus_restore_done"),
        restore_performed=not request.dry_run,
        dry_run=request.dry_run or None,
        backup_info=BackupInfo(
            backup_path=named.backup_path, timestamp=named.timestamp, backup_date=backup_date(named.timestamp)
        ),
        restore_results=found,
        problems=restoring.problems if request.dry_run else None,
        errors=[],
        warnings=list(dict.fromkeys([*source.warnings, *restoring.warnings])),
        target=StoreTarget(**target.public()),
        duration=round(time.monotonic() - started, 3),
    )


@contextmanager
def _named(target: Target) -> Iterator[None]:
    """Let a failure say which server it was about."""
    try:
        yield
    except ServiceError as error:
        error.data.setdefault("target", target.public())
        raise
