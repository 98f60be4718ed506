"""From SQLSTATE and phase to an answer. The driver's errors are made here as its own unpickling makes them."""

from itertools import product
from typing import Any, get_args

import psycopg2
import pytest

from common import errors
from common.errors import ServiceError
from data_pipeline.postgres import sqlstate
from data_pipeline.postgres.sqlstate import Phase

SECRET = "the-text-of-a-row"
PHASES = [phase for phase in get_args(Phase) if phase != "connect"]
LOADING = ["load", "index"]
REMOVING = ["truncate", "index"]


def refusal(code: str | None, text: str = SECRET) -> psycopg2.Error:
    """An error as the driver raises it, with this SQLSTATE."""
    error = psycopg2.DatabaseError(text)
    error.__setstate__({"pgcode": code, "pgerror": text})
    assert error.pgcode == code
    return error


def answer(code: str | None, phase: Any = "prepare", lost: bool = False) -> ServiceError:
    return sqlstate.translate(refusal(code), phase, lost)


class Diagnosis:
    def __init__(self, context: str) -> None:
        self.context = context


@pytest.mark.parametrize(
    ("context", "found"),
    [
        ("COPY langchain_pg_embedding, line 17, column cmetadata: {...}", (17, "cmetadata")),
        ("COPY langchain_pg_embedding, line 17", (17, None)),
        ("COPY langchain_pg_embedding, 行 17, 列 cmetadata: {...}", (17, "cmetadata")),
        ('SQL statement "SELECT 1"', None),
    ],
)
def test_the_record_is_found_in_whatever_language_the_server_speaks(context: str, found: Any) -> None:
    class Refusal:
        diag = Diagnosis(context)

    assert sqlstate.failed_record(Refusal()) == found  # type: ignore[arg-type]


ANYWHERE = {
    errors.DatabaseError: "08000 08001 08003 08004 08006 08007 57P01 57P02 57P03 53300 53200 25P03",
    errors.StorageFull: "53100",
    errors.LockTimeout: "55P03 40P01 40001",
    errors.OperationTimeout: "57014",
    errors.SchemaMismatch: "25006 42P01 42703 42704 42P07 3F000",
    errors.DuplicateRows: "23505",
    errors.OrphanRows: "23503",
    errors.InvalidBackup: "22021 22P05 23502 23514 P0001",
    errors.PermissionDenied: "42501",
    errors.InternalError: "42601 55000 55006 53000 53400 58030 F0000 P0002 ZZ999",
}
RETRY = (errors.DatabaseError, errors.LockTimeout, errors.OperationTimeout)


@pytest.mark.parametrize("kind", ANYWHERE)
def test_a_code_means_the_same_in_every_phase(kind: type[ServiceError]) -> None:
    for code, phase in product(ANYWHERE[kind].split(), PHASES):
        found = answer(code, phase)
        assert type(found) is kind, (code, phase)
        assert bool(found.data.get("can_retry")) is (kind in RETRY), (code, phase)


STATUSES = {
    "08006": (500, "DATABASE_ERROR"),
    "53100": (507, "STORAGE_FULL"),
    "55P03": (409, "LOCK_TIMEOUT"),
    "57014": (504, "TIMEOUT"),
    "25006": (409, "SCHEMA_MISMATCH"),
    "23505": (409, "DUPLICATE_ROWS"),
    "23503": (422, "ORPHAN_ROWS"),
    "23514": (422, "INVALID_BACKUP"),
    "42501": (403, "PERMISSION_DENIED"),
    "ZZ999": (500, "INTERNAL_ERROR"),
}


@pytest.mark.parametrize(("code", "expected"), STATUSES.items())
def test_each_answer_has_its_status(code: str, expected: tuple[int, str]) -> None:
    found = answer(code)
    assert (found.status, found.error_type) == expected


ONLY_WHILE = {
    "08P01 is damage in binary COPY, else a broken connection": (
        ["08P01"],
        ["load"],
        errors.InvalidBackup,
        errors.DatabaseError,
    ),
    "a value is bad while it is loaded or indexed, else the statement was ours": (
        ["22000", "22P02", "22P03", "22P04", "22003", "22001", "54000", "XX000"],
        LOADING,
        errors.InvalidBackup,
        errors.InternalError,
    ),
    "something depends on what is to be removed": (
        ["0A000", "2BP01"],
        REMOVING,
        errors.DependentRows,
        errors.InternalError,
    ),
}


@pytest.mark.parametrize(("codes", "phases", "inside", "outside"), ONLY_WHILE.values(), ids=ONLY_WHILE)
def test_some_codes_mean_something_else_by_phase(
    codes: list[str], phases: list[str], inside: type[ServiceError], outside: type[ServiceError]
) -> None:
    for code in codes:
        assert {phase for phase in PHASES if type(answer(code, phase)) is inside} == set(phases)
        assert {phase for phase in PHASES if type(answer(code, phase)) is outside} == set(PHASES) - set(phases)


KNOWN_WORDS = {
    "conflict with recovery": ("40001", "canceling statement due to conflict with recovery", "hot_standby_feedback"),
    "conflict with recovery, in Chinese": ("40001", "由于与恢复相冲突而取消语句", "hot_standby_feedback"),
    "a buffer that replay waits for": ("40P01", "canceling: conflict with recovery", "hot_standby_feedback"),
    "no replica identity": (
        "55000",
        'cannot delete from table "items" because it does not have a replica identity and publishes deletes',
        "items",
    ),
}


