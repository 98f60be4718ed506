"""How the files of a backup set are called: a table's stem, the set's timestamp, how rows are stored.

`{stem}_20250722_010318.csv` is a table's file, `.csv.zst` a compressed one; the manifest and the claim carry the
timestamp too.
Which stems there are is the business of layouts.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple, get_args

from common.errors import InvalidParams
from common.messages import say
from data_pipeline.formats import compression, registry
from data_pipeline.formats.compression import Compression
from data_pipeline.formats.format import FormatName
from data_pipeline.layouts.base import encoded

FileFormat = FormatName


SEALED = ".enc"
"""What the names of encrypted files end with."""


class Kind(NamedTuple):
    """How the rows of a set's files are stored."""

    format: FileFormat
    compression: Compression = "none"
    sealed: bool = False

    @property
    def suffix(self) -> str:
        """Of the files' names."""
        compressed = "" if self.compression == "none" else f".{compression.SUFFIX}"
        return f"{registry.of(self.format).suffix}{compressed}{SEALED if self.sealed else ''}"

    @property
    def packed(self) -> bool:
        """Whether a file's bytes are others than those of its rows."""
        return self.sealed or self.compression != "none"

    @property
    def shown(self) -> Compression | None:
        """The compression, as answers have it."""
        return None if self.compression == "none" else self.compression


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        kind.suffix: kind
        for kind in (
            Kind(name, how, sealed)
            for sealed in (False, True)
            for how in get_args(Compression)
            for name in registry.FORMATS
        )
    }
)
"""By suffix, in the order in which they are looked for."""

SUFFIXES = {kind: suffix for suffix, kind in KINDS.items()}


def _by_packing(packed_first: bool) -> list[tuple[str, Kind]]:
    """Suffixes and kinds: plain, compressed, encrypted, or the other way round; formats in their order."""
    return sorted(KINDS.items(), key=lambda one: (one[1].sealed, one[1].compression != "none"), reverse=packed_first)


PACKED_LAST, PACKED_FIRST = _by_packing(packed_first=False), _by_packing(packed_first=True)

LOG = "vector_backup_log.txt"
TIMESTAMP = re.compile(r"[0-9]{8}_[0-9]{6}")
TABLE_FILE = re.compile(
    r"(?P<stem>.+)_(?P<timestamp>[0-9]{8}_[0-9]{6})\.(?P<suffix>" + "|".join(map(re.escape, KINDS)) + ")"
)
OPEN_STEM = re.compile(r"(?:[a-z0-9_~-]|%[0-9A-F]{2})+\.(?:[a-z0-9_~-]|%[0-9A-F]{2})+")
"""Of a table that no layout names: its schema and its name, encoded."""

STORE_STEMS: Mapping[str, str] = MappingProxyType(
    {"database": "pg", "milvus": "milvus", "neo4j": "neo4j", "objects": "objects", "redis": "redis"}
)
"""Families of sets that aren't of PostgreSQL tables; what the names of their files begin with."""

STORE_FILE = re.compile(
    rf"(?P<stem>(?P<store>{'|'.join(STORE_STEMS.values())})_(?:[a-z0-9_~-]|%[0-9A-F]{{2}})+(?:\.(?:[a-z0-9_~-]|%[0-9A-F]{{2}})+)*)"
    rf"_(?P<timestamp>[0-9]{{8}}_[0-9]{{6}})\.(?!(?:{'|'.join(map(re.escape, KINDS))})$)"
    r"(?P<suffix>[a-z0-9]+(?:\.[a-z0-9]+){0,2})"
)
"""A file of such a set: `pg_{database}`, `milvus_{collection}.{partition}` and so on, the names encoded."""
CLAIM_FILE = re.compile(r"\.vector_backup_([0-9]{8}_[0-9]{6})\.claim")
MARK_FILE = re.compile(r"\.vector_backup_([0-9]{8}_[0-9]{6})\.(?:[0-9a-f]{32}\.hold|removal)")
"""Beside a set in a store that has no locks: a process reads it, or deletes it."""
PARTIAL_FILE = re.compile(r"\.(.+)\.partial")
MANIFEST_FILE = re.compile(r"vector_backup_([0-9]{8}_[0-9]{6})\.json")
STACK_FILE = re.compile(r"stack_([A-Za-z0-9-]{1,64})_([0-9]{8}_[0-9]{6})\.json")
"""What vouches for the sets of a stack's members together."""


def check_timestamp(timestamp: str) -> None:
    """Raise InvalidParams unless it is eight ASCII digits, an underscore and six; such a time need not exist."""
    if not TIMESTAMP.fullmatch(timestamp):
        raise InvalidParams(say("timestamp_invalid"), details={"field": "timestamp"})


def table_file(stem: str, timestamp: str, kind: Kind) -> str:
    return f"{stem}_{timestamp}.{SUFFIXES[kind]}"


def kind_of(timestamp: str, stems: Iterable[str], present: Collection[str]) -> Kind | None:
    """How the files of a set are stored, by those that are there: the first kind of which none is missing.

    Of a set that a manifest vouches for, encrypted and compressed files come first: any others beside them were made of
    them. Without one they come last, for they can't be restored.
    """
    first, *others = stems  # most often the first file is not there: nothing else is asked about then
    for suffix, kind in PACKED_FIRST if manifest_name(timestamp) in present else PACKED_LAST:
        end = f"_{timestamp}.{suffix}"
        if first + end in present and all(stem + end in present for stem in others):
            return kind
    return None


def store_stem(family: str, *names: str) -> str:
    """What the name of a store's file begins with: `milvus_docs.part` of a collection and its partition."""
    return f"{STORE_STEMS[family]}_{'.'.join(map(encoded, names))}"


def store_file(stem: str, timestamp: str, suffix: str) -> str:
    """Raises ValueError for what no file of a store is called."""
    name = f"{stem}_{timestamp}.{suffix}"
    if not STORE_FILE.fullmatch(name):
        raise ValueError("no name of a store's file")
    return name


def manifest_name(timestamp: str) -> str:
    return f"vector_backup_{timestamp}.json"


def stack_file(stack: str, timestamp: str) -> str:
    return f"stack_{stack}_{timestamp}.json"


def claim_name(timestamp: str) -> str:
    return f".vector_backup_{timestamp}.claim"


def partial_name(name: str) -> str:
    """What a file is called that is not published yet, where a file can be renamed."""
    return f".{name}.partial"


def published_name(name: str) -> str | None:
    """What an unpublished file will be called; None for any other."""
    found = PARTIAL_FILE.fullmatch(name)
    return found[1] if found else None


def timestamp_of(name: str) -> str | None:
    """The timestamp of the set that a file belongs to by its name, published or not; None for any other."""
    published = published_name(name) or name
    if found := MANIFEST_FILE.fullmatch(published):
        return found[1]
    found = TABLE_FILE.fullmatch(published) or STORE_FILE.fullmatch(published)
    return found["timestamp"] if found else None


def described_timestamp(name: str) -> str | None:
    """The timestamp of the set that a file belongs to of which only a manifest says what it holds: rows of any table,
    or what another store has. None for any other file."""
    found = TABLE_FILE.fullmatch(name)
    if found is None or not OPEN_STEM.fullmatch(found["stem"]):
        found = STORE_FILE.fullmatch(name)
    return found["timestamp"] if found else None


def backup_date(timestamp: str) -> str:
    """`20250722_010318` as `2025-07-22 01:03:18`, digits as they stand, whether or not such a day exists."""
    t = timestamp
    return f"{t[:4]}-{t[4:6]}-{t[6:8]} {t[9:11]}:{t[11:13]}:{t[13:15]}"
