"""Another way to restore, named where a replace is refused: only one whose rehearsal finds no problem."""

from common.errors import ServiceError
from data_pipeline.engine import Engine
from data_pipeline.operations.requests.restore import RestoreRequest
from data_pipeline.operations.restore.dry_run import Rehearsal
from data_pipeline.postgres.progress import Progress, Uncounted
from data_pipeline.postgres.target import Target
from data_pipeline.sets.catalog import BackupSet


def sync_works(
    engine: Engine, backup_set: BackupSet, request: RestoreRequest, target: Target, progress: Progress
) -> bool:
    """Whether a sync would succeed where rows of other tables stand in the way of a replace."""
    if not request.truncate:
        return False
    try:
        forecast = Rehearsal(engine, backup_set, request.as_sync()).run(target, Uncounted(progress))
    except ServiceError:
        return False
    return not forecast.problems
