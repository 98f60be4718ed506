"""LangChain's two tables as langchain_postgres' PGVector makes them: collections, and the embeddings in them."""

from data_pipeline.layouts import langchain_legacy
from data_pipeline.layouts.base import Column, Conversion, Index, Layout, TableLayout

LEGACY = Conversion(
    older=langchain_legacy.LAYOUT,
    table="langchain_pg_embedding",
    key="id",
    preferred="custom_id",
    fallback="uuid",
    types={"cmetadata": ("json", "jsonb")},
)

LAYOUT = Layout(
    name="langchain",
    family="langchain",
    tables=(
        TableLayout(
            name="langchain_pg_collection",
            key=("uuid",),
            columns=(
                Column("uuid", "uuid", not_null=True),
                Column("name", "varchar", not_null=True),
                Column("cmetadata", "json"),
            ),
            unique=("name",),
            owner_column="uuid",
            identifiers=langchain_legacy.OWNER_IDENTIFIERS,
        ),
        TableLayout(
            name="langchain_pg_embedding",
            key=("id",),
            columns=(
                Column("id", "varchar", not_null=True),
                *langchain_legacy.SHARED,
                Column("cmetadata", "jsonb"),
            ),
            references=(langchain_legacy.REFERENCE,),
            indexes=(Index("ix_cmetadata_gin", "cmetadata", "gin", "jsonb_path_ops"),),
            owner_column="collection_id",
            vectors=("embedding",),
            identifiers=langchain_legacy.MEMBER_IDENTIFIERS,
        ),
    ),
    ownership=langchain_legacy.OWNERSHIP,
    conversions=(LEGACY,),
)