@pytest.mark.parametrize(("code", "text", "word"), KNOWN_WORDS.values(), ids=KNOWN_WORDS)
def test_what_a_code_leaves_open_the_words_tell(code: str, text: str, word: str) -> None:
    assert word in sqlstate.translate(refusal(code, text), "check", False).response


def test_a_transaction_that_only_reads_is_serializable_with_all_but_a_standbys_replay() -> None:
    assert "hot_standby_feedback" in answer("40001", "read").response
    assert "hot_standby_feedback" not in answer("40001", "load").response
    assert "hot_standby_feedback" not in answer("40P01", "read").response


@pytest.mark.parametrize("phase", PHASES)
def test_without_a_code_a_lost_connection_is_what_it_was(phase: str) -> None:
    found = answer(None, phase, lost=True)
    assert (type(found), found.data["can_retry"]) == (errors.DatabaseError, True)
    assert type(answer(None, phase)) is errors.InternalError


FOR_GOOD = [
    ('connection to server at "10.0.0.1", port 5432 failed: SSL error: certificate verify failed', "CERTIFICATE"),
    (
        'connection to server failed: server certificate for "a" does not match host name "b"',
        "CERTIFICATE",
    ),
    ('server certificate for "a.example.com" does not match host name "b.example.com"', "CERTIFICATE"),
    ('connection to server at "::1", port 5432 failed: session is read-only', "SESSION_ATTRS"),
    ("connection failed: server is not in hot standby mode", "SESSION_ATTRS"),
    ("connection failed: channel binding required, but SSL not in use", "CHANNEL_BINDING"),
    ("channel binding required but not supported by server's authentication request", "CHANNEL_BINDING"),
    (
        'connection to server at "::1" failed: FATAL:  invalid command-line argument for server process: endpoint=a',
        "OPTIONS",
    ),
    ('root certificate file "/dev/null/none" does not exist', "CERTIFICATE"),
    ("connection failed: server does not support SSL, but SSL was required", "NO_TLS"),
    (
        'connection to server at "::1" failed: FATAL:  password authentication failed for user "ann"',
        "WRONG_PASSWORD",
    ),
    ('connection to server at "::1" failed: fe_sendauth: no password supplied', "NO_PASSWORD"),
    (
        'connection to server at "::1" failed: FATAL:  database "docs" does not exist',
        "NO_SUCH_DATABASE",
    ),
    ('connection to server at "::1" failed: FATAL:  role "ann" does not exist', "NO_SUCH_ROLE"),
    ('FATAL:  no pg_hba.conf entry for host "10.0.0.1", user "ann", database "docs", no encryption', "NO_HBA_ENTRY"),
    ('FATAL:  role "ann" is not permitted to log in', "NO_LOGIN"),
    ('FATAL:  permission denied for database "docs"', "NO_PRIVILEGE"),
    ('致命错误:  用户 "ann" Password 认证失败', "WRONG_PASSWORD"),
    ('致命错误:  数据库 "docs" 不存在', "NO_SUCH_DATABASE"),
]
FOR_NOW = [
    (
        'connection to server at "::1" failed: Connection refused\n\tIs the server running?',
        "REFUSED",
    ),
    ('connection to server at "10.0.0.1", port 5432 failed: timeout expired', "TIMED_OUT"),
    (
        'connection to server at "::1" failed: server closed the connection unexpectedly',
        "CONNECTION_CLOSED",
    ),
    ("FATAL:  sorry, too many clients already", "TOO_MANY_CLIENTS"),
    ('FATAL:  too many connections for database "docs"', "TOO_MANY_CLIENTS"),
    ('FATAL:  too many connections for role "ann"', "TOO_MANY_CLIENTS"),
    ("FATAL:  the database system is starting up", "NOT_READY"),
    ("FATAL:  the database system is shutting down", "NOT_READY"),
    ("FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute", "TOO_MANY_CLIENTS"),
    ('could not translate host name "db.example.com" to address: Temporary failure in name resolution', "NO_SUCH_HOST"),
]


@pytest.mark.parametrize(
    ("text", "cause", "again"), [(*one, False) for one in FOR_GOOD] + [(*one, True) for one in FOR_NOW]
)
def test_a_connection_that_was_refused_says_why_and_whether_it_may_be_tried_again(
    text: str, cause: str, again: bool
) -> None:
    found = sqlstate.at_connect(psycopg2.OperationalError(text))
    assert (type(found), found.data["can_retry"]) == (errors.DatabaseError, again)
    assert found.data["details"]["cause"] == cause
    assert found.response == "数据库连接失败,请检查连接配置"


def test_words_that_nothing_knows_are_not_repeated() -> None:
    found = sqlstate.at_connect(psycopg2.OperationalError(SECRET))
    assert found.data["details"] == {"cause": "UNKNOWN", "reason": "原因未知"}
    assert found.data["can_retry"] is True


@pytest.mark.parametrize("code", [None, *STATUSES])
def test_the_servers_own_words_are_never_repeated(code: str | None) -> None:
    for phase in PHASES:
        for lost in (False, True):
            found = sqlstate.translate(refusal(code), phase, lost)
            assert SECRET not in f"{found} {found.response} {found.data}"
