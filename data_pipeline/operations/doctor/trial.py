"""A backup and a restore of ten rows, in a schema of the trial's own and a directory of its own."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from common.errors import InternalError, ServiceError
from common.messages import say
from data_pipeline.engine import Engine
from data_pipeline.operations.backup.operation import BackupOperation
from data_pipeline.operations.compare import BackupComparison
from data_pipeline.operations.requests.backup import BackupRequest
from data_pipeline.operations.requests.compare import CompareRequest
from data_pipeline.operations.requests.restore import RestoreRequest
from data_pipeline.operations.restore.operation import RestoreOperation
from data_pipeline.postgres.connection import transaction
from data_pipeline.postgres.link.wire import Timeouts
from data_pipeline.postgres.schema import scratch
from data_pipeline.postgres.target import Target

ROWS = 10


def run(engine: Engine, target: Target) -> None:
    """Back up, remove, restore and compare. Raises ServiceError; the schema is gone either way."""
    own = replace(target, schema=f"vector_backup_doctor_{secrets.token_hex(4)}", elsewhere=True)
    with TemporaryDirectory(prefix="vector-backup-") as directory, _schema(own, engine):
        alone = engine.apart(own, Path(directory))
        saved = BackupOperation(alone).run(BackupRequest.read({}))
        named = {"backup_path": saved.backup_directory, "timestamp": saved.backup_timestamp}
        with transaction(own, engine.timeouts) as session:
            scratch.empty(session.cursor, own.schema, engine.layout)
        RestoreOperation(alone).run(RestoreRequest.read({**named, "truncate_before_restore": True}))
        compared = BackupComparison(alone).compare(CompareRequest.read(named))
        if not compared.identical or sum(one.same for one in compared.collections) != ROWS:
            raise InternalError(say("doctor_trial_different"))


@contextmanager
def _schema(own: Target, engine: Engine) -> Iterator[None]:
    """A schema with full tables; the first error is kept where dropping it fails too."""
    with transaction(own, engine.timeouts) as session:
        scratch.make(session.cursor, own.schema, engine.layout, ROWS)
    try:
        yield
    except BaseException:
        with suppress(ServiceError):
            _drop(own, engine.timeouts)
        raise
    _drop(own, engine.timeouts)


def _drop(own: Target, timeouts: Timeouts) -> None:
    with transaction(own, timeouts) as session:
        scratch.drop(session.cursor, own.schema)
