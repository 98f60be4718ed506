"""Two versions of any tables side by side, row by row: which rows only one version has, and which differ.

As diff.py, for tables whose rows have no owners: rows are paired by key, within their table.
"""

from collections.abc import Mapping, Sequence

from psycopg2.sql import SQL, Composable, Composed, Identifier, Literal

from common.errors import DuplicateRows
from common.messages import say
from data_pipeline.postgres.comparing.diff import Version, in_types
from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.row_filter import Scope
from data_pipeline.postgres.search_path import Cursor

MADE = """
CREATE TEMPORARY TABLE paired_rows (kind pg_catalog.text, name pg_catalog.text, key pg_catalog.text) ON COMMIT DROP
"""

ROWS = """
SELECT e.*, {key} COLLATE pg_catalog."C" AS paired_key, true AS paired FROM {rows} e WHERE {in_scope} AND {compared}
"""

PAIRED = """
INSERT INTO pg_temp.paired_rows
SELECT CASE WHEN o.paired IS NULL THEN 'only_in_backup' WHEN b.paired IS NULL THEN 'only_in_other'
            WHEN ROW({backup_values})::pg_catalog.record OPERATOR(pg_catalog.*<>)
                 ROW({other_values})::pg_catalog.record THEN 'different' ELSE 'same' END,
       {name}, coalesce(b.paired_key, o.paired_key)
FROM ({backup}) b FULL JOIN ({other}) o ON b.paired_key OPERATOR(pg_catalog.=) o.paired_key
"""

TWICE = "SELECT EXISTS (SELECT FROM ({rows}) r GROUP BY paired_key HAVING count(*) > 1)"


def pair(
    session: Session,
    backup: Version,
    other: Version,
    columns: Mapping[str, Sequence[str]],
    keys: Mapping[str, Sequence[str]],
    scope: Scope,
) -> None:
    """Pair the rows in scope of every table, for diff.differences to look at, which calls them by the table's name.

    keys: by table, what tells its rows apart. Raises DuplicateRows where that can't tell them apart.
    """
    session.enter("check")
    session.cursor.execute(MADE)
    for name, compared in columns.items():
        _pair(session.cursor, name, backup, other, compared, keys[name], scope)


def _pair(
    cursor: Cursor,
    name: str,
    backup: Version,
    other: Version,
    columns: Sequence[str],
    key: Sequence[str],
    scope: Scope,
) -> None:
    sides = {side: _rows(version, name, key, scope) for side, version in (("backup", backup), ("other", other))}
    for side, rows in sides.items():
        cursor.execute(SQL(TWICE).format(rows=rows))
        if cursor.value():
            text = say("compare_backup_repeats_ids") if side == "backup" else say("compare_other_side_repeats_ids")
            raise DuplicateRows(text, can_retry=False, details={"table": name})
    cursor.execute(
        SQL(PAIRED).format(
            **sides,
            name=Literal(name),
            backup_values=in_types("b", columns, backup.types.get(name, {})),
            other_values=in_types("o", columns, other.types.get(name, {})),
        )
    )


def _rows(version: Version, name: str, key: Sequence[str], scope: Scope) -> Composed:
    table = version.tables[name]
    parts: list[Composable] = [SQL("{}::pg_catalog.text").format(Identifier("e", column)) for column in key]
    text = parts[0] if len(parts) == 1 else SQL("ROW({})::pg_catalog.text").format(SQL(", ").join(parts))
    return SQL(ROWS).format(
        key=text, rows=table.rows, in_scope=scope.condition(table.layout, "e"), compared=version.compared(name, "e")
    )
