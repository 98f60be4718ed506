"""Another way to restore, named where a replace is refused: only one whose dry run finds no problem."""

from dataclasses import replace

from common.errors import ServiceError
from data_pipeline.engine import Engine
from data_pipeline.operations.restore.dry_run import DryRun
from data_pipeline.operations.restore.options import Options
from data_pipeline.postgres.progress import Progress, Uncounted
from data_pipeline.postgres.target import Target
from data_pipeline.sets.catalog import BackupSet


def sync_works(engine: Engine, backup_set: BackupSet, options: Options, target: Target, progress: Progress) -> bool:
    """Whether a sync would succeed where rows of other tables stand in the way of a replace."""
    if not options.truncate:
        return False
    sync = replace(options, truncate=False, strategy="sync")
    try:
        report = DryRun(engine, backup_set, sync).run(target, Uncounted(progress))
    except ServiceError:
        return False
    return not report.problems
