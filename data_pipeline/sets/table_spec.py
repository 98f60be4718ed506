"""What the tables of a backup looked like, as facts: from its manifest, or else as LangChain makes them."""

from dataclasses import dataclass

from common.errors import InvalidBackup
from common.messages import say
from data_pipeline.sets.catalog import BackupSet
from data_pipeline.sets.manifest import ColumnFact, ForeignKeyFact, IndexFact
from data_pipeline.sets.table_source import columns_of
from data_pipeline.storage.naming import COLLECTION, EMBEDDING, TABLES

LONGEST_NAME = 63
"""Bytes. PostgreSQL cuts a longer name, which would then be another one."""


@dataclass(frozen=True)
class Design:
    """A table as it was."""

    name: str
    columns: tuple[ColumnFact, ...]
    indexes: tuple[IndexFact, ...]
    foreign_keys: tuple[ForeignKeyFact, ...]

    @property
    def primary_key(self) -> IndexFact | None:
        return next((index for index in self.indexes if index.primary), None)


def of(backup_set: BackupSet) -> dict[str, Design]:
    """Both tables, whichever of them are restored. Raises InvalidBackup for names that no table can have."""
    manifest = backup_set.manifest
    if manifest is None:
        return _langchains_old() if _is_old(backup_set) else _langchains()
    facts = manifest.tables
    if missing := [name for name in TABLES if name not in facts]:
        raise _impossible(say("manifest_lacks_tables", tables=", ".join(missing)))
    found = {
        name: Design(name, tuple(fact.columns), tuple(fact.indexes), tuple(fact.foreign_keys))
        for name, fact in ((name, facts[name]) for name in TABLES)
    }
    for one in found.values():
        _expect_possible(one)
    return found


def _expect_possible(design: Design) -> None:
    columns = [column.name for column in design.columns]
    named = [*columns, *(index.name for index in design.indexes), *(key.name for key in design.foreign_keys)]
    if any(len(name.encode()) > LONGEST_NAME for name in named):
        raise _impossible(say("manifest_name_invalid", table=design.name))
    keys = {name for index in design.indexes if index.primary or index.constraint for name in index.keys}
    if not keys <= set(columns):
        raise _impossible(say("manifest_key_without_column", table=design.name))


def _impossible(text: str) -> InvalidBackup:
    return InvalidBackup(text, can_retry=False)


def _is_old(backup_set: BackupSet) -> bool:
    if EMBEDDING not in backup_set.files:
        return False
    names = {column.name for column in columns_of(backup_set, EMBEDDING)}
    return "id" not in names and "uuid" in names


def _langchains() -> dict[str, Design]:
    """As langchain_postgres makes them."""
    collection = Design(
        COLLECTION,
        (_column("uuid", "uuid", True), _column("name", "varchar", True), _column("cmetadata", "json")),
        (_key(COLLECTION, "uuid"), _unique(f"{COLLECTION}_name_key", "name")),
        (),
    )
    metadata = _index("ix_cmetadata_gin", "gin", "cmetadata", "jsonb_path_ops")
    columns = (_column("id", "varchar", True), *_shared_columns(), _column("cmetadata", "jsonb"))
    embedding = Design(EMBEDDING, columns, (_key(EMBEDDING, "id"), metadata), (_reference(),))
    return {COLLECTION: collection, EMBEDDING: embedding}


def _langchains_old() -> dict[str, Design]:
    """As langchain_community made them."""
    names = (_column("name", "varchar"), _column("cmetadata", "json"), _column("uuid", "uuid", True))
    own = (_column("cmetadata", "json"), _column("custom_id", "varchar"), _column("uuid", "uuid", True))
    return {
        COLLECTION: Design(COLLECTION, names, (_key(COLLECTION, "uuid"),), ()),
        EMBEDDING: Design(EMBEDDING, (*_shared_columns(), *own), (_key(EMBEDDING, "uuid"),), (_reference(),)),
    }


def _shared_columns() -> tuple[ColumnFact, ...]:
    return (_column("collection_id", "uuid"), _column("embedding", "vector"), _column("document", "varchar"))


def _column(name: str, type_name: str, not_null: bool = False) -> ColumnFact:
    return ColumnFact(name=name, type=type_name, modifier=-1, not_null=not_null)


def _key(table: str, column: str) -> IndexFact:
    return _unique(f"{table}_pkey", column).model_copy(update={"primary": True})


def _unique(name: str, column: str) -> IndexFact:
    return _index(name, "btree", column, "").model_copy(update={"unique": True, "constraint": True})


def _index(name: str, method: str, column: str, operator_class: str) -> IndexFact:
    return IndexFact(
        name=name,
        method=method,
        unique=False,
        primary=False,
        keys=[column],
        operator_classes=[operator_class],
        options={},
        partial=False,
    )


def _reference() -> ForeignKeyFact:
    return ForeignKeyFact(
        name=f"{EMBEDDING}_collection_id_fkey",
        columns=["collection_id"],
        referenced_table=COLLECTION,
        referenced_columns=["uuid"],
        on_delete="cascade",
    )
