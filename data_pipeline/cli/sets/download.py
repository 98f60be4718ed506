"""`python unified_api.py download`"""

import os
from pathlib import Path
from typing import Any

import click

from data_pipeline.api.download import Downloads
from data_pipeline.api.requests.bodies import BackupSetPath, SetQuery
from data_pipeline.cli import answers, options, process
from data_pipeline.cli.answers import DONE
from data_pipeline.cli.command import Command
from data_pipeline.operations.backup_sets import BackupSetManager

HELP = "Write a backup into a tar file, which `upload` takes in again. LOCATION is global, or a task id."
EXAMPLES = """\b
Examples:
  python unified_api.py download global 20261120_170444
  python unified_api.py download global 20261120_170444 --storage archive --output /backups/november.tar
"""
OUTPUT = click.Option(
    ["--output"], type=click.Path(dir_okay=False, path_type=Path), help="The file; default: vector_backup_TIMESTAMP.tar"
)


def download(as_json: bool, location: str, timestamp: str, output: Path | None, **given: Any) -> int:
    query = options.query(SetQuery, given)
    with process.engine() as engine:
        place = BackupSetManager(engine).place(location, timestamp, query.storage)
        opened = Downloads(engine).open(place, timestamp, None, None)
        with opened.held:
            file = output or Path(opened.name)
            write_file(file, opened.archive.read(opened.start, opened.end))
    done = {"file": str(file), "bytes": opened.archive.size}
    if as_json:
        answers.print_json(done)
    else:
        click.echo(f"{done['file']}: {done['bytes']} bytes")
    return DONE


def write_file(file: Path, chunks: Any) -> None:
    """A file has its name once it is whole. Raises FileExistsError rather than replace another."""
    if file.exists():
        raise FileExistsError(f"{file} is there already")
    partial = file.with_name(f".{file.name}.partial")
    try:
        with partial.open("wb") as written:
            for chunk in chunks:
                written.write(chunk)
            written.flush()
            os.fsync(written.fileno())
        partial.rename(file)
    finally:
        partial.unlink(missing_ok=True)


COMMAND = Command(
    "download",
    callback=download,
    params=[*options.of(BackupSetPath, SetQuery), OUTPUT],
    help=HELP,
    short_help="Write a backup into a tar file.",
    epilog=EXAMPLES,
)
