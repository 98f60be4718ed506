"""From the driver's errors to ours: first the phase, then the SQLSTATE.

psycopg2 has no SQLSTATE for a failed connect, nor for a backend that dies while COPY runs, so the phase decides there.
The driver's text is never passed on: it quotes rows, and passwords in connection strings.
"""

import re
from collections.abc import Collection
from typing import Literal

import psycopg2

from common import errors
from common.errors import ServiceError
from common.messages import say
from data_pipeline.postgres.link import refusal

Relations = Collection[tuple[str, str]]
"""Tables by schema and name."""

Phase = Literal["connect", "prepare", "truncate", "load", "index", "check", "commit", "read"]

CONNECT_FAILED = say("connection_failed")
# "COPY items, line 17, column tags: …", in the server's language: only the number and the name of the column are ours
# to repeat. A table's name is repeated as it is.
COPY_CONTEXT = re.compile(r"COPY .+?, \w+ (?P<record>\d+)(?:, \w+ (?P<column>\w+))?")

# What SQLSTATE doesn't tell apart, by the server's words in English and Chinese.
_RECOVERY = re.compile("conflict with recovery|恢复.*冲突|与恢复")
_UNIDENTIFIED = re.compile("replica identity|复制标识|副本标识")
_QUOTED = re.compile('["\u201c\u300c](?P<name>[^"\u201d\u300d]{1,63})["\u201d\u300d]')
_KEY = re.compile(r"\(name\)=\((?P<value>.*)\)", re.DOTALL)
"""Of DETAIL: which name there is twice. Of another key the value may be text of a row."""

_TRANSIENT = re.compile(r"08...|57P0[123]|53300|53200|25P03")
_MISMATCH = ("25006", "42P01", "42703", "42704", "42P07", "3F000", "42804")
_ROW_REJECTED = ("23502", "23514", "P0001")


def at_connect(error: psycopg2.Error) -> ServiceError:
    """The answer for a connection that was not to be had; its details say why."""
    found = refusal.of(error)
    return errors.DatabaseError(CONNECT_FAILED, can_retry=found.can_retry, details=found.details)


def translate(
    error: psycopg2.Error, phase: Phase, connection_lost: bool, ours: Relations = frozenset()
) -> ServiceError:
    """The answer for a statement that failed in `phase`; ours: the tables that the transaction is about."""
    code = error.pgcode
    if code is None:
        return _without_code(connection_lost)
    if code == "08P01" and phase == "load":
        return _bad_data(error)
    if _TRANSIENT.fullmatch(code):
        return errors.DatabaseError(say("connection_lost"), can_retry=True)
    return _by_code(code, phase, error, ours)


def failed_record(error: psycopg2.Error) -> tuple[int, str | None] | None:
    """The record of the COPY stream (1 is the first) and the column the server complained about, if it says."""
    found = COPY_CONTEXT.search(getattr(error.diag, "context", None) or "")
    return (int(found["record"]), found["column"]) if found else None


def _without_code(connection_lost: bool) -> ServiceError:
    if connection_lost:
        return errors.DatabaseError(say("connection_lost"), can_retry=True)
    return errors.InternalError(say("database_operation_failed"))


def _by_code(code: str, phase: Phase, error: psycopg2.Error, ours: Relations) -> ServiceError:
    if code == "53100":
        return errors.StorageFull(say("database_storage_full"), can_retry=False)
    if code in ("40P01", "40001") and (_RECOVERY.search(str(error)) or (code == "40001" and phase == "read")):
        # A transaction that only reads meets no other one: what cancels it is a standby's replay.
        return errors.LockTimeout(say("standby_conflict"), can_retry=True, details={"cause": "RECOVERY_CONFLICT"})
    if code in ("55P03", "40P01", "40001"):
        return errors.LockTimeout(say("table_lock_timeout"), can_retry=True)
    if code == "57014":
        return errors.OperationTimeout(say("database_operation_stopped"), can_retry=True)
    if code in _MISMATCH:
        return errors.SchemaMismatch(_mismatch_text(code), can_retry=False)
    if code in ("0A000", "2BP01") and phase in ("truncate", "index"):
        return errors.DependentRows(say("references_to_emptied_tables_unnamed"), can_retry=False)
    if code == "42501":
        return errors.PermissionDenied(say("privileges_lacking_or_row_security"), can_retry=False)
    return _by_row(code, phase, error, ours)


def _by_row(code: str, phase: Phase, error: psycopg2.Error, ours: Relations) -> ServiceError:
    if code == "23505":
        return _duplicate(error)
    table = (error.diag.schema_name or "", error.diag.table_name or "")
    if code == "23001" or (code == "23503" and table[1] and table not in ours):
        return _referred(error)
    if code == "23503":
        return errors.OrphanRows(say("orphan_embeddings"), can_retry=False)
    if code in ("22021", "22P05") and phase not in ("load", "index"):  # a table's text, not a file's
        return errors.InvalidBackup(say("backup_text_not_utf8"), can_retry=False)
    if code == "55000" and _UNIDENTIFIED.search(str(error)):
        return _unidentified(error)
    if code == "23502" and error.diag.column_name:
        return _null(error)
    in_copy = phase in ("load", "index") and (code.startswith(("22", "54")) or code == "XX000")
    if in_copy or code in _ROW_REJECTED:
        return _bad_data(error)
    return errors.InternalError(say("database_operation_failed"))


def _referred(error: psycopg2.Error) -> ServiceError:
    """A table that isn't ours: whichever side of its foreign key failed, the server names the one that refers."""
    schema, name = error.diag.schema_name, error.diag.table_name
    if not name:
        return errors.DependentRows(say("references_to_changed_rows_unnamed"), can_retry=False)
    table = f"{schema}.{name}"
    details = {"tables": [{"table": table, "rows": None}]}
    return errors.DependentRows(say("reference_forbids", table=table), can_retry=False, details=details)


def _duplicate(error: psycopg2.Error) -> ServiceError:
    """Collections are known by their names; of any other key the answer repeats nothing."""
    named = _KEY.search(error.diag.message_detail or "")
    if named is None:
        return errors.DuplicateRows(say("duplicate_rows"), can_retry=False)
    table, name = str(error.diag.table_name), named["value"]
    text = say("collection_name_repeated", name=name, table=table)
    return errors.DuplicateRows(text, can_retry=False, details={"table": table, "columns": ["name"], "name": name})


def _null(error: psycopg2.Error) -> ServiceError:
    table, column = str(error.diag.table_name), str(error.diag.column_name)
    text = say("column_requires_a_value", column=column, table=table)
    return errors.InvalidBackup(text, can_retry=False, details={"table": table, "column": column})


def _unidentified(error: psycopg2.Error) -> ServiceError:
    found = _QUOTED.search(str(error))
    table = found["name"] if found else ""
    text = say("replica_identity_missing", table=table)
    return errors.SchemaMismatch(text, can_retry=False, details={"table": table})


def _bad_data(error: psycopg2.Error) -> ServiceError:
    return errors.InvalidBackup(say("database_rejected_data"), can_retry=False)


def _mismatch_text(code: str) -> str:
    texts = {
        "25006": say("database_read_only"),
        "42P01": say("tables_missing"),
        "42703": say("columns_missing"),
        "42704": say("types_missing"),
        "3F000": say("schema_missing"),
    }
    return texts.get(code, say("structure_differs"))
