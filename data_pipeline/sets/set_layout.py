"""The layout of a set's tables, from what vouches for it or from the names of its files."""

from data_pipeline.formats import types
from data_pipeline.layouts import tables
from data_pipeline.layouts.base import Layout, Reference, TableLayout
from data_pipeline.layouts.registry import DOCUMENTED, LAYOUTS
from data_pipeline.sets.manifest import Manifest
from data_pipeline.sets.tables.table_facts import TableFact
from data_pipeline.storage.naming import KINDS, table_file


def layout_of(manifest: Manifest | None) -> Layout:
    """What a set's tables are to one another: what its manifest says, else what is documented."""
    if manifest is None or manifest.layout is None:
        return DOCUMENTED
    if manifest.layout in LAYOUTS:
        return LAYOUTS[manifest.layout]
    return tables.layout(manifest.layout, (_table(name, fact) for name, fact in manifest.tables.items()))


def _table(name: str, fact: TableFact) -> TableLayout:
    references = (
        Reference(tuple(one.columns), one.table, tuple(one.referenced_columns)) for one in fact.references or ()
    )
    vectors = (column.name for column in fact.columns if types.is_vector(column.type))
    key = tuple(fact.key or ())
    return TableLayout(name, key, references=tuple(references), vectors=tuple(vectors), schema=fact.schema_name)


def documented_files(timestamp: str) -> set[str]:
    """The names that a documented set's files of tables may have, in whichever format."""
    return {table_file(table.stem, timestamp, each) for table in DOCUMENTED.tables for each in KINDS.values()}
