"""What every operation of one service shares, built once from its settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from data_pipeline.encryption.keyring import Keyring
from data_pipeline.formats.worker_pool import WorkerPool
from data_pipeline.layouts.base import Layout
from data_pipeline.layouts.registry import DOCUMENTED
from data_pipeline.postgres.link.wire import Timeouts
from data_pipeline.postgres.target import Defaults, Target
from data_pipeline.postgres.whole.unfinished import Unfinished
from data_pipeline.resolver import Databases
from data_pipeline.sets.catalog import Catalog
from data_pipeline.sets.summary import Summaries
from data_pipeline.settings import Settings, SettingsError
from data_pipeline.storage.location import MAIN_STORAGE
from data_pipeline.storage.registry import Place, Storages
from data_pipeline.storage.s3.bucket_url import BucketUrl
from data_pipeline.store_targets import StoreTargets
from data_pipeline.stores.intents import Intents
from data_pipeline.stores.pg_database.known_archives import KnownArchives
from data_pipeline.stores.target import StoreTarget


@dataclass(frozen=True)
class Engine:
    """Nothing here connects or starts a process before it is used."""

    settings: Settings
    storages: Storages
    catalog: Catalog
    summaries: Summaries
    databases: Databases
    stores: StoreTargets
    timeouts: Timeouts
    pool: WorkerPool
    archives: KnownArchives = field(default_factory=KnownArchives)
    """Of whole databases."""
    layout: Layout = DOCUMENTED
    """Of what is backed up where a request names none."""

    intents: Intents = field(default_factory=Intents)
    """What restores of Milvus are about to do, once there is a jobs database that keeps it."""

    unfinished: Unfinished = field(default_factory=Unfinished)

    @classmethod
    def build(cls, settings: Settings, output_directory: Path | None = None) -> "Engine":
        places = {MAIN_STORAGE: output_directory or settings.output_directory, **settings.storages}
        storages = _storages(places, settings.packing.keyring)
        return cls(
            settings=settings,
            storages=storages,
            catalog=Catalog(storages, settings.backup_directory),
            summaries=Summaries(storages),
            databases=Databases(
                settings.configured,
                settings.embedded_data_dir,
                settings.allowed_hosts,
                settings.targets,
                Defaults(settings.schema, settings.ssl_root_cert),
                settings.store_targets,
            ),
            stores=StoreTargets(
                settings.store_targets, settings.targets, settings.allowed_hosts, bucket_hosts(settings)
            ),
            timeouts=settings.timeouts,
            pool=WorkerPool(settings.load_workers, settings.largest_field),
        )

    def apart(self, target: Target, output_directory: Path) -> "Engine":
        """The same for one database and one directory of backups, without any others."""
        storages = Storages({MAIN_STORAGE: output_directory}, self.settings.packing.keyring)
        defaults = Defaults(target.schema, self.settings.ssl_root_cert)
        databases = Databases(target, self.settings.embedded_data_dir, frozenset(), {}, defaults)
        catalog = Catalog(storages, self.settings.backup_directory)
        return replace(self, storages=storages, catalog=catalog, databases=databases, stores=StoreTargets({}))

    def store_target(self, name: str, family: str) -> StoreTarget:
        """The store of a configured name. Raises InvalidParams for an unknown one, or one of another family."""
        return self.stores.named(name, family)


def bucket_hosts(settings: Settings) -> frozenset[str]:
    """Hosts of buckets that what is made through the API may name: what STORAGE_ALLOWED_HOSTS names, and where the
    environment's own buckets are."""
    places = [settings.output_directory, *settings.storages.values()]
    return settings.storage_hosts | {place.host.lower() for place in places if isinstance(place, BucketUrl)}


def _storages(places: Mapping[str, Place], keyring: Keyring) -> Storages:
    try:
        return Storages(places, keyring)
    except ValueError:
        raise SettingsError("the AWS_* variables of the environment are no credentials: some are missing") from None
