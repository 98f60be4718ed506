"""The storages of a service by the names requests give them; "local" is the output directory, wherever it is."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

from common.errors import InvalidParams
from common.messages import say
from data_pipeline.storage.base import Storage
from data_pipeline.storage.local.backend import DirectoryStorage
from data_pipeline.storage.location import MAIN_STORAGE, Location
from data_pipeline.storage.s3.bucket_url import BucketUrl

Place: TypeAlias = Path | BucketUrl
"""Where a storage keeps its files, as the settings say."""


class Storages:
    """All that are configured; nothing is asked of any of them before it is used."""

    def __init__(self, places: Mapping[str, Place]) -> None:
        self._storages = {name: _storage(name, place) for name, place in places.items()}

    def __iter__(self) -> Iterator[str]:
        """Their names, the main one first."""
        return iter(self._storages)

    @property
    def main(self) -> Storage:
        return self._storages[MAIN_STORAGE]

    def of(self, location: Location) -> Storage:
        """The storage a location lies in. Raises InvalidParams if none of that name is configured."""
        self.check(location.storage)
        return self._storages[location.storage]

    def check(self, name: str) -> None:
        """Raise InvalidParams unless a storage of that name is configured."""
        if name not in self._storages:
            raise InvalidParams(say("storage_unknown", storages=", ".join(self)), details={"field": "storage"})


def _storage(name: str, place: Place) -> Storage:
    if isinstance(place, Path):
        return DirectoryStorage(place, name)
    from data_pipeline.storage.s3.backend import ObjectStorage  # 15 MB of obstore, only where there is a bucket

    return ObjectStorage(place)
