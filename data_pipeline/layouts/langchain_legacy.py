"""LangChain's tables as langchain_community made them: an embedding is known by its uuid, and metadata is json."""

from data_pipeline.layouts.base import Column, Layout, Ownership, Reference, TableLayout

OWNERSHIP = Ownership(
    owner="langchain_pg_collection",
    key="uuid",
    name="name",
    member="langchain_pg_embedding",
    column="collection_id",
)
REFERENCE = Reference(("collection_id",), "langchain_pg_collection", ("uuid",), on_delete="cascade")
SHARED = (Column("collection_id", "uuid"), Column("embedding", "vector"), Column("document", "varchar"))
"""Columns of an embedding in both shapes."""

OWNER_IDENTIFIERS = frozenset({"uuid", "name"})
MEMBER_IDENTIFIERS = frozenset({"id", "uuid", "custom_id", "collection_id"})
"""Of either shape: a table that was migrated by hand may have the columns of both."""

LAYOUT = Layout(
    name="langchain_legacy",
    family="langchain",
    tables=(
        TableLayout(
            name="langchain_pg_collection",
            key=("uuid",),
            columns=(Column("name", "varchar"), Column("cmetadata", "json"), Column("uuid", "uuid", not_null=True)),
            owner_column="uuid",
            identifiers=OWNER_IDENTIFIERS,
        ),
        TableLayout(
            name="langchain_pg_embedding",
            key=("uuid",),
            columns=(
                *SHARED,
                Column("cmetadata", "json"),
                Column("custom_id", "varchar"),
                Column("uuid", "uuid", not_null=True),
            ),
            references=(REFERENCE,),
            owner_column="collection_id",
            vectors=("embedding",),
            identifiers=MEMBER_IDENTIFIERS,
        ),
    ),
    ownership=OWNERSHIP,
)
