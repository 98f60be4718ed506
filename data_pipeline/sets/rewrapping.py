"""Another key around the key of an encrypted set: only the file that vouches for it is written, in one step."""

from data_pipeline.sets import vouching
from data_pipeline.sets.catalog import Catalog
from data_pipeline.storage.location import Location
from data_pipeline.storage.naming import manifest_name
from data_pipeline.storage.registry import Storages


def rewrap(catalog: Catalog, storages: Storages, location: Location, timestamp: str) -> bool:
    """Wrap a set's key with the one that wraps now; False if it is already, or the set is not encrypted.

    Raises EncryptionKeyMissing, InvalidBackup, NotFound, and OperationInProgress while the set is read.
    """
    storage, name = storages.of(location), manifest_name(timestamp)
    with storage.locked(location, timestamp, catalog.data_files(location, timestamp), exclusive=True):
        file = storage.file(location, name)
        envelope = vouching.envelope_of(file.read(0, file.size), name, timestamp)
        rewrapped = envelope.rewrapped(storages.keyring) if envelope else None
        if rewrapped is None:
            return False
        storage.replace(file, vouching.stored(rewrapped))
    return True
