"""`python unified_api.py rewrap`"""

import click

from data_pipeline.cli import answers, process
from data_pipeline.cli.answers import DONE, PARTLY, Answer
from data_pipeline.cli.command import Command
from data_pipeline.operations.listing import EVERYWHERE
from data_pipeline.operations.rewrapping.rewrap import rewrap

HELP = """Change the key of encrypted backups: each backup's own key is wrapped anew with the first key of
BACKUP_ENCRYPTION_KEY (else the first passphrase); no row is written again. The old key has to be configured behind the
new one until this is done. Exit status 3 if a backup kept its key."""
EXAMPLES = """\b
Examples:
  python unified_api.py rewrap
  python unified_api.py rewrap --storage archive
"""
STORAGE = click.Option(
    ["--storage"], default=EVERYWHERE, show_default=True, help="Only those in this storage, by name."
)


def change_key(as_json: bool, storage: str) -> int:
    with process.engine() as engine:
        names = engine.storages.all_names() if storage == EVERYWHERE else [storage]
        data = answers.give(rewrap(engine, names), as_json, _tell)
    return PARTLY if data["failed"] else DONE


def _tell(data: Answer) -> None:
    click.echo(data["response"])
    for one in data["failed"]:
        click.echo(f"{one['backup_path']} {one['timestamp']}: {one['error']}", err=True)


COMMAND = Command(
    "rewrap",
    callback=change_key,
    params=[STORAGE],
    help=HELP,
    short_help="Change the key of encrypted backups.",
    epilog=EXAMPLES,
)
