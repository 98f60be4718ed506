"""The unique keys of a table, each column with the operator by which its index tells values apart.

That operator is looked up in the catalog, not by name: a column's type may be an extension's (citext, say), whose `=`
may be in any schema.
"""

from dataclasses import dataclass
from itertools import groupby

from psycopg2.sql import SQL, Composed, Identifier

from data_pipeline.postgres.search_path import Cursor

EQUAL = ("pg_catalog", "=")

# 3 is btree's number for equality. A temporal primary key is a GiST index.
UNIQUE_KEYS = """
SELECT i.indexrelid, i.indisprimary, a.attname, coalesce(n.nspname, 'pg_catalog'), coalesce(o.oprname, '=')
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid CROSS JOIN generate_series(0, i.indnkeyatts - 1) k
JOIN pg_opclass p ON p.oid = i.indclass[k]
LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k] AND a.attnum > 0
LEFT JOIN pg_amop s ON s.amopfamily = p.opcfamily AND s.amoplefttype = p.opcintype AND s.amoprighttype = p.opcintype
  AND s.amopstrategy = 3 AND s.amopmethod = (SELECT oid FROM pg_am WHERE amname = 'btree')
LEFT JOIN pg_operator o ON o.oid = s.amopopr LEFT JOIN pg_namespace n ON n.oid = o.oprnamespace
WHERE i.indrelid = %s AND i.indisunique AND i.indpred IS NULL ORDER BY c.relname, i.indexrelid, k
"""


@dataclass(frozen=True)
class UniqueKey:
    """Columns, and the schema and name of the operator for each."""

    columns: tuple[str, ...]
    operators: tuple[tuple[str, str], ...]
    primary: bool = False

    def same(self, one: str, other: str) -> Composed:
        """The condition that the rows of two aliases have the same key."""
        return SQL(" AND ").join(
            SQL("{} OPERATOR({}.{}) {}").format(
                Identifier(one, column), Identifier(schema), SQL(operator), Identifier(other, column)
            )
            for column, (schema, operator) in zip(self.columns, self.operators, strict=True)
        )


def of(cursor: Cursor, oid: int) -> list[UniqueKey]:
    """Those over plain columns and all rows of a table."""
    cursor.execute(UNIQUE_KEYS, (oid,))
    found = []
    for _, rows in groupby(cursor.fetchall(), key=lambda row: row[0]):
        _, primary, columns, schemas, operators = zip(*rows, strict=True)
        if None not in columns:
            found.append(UniqueKey(columns, tuple(zip(schemas, operators, strict=True)), primary[0]))
    return found


def by_default(columns: tuple[str, ...]) -> UniqueKey:
    """What columns without an index are compared by."""
    return UniqueKey(columns, (EQUAL,) * len(columns))
