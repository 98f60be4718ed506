"""`python unified_api.py redis …`"""

import click

from data_pipeline.cli import answers
from data_pipeline.cli.answers import Answer
from data_pipeline.cli.command import NamingGroup
from data_pipeline.cli.stores.commands import StoreCommands, comparison
from data_pipeline.operations.redis.compare import RedisComparison
from data_pipeline.operations.redis.requests import RedisBackupRequest, RedisCompareRequest, RedisRestoreRequest

HELP = "Back up, restore or compare logical databases of Redis or Valkey: TARGET is a name from TARGETS."
EXAMPLES = """\b
Examples (SET stands for ./data_pipeline/training_data/vector_bak 20261120_170444):
  python unified_api.py redis backup cache --consistency paused
  python unified_api.py redis restore SET cache --dry-run
  python unified_api.py redis restore SET cache --keep-old --yes
  python unified_api.py redis compare SET --target cache --json
"""


def _tell_backup(data: Answer) -> None:
    click.echo(data["response"])
    rows = [(number, one["keys"], one["expiring"], one["gone"]) for number, one in data["databases"].items()]
    answers.table(rows, "database", "keys", "expiring", "gone")
    click.echo(f"{data['backup_directory']} {data['backup_timestamp']}")
    waited = f", writers waited {data['paused_seconds']} s" if "paused_seconds" in data else ""
    click.echo(f"{data['consistency']} of {data['moment']}{waited}, {data['duration']} s")


def _tell_restore(data: Answer) -> None:
    if "problems" in data:
        click.echo(f"Dry run, nothing was changed: {data['response']}")
        _tell_databases(data)
        for problem in data["problems"]:
            click.echo(f"problem: {problem['error']} ({problem['error_type']})", err=True)
        return
    click.echo(data["response"])
    rows = [
        (n, one["database"], one["keys"], one["expired"], one.get("kept_as")) for n, one in data["databases"].items()
    ]
    answers.table(rows, "of the set", "database", "keys", "expired", "old kept in")
    click.echo(f"into {answers.place(data['target'])}, {data['duration']} s; others waited {data['switch_seconds']} s")


def _tell_differences(data: Answer) -> None:
    click.echo(data["response"])
    _tell_databases(data)


def _tell_databases(data: Answer) -> None:
    kinds = ("only_in_backup", "only_in_other", "different", "same", "expired")
    rows = [(n, one["database"], *(one[kind] for kind in kinds)) for n, one in data["databases"].items()]
    if rows:
        answers.table(rows, "of the set", "database", *(kind.replace("_", " ") for kind in kinds))


STORE = StoreCommands(
    RedisBackupRequest,
    RedisRestoreRequest,
    tell_backup=_tell_backup,
    tell_restore=_tell_restore,
    consequence="Keys of {target} will be replaced by those of {timestamp}.",
)
COMPARE = comparison(
    RedisCompareRequest,
    lambda engine, asked: RedisComparison(engine).compare(asked),
    _tell_differences,
    "Compare a backup with live databases, or with another backup.",
)
COMMAND = NamingGroup(
    "redis",
    [*STORE.pair("Back up databases of one moment.", "Restore databases, all or nothing."), COMPARE],
    help=HELP,
    short_help="Back up, restore or compare Redis.",
    epilog=EXAMPLES,
)
