"""A bucket of an object store, below a prefix: the calls to obstore, and its errors as ours.

Credentials are the bucket's own, or come from the environment (AWS_ACCESS_KEY_ID and its kin) or from the instance, by
obstore's own rules.
What is dropped, cut short or answered by 5xx is tried again there, a bounded number of times: requests as they are, a
stream from where it broke off, if the object is still the same.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import S3Store

from common.errors import InternalError, ServiceUnavailable, StorageFull, StorageUnsupported
from common.messages import say
from data_pipeline.storage.base import Changed, Writable
from data_pipeline.storage.s3.bucket_url import AccessKey, BucketUrl

PART_BYTES = 12 << 20
"""A part of an upload. S3 takes 10,000 of them: 120 GB a file."""

PARTS_UNDER_WAY = 2
CHUNK_BYTES = 2 << 20
"""How much of a stream is handed over at a time."""

RETRIES: Any = {
    "max_retries": 4,
    "retry_timeout": timedelta(seconds=60),
    "backoff": {"init_backoff": timedelta(milliseconds=200), "max_backoff": timedelta(seconds=5), "base": 2},
}
# No limit for a whole request: a restore may read one object for hours. A stalled one is noticed by its silence.
TIMES: dict[str, Any] = {"connect_timeout": "5s", "read_timeout": "30s", "timeout": "7d"}
NO_BUCKET = say("bucket_missing")
NO_CONDITIONS = say("bucket_lacks_conditions")


class Version(NamedTuple):
    """What tells one content of an object from the next."""

    e_tag: str | None
    version: str | None


ANOTHER = Version('"00000000000000000000000000000000"', None)
"""What no object here has."""


class Entry(NamedTuple):
    """An object as a listing shows it: its size in bytes, and when the server says it was written."""

    key: str
    size: int
    modified: datetime
    version: Version

    @property
    def name(self) -> str:
        return self.key.rpartition("/")[2]


class Bucket:
    """Objects by key, below the prefix. Raises ServiceUnavailable, InternalError and StorageFull beside what is named.

    A key that is not there is FileNotFoundError. Making one raises ValueError if the environment's AWS_* are no use.
    """

    def __init__(self, url: BucketUrl) -> None:
        options: Any = {**TIMES, "allow_http": bool(url.endpoint and url.endpoint.startswith("http:"))}
        named: Any = {"endpoint": url.endpoint} if url.endpoint else {}
        if url.access_key and url.access_key.region:
            named["region"] = url.access_key.region
        try:
            self._store = S3Store(
                url.bucket,
                prefix=url.prefix or None,
                config=named,
                client_options=options,
                retry_config=RETRIES,
                credential_provider=_provider(url.access_key) if url.access_key else None,
            )
        except BaseError:
            raise ValueError("half of a key, or what is no region") from None

    def create(self, key: str, data: bytes) -> Version:
        """A new object. Raises FileExistsError if there is one; one of the same bytes counts as ours."""
        with _expected_bucket():
            try:
                return _version(obstore.put(self._store, key, data, mode="create", use_multipart=False))
            except AlreadyExistsError:
                # An answer that was lost is asked for again, and then the object is there: our own.
                with suppress(FileNotFoundError):  # its owner has just removed it
                    found, version = self.get(key)
                    if found == data:
                        return version
                raise FileExistsError from None

    def replace(self, key: str, data: bytes, known: Version) -> Version:
        """New content for an object that has not changed meanwhile. Raises Changed if it has, or is gone."""
        mode: Any = {name: value for name, value in known._asdict().items() if value is not None}
        with _translated():
            try:
                return _version(obstore.put(self._store, key, data, mode=mode, use_multipart=False))
            except (PreconditionError, FileNotFoundError):
                with suppress(FileNotFoundError):
                    found, version = self.get(key)
                    if found == data:
                        return version
                raise Changed from None

    def get(self, key: str) -> tuple[bytes, Version]:
        """A small object, whole."""
        with _translated():
            result = obstore.get(self._store, key)
            return bytes(result.bytes()), _version(result.meta)

    def head(self, key: str) -> Entry:
        """What a listing would show of an object."""
        with _translated():
            return _entry(obstore.head(self._store, key))

    def read(self, key: str, known: Version, start: int, end: int) -> bytes:
        """A range of an object. Raises Changed if it is not the one that is known."""
        with _translated():
            options: Any = {"if_match": known.e_tag, "range": (start, end)}
            return bytes(obstore.get(self._store, key, options=options).bytes())

    def stream(self, key: str, known: Version, start: int) -> Iterator[bytes]:
        """An object from an offset to its end, in chunks. Raises Changed if it is not the one that is known."""
        with _translated():
            options: Any = {"if_match": known.e_tag, "range": {"offset": start}}
            yield from obstore.get(self._store, key, options=options).stream(CHUNK_BYTES)

    @contextmanager
    def writing(self, key: str) -> Iterator[Writable]:
        """An object to be written: it is there when the `with` ends, and not if an exception ends it."""
        with (
            _expected_bucket(),
            obstore.open_writer(self._store, key, buffer_size=PART_BYTES, max_concurrency=PARTS_UNDER_WAY) as writer,
        ):
            yield writer

    def entries(self, prefix: str) -> tuple[list[str], list[Entry]]:
        """What lies directly below a prefix: the names of the next ones, and the objects."""
        with _expected_bucket():
            found = obstore.list_with_delimiter(self._store, prefix or None)
            names = [path.rpartition("/")[2] for path in found["common_prefixes"]]
            return names, [_entry(meta) for meta in found["objects"]]

    def all_entries(self) -> Iterator[Entry]:
        """Every object below the root."""
        with _expected_bucket():
            for chunk in obstore.list(self._store, chunk_size=1000):
                yield from map(_entry, chunk)

    def expect_conditions(self, key: str) -> None:
        """Raise StorageUnsupported if writes to a key that is there succeed although their condition is false.

        Then two writers could have one timestamp, or publish what was taken over from them.
        """
        for write in (lambda: self.create(key, b""), lambda: self.replace(key, b"", ANOTHER)):
            try:
                write()
            except (FileExistsError, Changed):
                continue
            raise StorageUnsupported(NO_CONDITIONS, can_retry=False)

    def clock(self) -> datetime:
        """The time at the store, to the second: when it says that it wrote an object right now."""
        key = f".vector_backup_probe.{uuid.uuid4().hex}"
        self.create(key, key.encode())
        try:
            return self.head(key).modified
        finally:
            self.delete(key)

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is none to remove."""
        with _translated(), suppress(FileNotFoundError):
            obstore.delete(self._store, key)


