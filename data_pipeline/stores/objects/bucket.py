"""A bucket's objects below a prefix: the calls to boto3, and its errors as ours.

obstore, by which backups are stored, knows neither tags nor keys such as `folder/` and `a//b`.
"""

import hashlib
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, BinaryIO, NamedTuple
from urllib.parse import urlencode

from common.errors import DatabaseError, PermissionDenied, ServiceError, StorageFull
from common.messages import say
from data_pipeline.stores.extras import needed
from data_pipeline.stores.objects.record import HEADERS, LONGEST_KEY, Said
from data_pipeline.stores.target import StoreTarget

CHUNK_BYTES = 1 << 20
CONNECTIONS = 16
ATTEMPTS = 4
GONE = frozenset({"404", "NoSuchKey", "NoSuchTagSet"})
DENIED = frozenset({"401", "403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "Unauthorized"})
UNSUPPORTED = frozenset({"501", "NotImplemented", "MethodNotAllowed", "405"})
TAKEN = frozenset({"412", "PreconditionFailed", "ConditionalRequestConflict", "409"})
FULL = frozenset({"507", "InsufficientStorage", "XMinioStorageFull", "QuotaExceeded"})


_making = threading.Lock()
"""A session makes a client at a time; a client is for any thread."""


class Missing(Exception):
    """There is no object of that key (any more)."""


class Listed(NamedTuple):
    """An object as a list shows it; its key below the prefix."""

    key: str
    size: int
    etag: str


class Opened:
    """An object that is read: one version of it, from one request."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        self.size: int = answer["ContentLength"]
        self.etag: str = answer.get("ETag", "")
        self.modified: str = answer["LastModified"].isoformat()
        self.headers = {ours: answer[theirs] for ours, theirs in HEADERS.items() if answer.get(theirs)}
        self.metadata: dict[str, str] = dict(answer.get("Metadata") or {})
        self._body = answer["Body"]

    def chunks(self) -> Iterator[bytes]:
        """Its bytes. Raises ServiceError where it ends too early."""
        with _translated():
            yield from self._body.iter_chunks(CHUNK_BYTES)

    def close(self) -> None:
        self._body.close()


class ObjectBucket:
    """The objects of a target, by their keys below its prefix. Safe to use from many threads. Raises ServiceError."""

    def __init__(self, target: StoreTarget, below: str = "") -> None:
        """below: a further prefix."""
        self.name, _, prefix = target.path.partition("/")
        self.prefix = f"{prefix}/" if prefix else ""
        self._root = self.prefix + below
        self.longest = LONGEST_KEY - len(self._root.encode())
        """Bytes that a key may have here."""
        self._client = _client(target)

    def probe(self) -> str:
        """What the server calls itself. Raises ServiceError where the bucket can't be listed."""
        with _translated():
            answer = self._client.list_objects_v2(Bucket=self.name, Prefix=self._root, MaxKeys=1)
        headers = answer["ResponseMetadata"].get("HTTPHeaders", {})
        return str(headers.get("server", ""))[:100]

    def list(self, prefix: str = "") -> Iterator[Listed]:
        """Those whose key begins so, by key."""
        pages = self._client.get_paginator("list_objects_v2")
        with _translated():
            for page in pages.paginate(Bucket=self.name, Prefix=self._root + prefix):
                for one in page.get("Contents", []):
                    yield Listed(one["Key"][len(self._root) :], one["Size"], one.get("ETag", ""))

    def open(self, key: str) -> Opened:
        """Raises Missing."""
        with _translated():
            return Opened(self._client.get_object(**self._at(key)))

    def said(self, key: str) -> Said:
        """What an object says of itself. Raises Missing."""
        with _translated():
            answer = self._client.head_object(**self._at(key))
        headers = {ours: answer[theirs] for ours, theirs in HEADERS.items() if answer.get(theirs)}
        return Said(headers, dict(answer.get("Metadata") or {}), self.tags(key) or {})

    def tags(self, key: str) -> dict[str, str] | None:
        """None where the server has none. Raises Missing."""
        try:
            with _translated():
                answer = self._client.get_object_tagging(**self._at(key))
        except _Unsupported:
            return None
        return {one["Key"]: one["Value"] for one in answer.get("TagSet", [])}

    def digest(self, key: str) -> str:
        """The SHA-256 of an object's bytes, read anew. Raises Missing."""
        found = hashlib.sha256()
        opened = self.open(key)
        try:
            for chunk in opened.chunks():
                found.update(chunk)
        finally:
            opened.close()
        return found.hexdigest()

    def put(self, key: str, data: bytes, said: Said, *, new: bool) -> bool:
        """Write a small object. new: only where there is none; False if there is one."""
        condition = {"IfNoneMatch": "*"} if new else {}
        try:
            with _translated():
                self._client.put_object(**self._at(key), Body=data, **_arguments(said), **condition)
        except _Taken:
            return False
        except _Unsupported:  # a server without conditions: what isn't there was looked up a moment ago
            with _translated():
                self._client.put_object(**self._at(key), Body=data, **_arguments(said))
        return True

    def upload(self, key: str, data: BinaryIO, said: Said) -> None:
        """Write a large object, in parts."""
        with _translated():
            self._client.upload_fileobj(data, self.name, self._root + key, ExtraArgs=_arguments(said))

    def has(self, key: str) -> bool:
        try:
            with _translated():
                self._client.head_object(**self._at(key))
        except Missing:
            return False
        return True

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is none to remove."""
        with _translated():
            self._client.delete_object(**self._at(key))

    def _at(self, key: str) -> dict[str, str]:
        return {"Bucket": self.name, "Key": self._root + key}


class _Unsupported(ServiceError):
    """The server doesn't know what was asked."""


class _Taken(Exception):
    """A condition was not met."""


def _arguments(said: Said) -> dict[str, Any]:
    """What an object says of itself, as boto3 takes it."""
    headers = {HEADERS[name]: value for name, value in said.headers.items()}
    tagging = {"Tagging": urlencode(said.tags)} if said.tags else {}
    return {**headers, **tagging, "Metadata": said.metadata}


def _client(target: StoreTarget) -> Any:
    boto3 = needed("boto3", extra="objects")
    config = needed("botocore.config", extra="objects").Config
    scheme = target.scheme.partition("+")[2]
    port = "" if target.port is None else f":{target.port}"
    host = f"[{target.host}]" if ":" in target.host else target.host
    key = {"aws_access_key_id": target.user, "aws_secret_access_key": target.password} if target.user else {}
    # The credentials of the environment may change in its files; a session would keep those that it has read.
    session = _session() if key else boto3.session.Session()
    with _making:
        return session.client(
            "s3",
            endpoint_url=f"{scheme}://{host}{port}" if scheme else None,
            region_name=target.option("region") or (None if not scheme else "us-east-1"),
            config=config(
                connect_timeout=5,
                read_timeout=30,
                retries={"mode": "standard", "max_attempts": ATTEMPTS},
                max_pool_connections=CONNECTIONS,
                s3={"addressing_style": "path"} if scheme else {},
                request_checksum_calculation="when_required",  # servers that are not Amazon's may not know the others
                response_checksum_validation="when_required",
            ),
            **key,
        )


@cache
def _session() -> Any:
    """One for all clients that have a key: it keeps the description of S3, which it takes 0.1 s to read."""
    return needed("boto3", extra="objects").session.Session()


@contextmanager
def _translated() -> Iterator[None]:
    """Never with the server's own words, which hold keys and URLs."""
    exceptions = needed("botocore.exceptions", extra="objects")
    try:
        yield
    except exceptions.ClientError as error:
        raise _of_code(str(error.response.get("Error", {}).get("Code", ""))) from None
    except (exceptions.BotoCoreError, exceptions.HTTPClientError, OSError):
        raise DatabaseError(say("bucket_unavailable"), can_retry=True) from None
    except Exception as error:
        if type(error).__module__.startswith(("boto3", "botocore", "s3transfer", "urllib3")):
            raise DatabaseError(say("bucket_unavailable"), can_retry=True) from None
        raise


def _of_code(code: str) -> Exception:
    if code == "NoSuchBucket":
        return DatabaseError(say("bucket_missing"), can_retry=False)
    if code in GONE:
        return Missing()
    if code in TAKEN:
        return _Taken()
    if code in DENIED:
        return PermissionDenied(say("bucket_access_denied"), can_retry=False)
    if code in UNSUPPORTED:
        return _Unsupported(say("bucket_unavailable"))
    if code in FULL:
        return StorageFull(say("bucket_full"), can_retry=False)
    return DatabaseError(say("bucket_unavailable"), can_retry=True)
