"""How graphs and sets of Neo4j are told."""

from common.messages import say
from data_pipeline.operations.neo4j.results import Graph
from data_pipeline.operations.results.result import BackupInfo
from data_pipeline.sets.held_set import HeldSet
from data_pipeline.storage.naming import backup_date
from data_pipeline.stores.neo4j.facts import Neo4jFacts
from data_pipeline.stores.neo4j.graph import Sums


def of_set(facts: Neo4jFacts) -> Graph:
    return Graph(nodes=facts.nodes, relationships=facts.relationships, labels=facts.labels, types=facts.types)


def of_live(sums: Sums) -> Graph:
    labels, types = dict(sorted(sums.labels.items())), dict(sorted(sums.types.items()))
    return Graph(nodes=sums.nodes, relationships=sums.relationships, labels=labels, types=types)


def info(held: HeldSet) -> BackupInfo:
    """A set, as requests name it."""
    return BackupInfo(
        backup_path=held.location.relative_path, timestamp=held.timestamp, backup_date=backup_date(held.timestamp)
    )


def warnings(facts: Neo4jFacts) -> list[str]:
    """What is worth knowing of a set."""
    found: list[str] = [say("neo4j_live")]
    return [*found, say("neo4j_left_out", count=facts.left_out)] if facts.left_out else found
