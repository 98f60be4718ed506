"""A server: its driver, what it says of itself, and what its refusals mean."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from common.errors import (
    DatabaseError,
    DuplicateRows,
    InternalError,
    PermissionDenied,
    SchemaMismatch,
    ServiceError,
    StorageFull,
)
from common.messages import say
from data_pipeline.stores.extras import needed
from data_pipeline.stores.target import StoreTarget

EXTRA = "neo4j"
FETCHED = 1000
FACTS = "CALL dbms.components() YIELD name, versions, edition WHERE name = 'Neo4j Kernel' RETURN versions[0], edition"
SETTINGS = """
SHOW SETTINGS YIELD name, value
WHERE name IN ['db.memory.transaction.max', 'db.memory.transaction.total.max', 'dbms.memory.transaction.total.max',
               'server.memory.heap.max_size']
RETURN name, value
"""
UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
HEAP = "server.memory.heap.max_size"
SHARE_OF_HEAP = 0.5
UNKNOWN_LIMIT = 64 << 20


class Kernel(NamedTuple):
    """version: 5.26.0; edition: community or enterprise. limit: bytes that one transaction may take."""

    version: str
    edition: str
    limit: int


@contextmanager
def session(target: StoreTarget, seconds: float) -> Iterator[Any]:
    """A session of the target's database. What goes wrong in it is raised as ServiceError."""
    driver_of = needed("neo4j", extra=EXTRA).GraphDatabase.driver
    login = (target.user or "", target.password or "") if target.user or target.password else None
    with told():
        driver = driver_of(
            f"{target.scheme}://{target.host}:{target.port or 7687}",
            auth=login,
            connection_timeout=seconds,
            connection_acquisition_timeout=seconds,
            max_transaction_retry_time=0,
            telemetry_disabled=True,
            notifications_min_severity="OFF",
            user_agent="vector-backup",
        )
        with driver, driver.session(database=target.path or None, fetch_size=FETCHED) as made:
            yield made


def kernel(opened: Any) -> Kernel:
    """What a server says of itself."""
    version, edition = opened.run(FACTS).single(strict=True)
    return Kernel(version, edition, _limit(opened))


def _limit(opened: Any) -> int:
    """Of memory for a transaction: the least setting that is one, else a share of the heap."""
    try:
        settings = {name: _bytes(value) for name, value in opened.run(SETTINGS).values()}
    except needed("neo4j", extra=EXTRA).exceptions.ClientError:  # only an administrator may see them
        return UNKNOWN_LIMIT
    heap = int(settings.pop(HEAP, 0) * SHARE_OF_HEAP)
    limits = [value for value in (*settings.values(), heap) if value]
    return min(limits) if limits else UNKNOWN_LIMIT


def _bytes(text: str) -> int:
    for unit in ("KiB", "MiB", "GiB", "B"):
        if text.endswith(unit):
            return int(float(text.removesuffix(unit)) * UNITS[unit])
    return 0


@contextmanager
def told() -> Iterator[None]:
    """The driver's errors as ours; what the server said may hold a value, and isn't repeated."""
    known = needed("neo4j", extra=EXTRA).exceptions
    try:
        yield
    except known.Neo4jError as error:
        raise _refused(error.code or "") from None
    except (known.DriverError, OSError):
        raise DatabaseError(say("neo4j_unreachable"), can_retry=True, details={"cause": "CONNECT"}) from None


def _refused(code: str) -> ServiceError:
    if ".Security." in code:
        if code.endswith("Forbidden"):
            return PermissionDenied(say("neo4j_permission_denied"))
        return DatabaseError(say("neo4j_login_refused"), can_retry=False, details={"cause": "LOGIN"})
    if "DatabaseNotFound" in code:
        return SchemaMismatch(say("neo4j_no_such_database"), can_retry=False)
    if "Memory" in code:
        return StorageFull(say("neo4j_memory_full"), can_retry=False)
    if "ConstraintValidationFailed" in code:
        return DuplicateRows(say("neo4j_constraint_violated"))
    if ".TransientError." in code or ".Database." in code:
        return DatabaseError(say("neo4j_unreachable"), can_retry=True, details={"cause": "LOST"})
    if ".Schema." in code:
        return SchemaMismatch(say("neo4j_schema_refused"), can_retry=False)
    return InternalError(say("neo4j_refused"), can_retry=False)