def _provider(key: AccessKey) -> Any:
    """What obstore asks for credentials. None of the environment's is used then: not its session token either."""
    return lambda: {
        "access_key_id": key.key_id,
        "secret_access_key": key.secret,
        "token": None,
        "expires_at": None,
    }


def _version(meta: Any) -> Version:
    return Version(meta["e_tag"], meta["version"])


def _entry(meta: Any) -> Entry:
    return Entry(meta["path"], meta["size"], meta["last_modified"], _version(meta))


@contextmanager
def _expected_bucket() -> Iterator[None]:
    """Where no key was asked for, what is not there is the bucket."""
    try:
        with _translated():
            yield
    except FileNotFoundError:
        raise InternalError(NO_BUCKET, can_retry=False) from None


@contextmanager
def _translated() -> Iterator[None]:
    """Never with the store's own words: they hold keys, URLs and answers of the server."""
    try:
        yield
    except PreconditionError:
        raise Changed from None
    except (PermissionDeniedError, UnauthenticatedError):
        raise InternalError(say("bucket_access_denied"), can_retry=False) from None
    except (FileNotFoundError, FileExistsError):
        raise
    except (BaseError, OSError) as error:
        if "<Code>NoSuchBucket</Code>" in str(error):
            raise InternalError(NO_BUCKET, can_retry=False) from None
        if any(f"status code: {status}" in str(error) for status in ("401 ", "403 ")):  # a refused list has no class
            raise InternalError(say("bucket_access_denied"), can_retry=False) from None
        if "501 Not Implemented" in str(error) or "<Code>NotImplemented</Code>" in str(error):
            raise StorageUnsupported(NO_CONDITIONS, can_retry=False) from None
        if "507 Insufficient Storage" in str(error):
            raise StorageFull(say("bucket_full"), can_retry=False) from None
        raise ServiceUnavailable(say("bucket_unavailable"), can_retry=True) from None
