"""Reading the URL of a store that isn't PostgreSQL.

`milvus+http://user:password@host:19530?db=name`, `milvus+lite:///path`, `redis://:password@host:6379/0`,
`neo4j://user:password@host:7687/database`, `s3://key:secret@bucket/prefix`, `s3+http://key:secret@host:port/bucket`.
"""

import re
from typing import NamedTuple
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from data_pipeline.stores.target import FILE, StoreTarget

LONGEST_URL = 2048
HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,252})|[0-9a-fA-F:]{2,45}")
NUMBER = re.compile(r"[0-9]{1,4}")
NAME = re.compile(r"[A-Za-z0-9._-]{1,128}")
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


class Kind(NamedTuple):
    """What a scheme means. port: of a URL that names none. path: what it has to be. options: which there may be."""

    family: str
    port: int | None
    path: re.Pattern[str]
    options: frozenset[str] = frozenset()


NOTHING = re.compile("")
A_NUMBER = re.compile(rf"(?:{NUMBER.pattern})?")
A_NAME = re.compile(rf"(?:{NAME.pattern})?")
A_FILE = re.compile(r"[^\x00-\x1f\x7f]+")
A_PREFIX = re.compile(r"[^\x00-\x1f\x7f\\]*")
A_BUCKET = re.compile(rf"{BUCKET.pattern}(?:/{A_PREFIX.pattern})?")
REGION = frozenset({"region"})

KINDS = {
    "milvus+http": Kind("milvus", 19530, NOTHING, frozenset({"db"})),
    "milvus+https": Kind("milvus", 19530, NOTHING, frozenset({"db"})),
    "milvus+lite": Kind("milvus", None, A_FILE),
    "redis": Kind("redis", 6379, A_NUMBER),
    "rediss": Kind("redis", 6379, A_NUMBER),
    "neo4j": Kind("neo4j", 7687, A_NAME),
    "neo4j+s": Kind("neo4j", 7687, A_NAME),
    "bolt": Kind("neo4j", 7687, A_NAME),
    "s3": Kind("objects", None, A_PREFIX, REGION),
    "s3+http": Kind("objects", 80, A_BUCKET, REGION),
    "s3+https": Kind("objects", 443, A_BUCKET, REGION),
}
AMAZON = "s3.amazonaws.com"


def is_meant(url: str) -> bool:
    """Whether a URL is one of a store's, by its scheme."""
    return url.partition("://")[0].lower() in KINDS


def parse(name: str, url: str, source: str = "target") -> StoreTarget:
    """The target of a URL. Raises ValueError; its text never repeats the URL, which may hold a password."""
    scheme = url.partition("://")[0].lower()
    kind = KINDS.get(scheme)
    if kind is None or len(url) > LONGEST_URL or any(ord(char) < 33 or ord(char) == 127 for char in url):
        raise ValueError("no URL of a store")
    parts = urlsplit(url)
    if parts.fragment:
        raise ValueError("# must be percent-encoded")
    options = tuple(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    if not ({option for option, _ in options} <= kind.options and all(value for _, value in options)):
        raise ValueError(f"options of {scheme} are {', '.join(sorted(kind.options)) or 'none'}, each with a value")
    host, port, path = _place(scheme, kind, parts)
    if not kind.path.fullmatch(path):
        raise ValueError(f"what follows the address of {scheme} has a wrong form")
    user, password = (unquote(part, errors="strict") if part else None for part in (parts.username, parts.password))
    return StoreTarget(name, kind.family, scheme, host, port, user, password, path, options, source)


def _place(scheme: str, kind: Kind, parts: SplitResult) -> tuple[str, int | None, str]:
    """Host, port and path."""
    path = unquote(parts.path.removeprefix("/"), errors="strict")
    if scheme == "milvus+lite":
        if parts.netloc or not path:
            raise ValueError("milvus+lite:///path has no host, and an absolute path")
        return FILE, None, f"/{path}"
    host = parts.hostname or ""
    if scheme == "s3":
        bucket = parts.netloc.rpartition("@")[2]  # .hostname would make small letters of capitals
        if not BUCKET.fullmatch(bucket):
            raise ValueError("s3://bucket/prefix has the name of a bucket")
        return AMAZON, None, f"{bucket}/{path}".rstrip("/")
    port = parts.port or kind.port  # .port raises ValueError for nonsense
    if not HOST.fullmatch(host) or parts.port == 0:
        raise ValueError("no host or port")
    return host, port, path.rstrip("/")
