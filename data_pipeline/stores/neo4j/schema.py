"""Constraints and indexes: read as facts, and made again through a list of known kinds; no text of a set is run."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from common.errors import SchemaMismatch
from common.messages import say

CONSTRAINTS = "SHOW CONSTRAINTS YIELD name, type, entityType, labelsOrTypes, properties"
INDEXES = """
SHOW INDEXES YIELD name, type, entityType, labelsOrTypes, properties, owningConstraint, options
WHERE owningConstraint IS NULL AND type <> 'LOOKUP'
RETURN name, type, entityType, labelsOrTypes, properties, options
"""
AWAIT = "CALL db.awaitIndexes(300)"
REQUIRED = {
    "UNIQUENESS": "({each}) IS UNIQUE",
    "RELATIONSHIP_UNIQUENESS": "({each}) IS UNIQUE",
    "NODE_KEY": "({each}) IS NODE KEY",
    "RELATIONSHIP_KEY": "({each}) IS RELATIONSHIP KEY",
    "NODE_PROPERTY_EXISTENCE": "{each} IS NOT NULL",
    "RELATIONSHIP_PROPERTY_EXISTENCE": "{each} IS NOT NULL",
}
"""Kinds of constraints; those but the first two are Enterprise's."""
CONFIGURED = {"FULLTEXT", "VECTOR", "POINT"}
Name = Annotated[str, Field(min_length=1, max_length=65_535)]


class SchemaFact(BaseModel):
    """A constraint or an index, with what a server says of it. config: an index's own settings."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    kind: Literal["constraint", "index"]
    name: Name
    type: Name
    entity: Literal["NODE", "RELATIONSHIP"]
    labels: list[Name]
    properties: list[Name]
    config: dict[Name, bool | int | float | str | list[float]] = Field(default_factory=dict)

    @property
    def same_as(self) -> tuple[Any, ...]:
        """What tells it from others, its name aside."""
        return self.kind, self.type, self.entity, tuple(self.labels), tuple(self.properties)


def read(session: Any) -> list[SchemaFact]:
    """Those of a database."""
    constraints = [_fact("constraint", row, {}) for row in session.run(CONSTRAINTS).values()]
    indexes = [_fact("index", row, row[-1].get("indexConfig", {})) for row in session.run(INDEXES).values()]
    return sorted([*constraints, *indexes], key=lambda one: (one.kind, one.name))


def missing(session: Any, wanted: Sequence[SchemaFact]) -> list[SchemaFact]:
    """Those that a database hasn't. Raises SchemaMismatch for a kind that isn't known."""
    for fact in wanted:
        statement(fact)
    there = {fact.same_as for fact in read(session)}
    return [fact for fact in wanted if fact.same_as not in there]


def create(session: Any, facts: Sequence[SchemaFact]) -> None:
    """Make them; each is a transaction of its own, as the server wants it."""
    for fact in facts:
        session.run(statement(fact), config=_config(fact)).consume()
    if facts:
        session.run(AWAIT).consume()


def drop(session: Any, facts: Sequence[SchemaFact]) -> None:
    """Take them away again."""
    for fact in facts:
        session.run(f"DROP {fact.kind.upper()} {quoted(fact.name)} IF EXISTS").consume()


def statement(fact: SchemaFact) -> str:
    """Composed of known words and quoted names."""
    labels = "|".join(map(quoted, fact.labels))
    place = f"(x:{labels})" if fact.entity == "NODE" else f"()-[x:{labels}]-()"
    each = ", ".join(f"x.{quoted(name)}" for name in fact.properties)
    name = quoted(fact.name)
    if fact.kind == "constraint" and fact.type in REQUIRED:
        return f"CREATE CONSTRAINT {name} FOR {place} REQUIRE {REQUIRED[fact.type].format(each=each)}"
    if fact.kind == "index" and fact.type in ("RANGE", "TEXT", "POINT", "FULLTEXT", "VECTOR"):
        on = f"ON EACH [{each}]" if fact.type == "FULLTEXT" else f"ON ({each})"
        options = " OPTIONS {indexConfig: $config}" if fact.type in CONFIGURED else ""
        return f"CREATE {fact.type} INDEX {name} FOR {place} {on}{options}"
    raise SchemaMismatch(say("neo4j_schema_unknown", type=fact.type[:40]), can_retry=False)


def quoted(name: str) -> str:
    """A name as Cypher has it."""
    return "`" + name.replace("`", "``") + "`"


def _fact(kind: Literal["constraint", "index"], row: Sequence[Any], config: dict[str, Any]) -> SchemaFact:
    name, type_, entity, labels, properties, *_ = row
    return SchemaFact(
        kind=kind, name=name, type=type_, entity=entity, labels=labels, properties=properties, config=config
    )


def _config(fact: SchemaFact) -> dict[str, Any]:
    return dict(fact.config)
