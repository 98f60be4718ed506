"""Another way to restore, named where a replace is refused: only one whose rehearsal finds no problem."""

from dataclasses import replace

from common.errors import ServiceError
from data_pipeline.engine import Engine
from data_pipeline.operations.restore.dry_run import Rehearsal
from data_pipeline.operations.restore.options import Options
from data_pipeline.postgres.progress import Progress, Uncounted
from data_pipeline.postgres.target import Target
from data_pipeline.sets.catalog import BackupSet

SYNC = ";恢复时可改用 strategy: sync"


def instead(engine: Engine, backup_set: BackupSet, options: Options, target: Target, progress: Progress) -> str:
    """What to add to the refusal of a replace that rows elsewhere stand in the way of; nothing where sync fails too."""
    if not options.truncate:
        return ""
    sync = replace(options, truncate=False, strategy="sync")
    try:
        forecast = Rehearsal(engine, backup_set, sync).run(target, Uncounted(progress))
    except ServiceError:
        return ""
    return "" if forecast.problems else SYNC
