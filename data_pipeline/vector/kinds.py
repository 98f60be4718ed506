"""The kinds of columns that may be made from what a file says of them.

A type's name in a manifest is looked up here and never becomes part of a statement itself.
"""

from typing import Any

from psycopg2.sql import SQL, Composable, Composed, Identifier

from common.errors import SchemaMismatch
from data_pipeline.vector.manifest import Distance

PLAIN_TYPES = frozenset(
    [
        *("uuid", "varchar", "text", "bpchar", "json", "jsonb", "bool", "bytea"),
        *("int2", "int4", "int8", "float4", "float8", "numeric"),
        *("date", "time", "timetz", "timestamp", "timestamptz", "interval"),
    ]
)
VECTOR_TYPES = frozenset({"vector", "halfvec", "sparsevec"})
OPERATORS: dict[Distance, str] = {"cosine": "<=>", "l2": "<->", "inner_product": "<#>", "l1": "<+>"}
"""pgvector's operators by what they measure."""

DISTANCES: dict[str, Distance] = {"cosine": "cosine", "l2": "l2", "ip": "inner_product", "l1": "l1"}
DISTANCE_CLASSES = {
    f"{type_name}_{short}_ops": distance for type_name in ("vector", "halfvec") for short, distance in DISTANCES.items()
}
"""The distance of each operator class that an index over vectors may have."""

LENGTH_HEADER = 4
"""What a varchar's atttypmod counts beside its length."""

LONGEST_VARCHAR = 10485760
EXTENSION_SCHEMA = """
SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'vector'
"""


def extension_schema(cursor: Any) -> str | None:
    """Where pgvector's types live; None if this database does not have it."""
    cursor.execute(EXTENSION_SCHEMA)
    found = cursor.fetchone()
    return str(found[0]) if found else None


def column_type(name: str, modifier: int, schema: str | None) -> Composable:
    """A column's type, for a statement: modifier is its atttypmod, -1 for none; schema is pgvector's.

    Raises SchemaMismatch for a type nobody here knows, or a vector where there is no pgvector.
    """
    bare = name.rpartition(".")[2]
    if name in PLAIN_TYPES:
        length = modifier - LENGTH_HEADER
        sized = name == "varchar" and 0 < length <= LONGEST_VARCHAR
        return _sized(Identifier("pg_catalog", name), length if sized else None)
    if bare not in VECTOR_TYPES:
        raise SchemaMismatch("备份中的列类型不受支持,无法创建", can_retry=False)
    if schema is None:
        raise SchemaMismatch("目标数据库缺少 pgvector 扩展", can_retry=False)
    return _sized(Identifier(schema, bare), modifier if modifier > 0 else None)


def _sized(name: Identifier, size: int | None) -> Composed:
    return name + SQL("") if size is None else SQL("{}({})").format(name, SQL(str(size)))
