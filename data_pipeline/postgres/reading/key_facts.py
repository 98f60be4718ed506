"""The indexes and foreign keys of a table as a manifest records them: facts, of which create_tables makes new ones."""

import re
from collections.abc import Sequence
from typing import Any

from data_pipeline.postgres.schema.tables import Table
from data_pipeline.postgres.search_path import Cursor
from data_pipeline.sets.tables.table_facts import ForeignKeyFact

INDEX_FACTS = """
SELECT c.relname::text, am.amname::text, i.indisunique, i.indisprimary,
       ARRAY(SELECT coalesce(a.attname::text, 'expression') FROM unnest(i.indkey) WITH ORDINALITY k(attnum, n)
             LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND k.attnum > 0 ORDER BY n),
       ARRAY(SELECT o.opcname::text FROM unnest(i.indclass) WITH ORDINALITY k(oid, n)
             JOIN pg_opclass o ON o.oid = k.oid ORDER BY n),
       coalesce(c.reloptions, '{}'), i.indpred IS NOT NULL,
       EXISTS (SELECT FROM pg_constraint WHERE conindid = c.oid AND conrelid = i.indrelid AND contype IN ('p', 'u')),
       ARRAY(SELECT pg_get_indexdef(c.oid, n::int, false) FROM generate_series(1, i.indnatts) n ORDER BY n),
       ARRAY(SELECT bits FROM unnest(i.indoption) WITH ORDINALITY k(bits, n) ORDER BY n)
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am am ON am.oid = c.relam
WHERE i.indrelid = %s AND i.indisvalid ORDER BY c.relname
"""

ACTION = """jsonb '{"a": "no action", "r": "restrict", "c": "cascade", "n": "set null", "d": "set default"}' ->> """
FOREIGN_KEY_FACTS = f"""
SELECT conname::text,
       ARRAY(SELECT attname::text FROM unnest(conkey) WITH ORDINALITY k(attnum, n)
             JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = k.attnum ORDER BY n),
       (SELECT n.nspname || '.' || r.relname FROM pg_class r JOIN pg_namespace n ON n.oid = r.relnamespace
        WHERE r.oid = confrelid),
       ARRAY(SELECT attname::text FROM unnest(confkey) WITH ORDINALITY k(attnum, n)
             JOIN pg_attribute a ON a.attrelid = confrelid AND a.attnum = k.attnum ORDER BY n),
       {ACTION} confdeltype::text, {ACTION} confupdtype::text, condeferrable, condeferred
FROM pg_constraint WHERE contype = 'f' AND conrelid = %s ORDER BY conname
"""  # noqa: S608 - constants only
FOREIGN_KEY_NAMES = tuple(ForeignKeyFact.model_fields)

QUOTED_NAME = r'"(?:[^"]|"")+"'
QUALIFIED = rf"(?:(?:\w+|{QUOTED_NAME})\.)?"
KEY_CAST = re.compile(rf"\(*(\w+|{QUOTED_NAME})\)*::{QUALIFIED}(vector|halfvec)\((\d+)\)\)*")
JSON_KEY = re.compile(r"\(*(\w+) (->>?) '((?:[^'\\]|'')*)'::text\)*(?:::([a-z ]+)\)*)?")


def of(cursor: Cursor, table: Table) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Every index that is valid, and every foreign key of a table, as a manifest records them."""
    cursor.execute(INDEX_FACTS, (table.oid,))
    found = [
        {
            "name": name,
            "method": method,
            "unique": unique,
            "primary": primary,
            "keys": keys,
            "operator_classes": classes,
            "options": dict(option.split("=", 1) for option in options),
            "partial": is_partial,
            "constraint": constraint,
            "casts": _casts(texts) if "expression" in keys else [],
            **({"orders": orders} if any(orders) else {}),
            **_json_keys(texts),
        }
        for name, method, unique, primary, keys, classes, options, is_partial, constraint, texts, orders in cursor
    ]
    cursor.execute(FOREIGN_KEY_FACTS, (table.oid,))
    keys = (ForeignKeyFact(**dict(zip(FOREIGN_KEY_NAMES, row, strict=True))) for row in cursor.fetchall())
    return found, [key.model_dump(exclude_defaults=True) for key in keys]


def _casts(expressions: Sequence[str]) -> list[dict[str, Any] | None]:
    """Which of an index's expressions, as the server writes them, are casts of a vector column."""
    found = [KEY_CAST.fullmatch(text) for text in expressions]
    return [cast and {"column": _unquoted(cast[1]), "type": cast[2], "dimensions": int(cast[3])} for cast in found]


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def _json_keys(expressions: Sequence[str]) -> dict[str, Any]:
    """Which of them are what stands under a key of a json column; nothing if none is."""
    found = [
        (one := JSON_KEY.fullmatch(text))
        and {"column": one[1], "key": one[3].replace("''", "'"), "as_text": one[2] == "->>", "type": one[4]}
        for text in expressions
    ]
    return {"json_keys": found} if any(found) else {}
