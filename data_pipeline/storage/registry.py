"""The kinds of backends, and the storages of a service by the names requests give them.

A new kind is a module beside s3/backend.py and an entry in URL_KINDS. "local" is the output directory, wherever it is.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeAlias

from common.errors import InvalidParams
from common.messages import say
from data_pipeline.encryption.keyring import NO_KEYS, Keyring
from data_pipeline.storage.base import Backend
from data_pipeline.storage.local.backend import DirectoryBackend
from data_pipeline.storage.local.mark import MARK
from data_pipeline.storage.location import MAIN_STORAGE, Location
from data_pipeline.storage.s3 import bucket_url
from data_pipeline.storage.s3.bucket_url import BucketUrl
from data_pipeline.storage.storage import Storage

Place: TypeAlias = Path | BucketUrl
"""Where a storage keeps its files, as the settings say."""


class UrlKind(NamedTuple):
    """A kind of backend whose places are given as URLs."""

    name: str
    """As the shown configuration has it."""
    place: type
    parse: Callable[[str], Any]
    """From a URL to a place. Raises ValueError for one that is none of this kind's."""
    examples: str
    open: Callable[[Any], Backend]


def _bucket(place: BucketUrl) -> Backend:
    from data_pipeline.storage.s3.backend import BucketBackend  # 15 MB of obstore, only where there is a bucket

    return BucketBackend(place)


DIRECTORY = "directory"
URL_KINDS = (
    UrlKind("bucket", BucketUrl, bucket_url.parse, "s3://bucket/prefix or s3+http://host:port/bucket/prefix", _bucket),
)


def parse(text: str, base: Path) -> Place:
    """Read a place as settings give it: a URL, or a directory below `base`. Raises ValueError with what it must be."""
    if "://" not in text:
        path = base / text
        if path.exists() and not path.is_dir():
            raise ValueError("must be a directory")
        return path
    for kind in URL_KINDS:
        try:
            return kind.parse(text)  # type: ignore[no-any-return]
        except ValueError:
            continue
    examples = " or ".join(kind.examples for kind in URL_KINDS)
    raise ValueError(f"must be a directory, or {examples}, without credentials")


def kind_of(place: Place) -> str:
    """What a place is, without saying where."""
    return next((kind.name for kind in URL_KINDS if isinstance(place, kind.place)), DIRECTORY)


def storage_at(
    place: Place, name: str = MAIN_STORAGE, main: Storage | None = None, keyring: Keyring = NO_KEYS
) -> Storage:
    """The storage of a place. Connects to nothing yet. main: of a further storage, the one that remembers it."""
    if isinstance(place, Path):
        return Storage(DirectoryBackend(place, name, _Remembered(main, name, place) if main else None), keyring)
    return Storage(next(kind for kind in URL_KINDS if isinstance(place, kind.place)).open(place), keyring)


class _Remembered:
    """That a further directory has had its mark: a file in the main storage, which every service on it has."""

    def __init__(self, main: Storage, name: str, place: Path) -> None:
        self._main = main
        self._name = name
        self._file = f"{MARK}.{name}.{sha256(bytes(place.absolute())).hexdigest()[:8]}"

    def has(self) -> bool:
        return self._main.has_note(self._file)

    def put(self) -> None:
        self._main.note(self._file, f"The directory of the storage {self._name} has been set up.")


class FurtherPlaces(Protocol):
    """Places that are known elsewhere than in the settings, and may change. Both raise ServiceError."""

    def names(self) -> Sequence[str]: ...

    def find(self, name: str) -> Place | None:
        """None for a name that is not known."""


class Storages:
    """All that are configured; nothing is asked of any of them before it is used.

    keyring: what encrypts new sets, and opens those that are encrypted.
    """

    def __init__(self, places: Mapping[str, Place], keyring: Keyring = NO_KEYS) -> None:
        self.keyring = keyring
        main = storage_at(places[MAIN_STORAGE], keyring=keyring)
        names = [name for name in places if name != MAIN_STORAGE]
        further = {name: storage_at(places[name], name, main, keyring) for name in names}
        self._places = dict(places)
        self._storages = {MAIN_STORAGE: main, **further}
        self._further: FurtherPlaces | None = None
        self._opened: dict[str, tuple[Place, Storage]] = {}

    def __iter__(self) -> Iterator[str]:
        """The names of those that the settings have, the main one first."""
        return iter(self._storages)

    def extend(self, further: FurtherPlaces) -> None:
        """Let requests name further storages."""
        self._further = further

    def all_names(self) -> list[str]:
        """Every name, the main one first. Raises ServiceError where the further ones can't be known."""
        further = self._further.names() if self._further else ()
        return [*self._storages, *(name for name in further if name not in self._storages)]

    @property
    def main(self) -> Storage:
        return self._storages[MAIN_STORAGE]

    def of(self, location: Location) -> Storage:
        """The storage a location lies in. Raises InvalidParams if none of that name is configured."""
        name = location.storage
        if name in self._storages:
            return self._storages[name]
        place = self.place(name)
        if place is None:
            raise InvalidParams(say("storage_unknown", storages=", ".join(self)), details={"field": "storage"})
        return self._open(name, place)

    def place(self, name: str) -> Place | None:
        """Where a storage is; None if none of that name is configured. Raises ServiceError."""
        return self._places.get(name) or (self._further.find(name) if self._further else None)

    def check(self, name: str) -> None:
        """Raise InvalidParams unless a storage of that name is configured."""
        self.of(Location((), name))

    def _open(self, name: str, place: Place) -> Storage:
        """That of the last call as long as its place is the same: it keeps its connections."""
        known = self._opened.get(name)
        if known is None or known[0] != place:
            known = self._opened[name] = (place, storage_at(place, name, keyring=self.keyring))
        return known[1]
