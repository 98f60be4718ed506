"""`python unified_api.py neo4j …`"""

from typing import Any

import click

from data_pipeline.cli import answers
from data_pipeline.cli.answers import Answer
from data_pipeline.cli.command import NamingGroup
from data_pipeline.cli.stores.commands import StoreCommands, comparison
from data_pipeline.operations.neo4j.compare import Neo4jComparison
from data_pipeline.operations.neo4j.requests import Neo4jBackupRequest, Neo4jCompareRequest, Neo4jRestoreRequest

HELP = "Back up, restore or compare a graph of Neo4j: TARGET is a name from TARGETS."
EXAMPLES = """\b
Examples (SET stands for ./data_pipeline/training_data/vector_bak 20261120_170444):
  python unified_api.py neo4j backup graph
  python unified_api.py neo4j restore SET graph --mode replace --yes
  python unified_api.py neo4j restore SET graph --mode merge --merge-keys '{"Entity": "id"}'
  python unified_api.py neo4j compare SET graph --json
"""


def _tell_comparison(data: Answer) -> None:
    click.echo(data["response"])
    saved, live = data["graph"], data["live"]
    rows: list[tuple[Any, ...]] = [(kind, saved[kind], live[kind]) for kind in ("nodes", "relationships")]
    for kind in ("labels", "types"):
        for name in sorted({**saved[kind], **live[kind]}):
            rows.append((f":{name}", saved[kind].get(name, 0), live[kind].get(name, 0)))
    answers.table(rows, "of the graph", "set", "live")
    for name in data["missing"]:
        click.echo(f"missing: {name}", err=True)


STORE = StoreCommands(Neo4jBackupRequest, Neo4jRestoreRequest)
COMPARE = comparison(
    Neo4jCompareRequest,
    lambda engine, asked: Neo4jComparison(engine).compare(asked),
    _tell_comparison,
    "Compare a backup with the live graph: every node, relationship and property.",
)
COMMAND = NamingGroup(
    "neo4j",
    [*STORE.pair("Back up a graph of Neo4j.", "Restore a graph of Neo4j, in one transaction where it fits."), COMPARE],
    help=HELP,
    short_help="Back up, restore or compare a graph of Neo4j.",
    epilog=EXAMPLES,
)
