"""What the manifest of a set of Neo4j says beside its files."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from data_pipeline.stores.neo4j.schema import SchemaFact

Count = Annotated[int, Field(ge=0, lt=1 << 63)]
Text = Annotated[str, Field(max_length=65_535)]
NODES, RELATIONSHIPS = "nodes", "relationships"
FAMILY = "neo4j"


class Neo4jFacts(BaseModel):
    """A graph is read while others write: `live`. digest: of all nodes and relationships (graph.py). left_out:
    relationships of nodes that were made after the nodes had been read. raw_bytes: of the records."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    consistency: Literal["live"]
    moment: Text
    edition: Text
    nodes: Count
    relationships: Count
    labels: dict[Text, Count]
    types: dict[Text, Count]
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    left_out: Count
    raw_bytes: Count
    schema_: list[SchemaFact] = Field(alias="schema")
