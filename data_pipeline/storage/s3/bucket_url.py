"""Where a bucket is, as settings name it: `s3://bucket/prefix`, or `s3+http://host:port/bucket/prefix`."""

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from data_pipeline.storage.location import is_plain

BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
SCHEMES = {"s3": None, "s3+http": "http", "s3+https": "https"}


AMAZON = "s3.amazonaws.com"


@dataclass(frozen=True)
class AccessKey:
    """Credentials of one bucket alone."""

    key_id: str
    secret: str = field(repr=False)
    region: str | None = None


@dataclass(frozen=True)
class BucketUrl:
    """A bucket and a prefix in it. `endpoint` is the server's URL; None means Amazon's.

    access_key: None means the environment's credentials.
    """

    endpoint: str | None
    bucket: str
    prefix: str
    access_key: AccessKey | None = None

    @property
    def host(self) -> str:
        """The server's, without its port."""
        return (urlsplit(self.endpoint).hostname or "") if self.endpoint else AMAZON


def parse(text: str) -> BucketUrl:
    """Read such a URL. Raises ValueError for any other, and for one with a password in it: those never stand here."""
    url = urlsplit(text)
    if url.scheme not in SCHEMES or any(sign in text for sign in "@?#%\\"):
        raise ValueError("no URL of a bucket")
    scheme, path = SCHEMES[url.scheme], url.path.strip("/")
    bucket, _, prefix = path.partition("/") if scheme else (url.netloc, "", path)
    parts = prefix.split("/") if prefix else []
    if not (BUCKET.fullmatch(bucket) and all(map(is_plain, parts))):
        raise ValueError("no name of a bucket")
    if scheme and not (url.hostname and (url.port or url.port is None)):  # .port raises ValueError for nonsense
        raise ValueError("no host")
    return BucketUrl(f"{scheme}://{url.netloc}" if scheme else None, bucket, prefix)
