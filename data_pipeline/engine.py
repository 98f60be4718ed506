"""What every operation of one service shares, built once from its settings."""

from dataclasses import dataclass
from pathlib import Path

from data_pipeline.settings import Settings
from data_pipeline.vector.catalog import Catalog
from data_pipeline.vector.connection import Timeouts
from data_pipeline.vector.databases import Databases
from data_pipeline.vector.directory_storage import DirectoryStorage
from data_pipeline.vector.storage import Storage
from data_pipeline.vector.workers import WorkerPool


@dataclass(frozen=True)
class Engine:
    """Nothing here connects or starts a process before it is used."""

    settings: Settings
    storage: Storage
    catalog: Catalog
    databases: Databases
    timeouts: Timeouts
    pool: WorkerPool

    @classmethod
    def build(cls, settings: Settings, output_directory: Path | None = None) -> "Engine":
        storage = DirectoryStorage(output_directory or settings.output_directory)
        return cls(
            settings=settings,
            storage=storage,
            catalog=Catalog(storage, settings.backup_directory),
            databases=Databases(
                settings.configured, settings.embedded_data_dir, settings.allowed_hosts, settings.targets
            ),
            timeouts=settings.timeouts,
            pool=WorkerPool(settings.load_workers),
        )
