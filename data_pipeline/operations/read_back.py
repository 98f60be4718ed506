"""A whole set, of tables or of another store, read as a restore would."""

from data_pipeline.engine import Engine
from data_pipeline.postgres.progress import SILENT, Progress
from data_pipeline.sets import verify
from data_pipeline.sets.held_set import AnySet, HeldSet
from data_pipeline.sets.verify import ReadFile
from data_pipeline.stores import registry


def through(engine: Engine, found: AnySet, progress: Progress = SILENT) -> dict[str, ReadFile]:
    """Every file by table or key. Raises InvalidBackup at the first byte that is wrong, OrphanRows; Cancelled once
    `progress` says so."""
    if not isinstance(found, HeldSet):
        return verify.read_through(found, engine.pool, progress)
    read = verify.read_blocks(found, progress)
    registry.verify(found)
    return read
