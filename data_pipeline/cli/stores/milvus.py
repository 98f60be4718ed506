"""`python unified_api.py milvus`: backup, restore, compare."""

import click

from data_pipeline.cli import answers, process
from data_pipeline.cli.answers import Answer
from data_pipeline.cli.command import NamingGroup
from data_pipeline.cli.stores.commands import StoreCommands, comparison
from data_pipeline.engine import Engine
from data_pipeline.operations.milvus.compare import MilvusComparison
from data_pipeline.operations.milvus.requests import MilvusBackupRequest, MilvusCompareRequest, MilvusRestoreRequest
from data_pipeline.operations.milvus.results import MilvusCompared

HELP = "Collections of a Milvus, which is named in TARGETS: back up, restore, compare, and to and from PostgreSQL."
EXAMPLES = """\b
Examples (SET stands for ./data_pipeline/training_data/vector_bak 20261120_170444):
  python unified_api.py milvus backup milvus --collections docs
  python unified_api.py milvus restore SET milvus --swap --dry-run
  python unified_api.py milvus restore SET main --into '{"layout": "pgvectorstore"}'
  python unified_api.py milvus compare SET --target milvus
  python unified_api.py milvus compare SET --target main --into '{"layout": "pgvectorstore"}'
"""


def _compare(engine: Engine, request: MilvusCompareRequest) -> MilvusCompared:
    with process.jobs(engine):
        return MilvusComparison(engine).compare(request)


def _tell_backup(data: Answer) -> None:
    click.echo(data["response"])
    saved = data["collections_backed_up"]
    rows = [(name, one["row_count"], one["partitions"], one["file_size"]) for name, one in saved.items()]
    answers.table(rows, "collection", "rows", "partitions", "size")
    click.echo(f"{data['backup_directory']} {data['backup_timestamp']}, {data['duration']} s")


def _tell_restore(data: Answer) -> None:
    click.echo(data["response"])
    results = data["restore_results"]
    if any("action" in one for one in results.values()):
        rows = [(name, one["name"], one["rows"], one["action"]) for name, one in results.items()]
        answers.table(rows, "collection", "as", "rows", "done")
    else:
        answers.table([(name, one.get("rows_restored")) for name, one in results.items()], "table", "rows")
    for problem in data.get("problems", []):
        click.echo(f"problem: {problem['error']} ({problem['error_type']})", err=True)


def _tell_comparison(data: Answer) -> None:
    click.echo(data["response"])
    rows = [
        (one["name"], one["same"], one["different"], one["only_in_backup"], one["only_in_other"])
        for one in data["collections"]
    ]
    answers.table(rows, "collection", "same", "different", "only in the set", "only in the other")


STORE = StoreCommands(
    MilvusBackupRequest,
    MilvusRestoreRequest,
    tell_backup=_tell_backup,
    tell_restore=_tell_restore,
    consequence="Live collections of {target} will be replaced or written to.",
)
COMPARE = comparison(
    MilvusCompareRequest,
    _compare,
    _tell_comparison,
    "Compare a set with a Milvus or with another set, to the bit.",
)
COMMAND = NamingGroup(
    "milvus",
    [
        *STORE.pair(
            "Back up collections of TARGET as one set.",
            "Restore a set into TARGET: a Milvus, or with --into a PostgreSQL.",
        ),
        COMPARE,
    ],
    help=HELP,
    short_help="Back up, restore or compare collections of a Milvus.",
    epilog=EXAMPLES,
)
