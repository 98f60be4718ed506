"""`python unified_api.py upload`"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from data_pipeline.api.requests.bodies import UploadQuery
from data_pipeline.api.upload import Uploads
from data_pipeline.cli import answers, options, process
from data_pipeline.cli.answers import DONE, PARTLY, Answer
from data_pipeline.cli.command import Command

HELP = "Take a backup in: the tar of a download, or the files of a set. It is read to its last row before it is listed."
EXAMPLES = """\b
Examples:
  python unified_api.py upload vector_backup_20261120_170444.tar
  python unified_api.py upload old/*_20261120_170444.csv
"""
FILES = click.Argument(["files"], nargs=-1, required=True, type=click.Path(path_type=Path))


def upload(as_json: bool, files: Sequence[Path], **given: Any) -> int:
    query = options.query(UploadQuery, given)
    with process.engine() as engine:
        uploads = Uploads(engine)
        if len(files) == 1 and files[0].suffix == ".tar":
            with files[0].open("rb") as tar:
                taken = uploads.receive(tar, "application/x-tar", query.task_id, query.storage)
        else:
            taken = uploads.take_files(files, query.task_id, query.storage)
    data = answers.give(taken, as_json, _tell)
    return DONE if data["verified"] else PARTLY


def _tell(data: Answer) -> None:
    click.echo(data["response"])
    rows = [(name, one["rows"], one["file_bytes"], one["file"]) for name, one in data["tables"].items()]
    answers.table(rows, "table", "rows", "bytes", "file")
    click.echo(f"{data['backup_info']['backup_path']} {data['backup_info']['timestamp']}")


COMMAND = Command(
    "upload",
    callback=upload,
    params=[FILES, *options.of(UploadQuery)],
    help=HELP,
    short_help="Take a backup in.",
    epilog=EXAMPLES,
)
