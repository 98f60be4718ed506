"""What pg_dump and pg_restore say, by their own lines."""

import pytest

from data_pipeline.stores.pg_database.words import Begun, Cause, Failure, Listener

MERGE = """\
pg_restore: connecting to database for restore
pg_restore: creating TABLE "public.items"
pg_restore: while PROCESSING TOC:
pg_restore: from TOC entry 225; 1259 16747 TABLE items postgres
pg_restore: error: could not execute query: ERROR:  relation "items" already exists
Command was: CREATE TABLE public.items (
    id integer NOT NULL
);


pg_restore: processing data for table "public.items"
pg_restore: from TOC entry 2869; 0 16747 TABLE DATA items postgres
pg_restore: error: COPY failed for table "items": ERROR:  duplicate key value violates unique constraint "items_pkey"
DETAIL:  Key (id)=(1) already exists.
CONTEXT:  COPY items, line 1
pg_restore: warning: errors ignored on restore: 2
"""
DROP = """\
pg_restore: error: could not execute query: ERROR:  cannot drop table public.a because other objects depend on it
DETAIL:  view o.v2 depends on table public.a
view o.v3 depends on table public.a
HINT:  Use DROP ... CASCADE to drop the dependent objects too.
Command was: DROP TABLE IF EXISTS public.a;
x depends on y
"""


def heard(text: str, *, known: bool = True) -> list[Begun | Failure]:
    listener = Listener(known)
    return [said for line in text.splitlines() for said in listener.hear(line)]


def test_a_merge_tells_what_it_turns_to_and_which_entry_failed() -> None:
    begun_table, exists, begun_data, duplicate = heard(MERGE)
    assert begun_table == Begun('TABLE "public.items"')
    assert exists == Failure("EXISTS", 225)
    assert begun_data == Begun('table "public.items"')
    assert duplicate == Failure("DUPLICATE", 2869)


def test_nothing_is_told_apart_in_another_language() -> None:
    assert [said.cause for said in heard(MERGE, known=False) if isinstance(said, Failure)] == ["OTHER", "OTHER"]


def test_what_depends_on_a_dropped_table_is_named_and_no_more() -> None:
    (failure,) = heard(DROP)
    assert isinstance(failure, Failure)
    assert (failure.cause, failure.dependents) == ("DEPENDENTS", ["view o.v2", "view o.v3"])


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ('pg_restore: error: could not execute query: ERROR:  role "rd" does not exist', "NO_ROLE"),
        ('pg_restore: error: could not execute query: ERROR:  "m_2024" is already a partition', "EXISTS"),
        (
            'pg_restore: error: could not execute query: ERROR:  multiple primary keys for table "a" are not allowed',
            "EXISTS",
        ),
        ("pg_restore: error: could not execute query: ERROR:  must be owner of table users", "PRIVILEGE"),
        ('pg_restore: error: could not execute query: ERROR:  type "public.x" does not exist', "OTHER"),
        ("pg_restore: error: could not read from input file: end of file", "DAMAGED"),
        ("pg_restore: error: did not find magic string in file header", "DAMAGED"),
        (
            'pg_restore: error: COPY failed for table "t": ERROR:  could not extend file "base/1": No space left',
            "DISK_FULL",
        ),
        (
            'pg_dump: error: connection to server at "h", port 1 failed: FATAL:  password authentication failed',
            "AUTHENTICATION",
        ),
        ('pg_dump: error: connection to server at "h", port 1 failed: Connection refused', "CONNECTION"),
        ('pg_dump: error: connection to server failed: FATAL:  database "d" does not exist', "NO_DATABASE"),
        ("pg_dump: error: query failed: ERROR:  permission denied for table m", "PRIVILEGE"),
        (
            'pg_restore: error: COPY failed for table "t": ERROR:  insert or update on table "t" violates foreign key'
            ' constraint "f"',
            "REFERENCES",
        ),
        ("pg_restore: error: could not execute query: ERROR:  out of shared memory", "TOO_MANY_LOCKS"),
        ("pg_restore: error: could not execute query: ERROR:  out of memory", "MEMORY"),
    ],
)
def test_a_cause_is_known_by_its_words(line: str, cause: Cause) -> None:
    assert [said.cause for said in heard(line) if isinstance(said, Failure)] == [cause]


def test_the_row_of_a_failed_dump_is_read_from_its_detail() -> None:
    text = (
        'pg_dump: error: Dumping the contents of table "t" failed: PQgetResult() failed.\n'
        "pg_dump: detail: Error message from server: ERROR:  query would be affected by row-level security policy\n"
    )
    (failure,) = heard(text)
    assert isinstance(failure, Failure)
    assert failure.cause == "PRIVILEGE"
