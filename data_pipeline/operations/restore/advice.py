"""Other ways to restore, named where one is refused: only those whose dry run finds no problem."""

from common.errors import ServiceError
from data_pipeline.engine import Engine
from data_pipeline.operations.requests.restore import RestoreRequest
from data_pipeline.operations.restore.dry_run import DryRun
from data_pipeline.postgres.progress import Progress, Uncounted
from data_pipeline.postgres.target import Target
from data_pipeline.sets.backup_set import BackupSet


def working(
    engine: Engine, backup_set: BackupSet, request: RestoreRequest, target: Target, progress: Progress
) -> tuple[str, ...]:
    """The ways to the same end that would succeed where what depends on the tables stands in the way of this one."""
    found = []
    for way, other in request.with_same_end().items():
        try:
            report = DryRun(engine, backup_set, other).run(target, Uncounted(progress))
        except ServiceError:
            continue
        if not report.problems:
            found.append(way)
    return tuple(found)
