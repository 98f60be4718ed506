"""A backup set that is uploaded: the tar a download gives, or the files as parts of a form. It is never made a whole
in memory: each file goes into the storage as it is read.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from werkzeug.formparser import MultiPartParser
from werkzeug.http import parse_options_header

from common.errors import InvalidBackup, InvalidParams, NotFound
from common.messages import say
from data_pipeline.engine import Engine
from data_pipeline.operations import read_back
from data_pipeline.operations.backup_sets import named
from data_pipeline.operations.results.backup_sets import ReadTable, UploadedSet
from data_pipeline.sets import verify
from data_pipeline.sets.ingest import Arrival
from data_pipeline.sets.tar import Source, Unpacking
from data_pipeline.storage import location as locations
from data_pipeline.storage.location import MAIN_STORAGE

MOST_PARTS = 3
FORM_BUFFER = 256 << 10
FORM_MEMORY = 4 * FORM_BUFFER
"""Of the parser: what it has read and not given away yet."""


class Uploads:
    """Takes sets in. Every method raises ServiceError."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def receive(
        self, body: Source, content_type: str, task_id: str | None = None, storage: str = MAIN_STORAGE
    ) -> UploadedSet:
        """Store a set, read it back to its last row, and only then let it be listed."""
        return self._received(partial(_take, body, content_type), task_id, storage)

    def take_files(self, files: Sequence[Path], task_id: str | None = None, storage: str = MAIN_STORAGE) -> UploadedSet:
        """The same for files of this machine, whose names say which set they are of."""
        return self._received(partial(_take_files, files), task_id, storage)

    def _received(self, take: Callable[[Arrival], None], task_id: str | None, storage: str) -> UploadedSet:
        started = time.monotonic()
        self._engine.storages.check(storage)
        place = self._engine.catalog.location(task_id, storage)
        here = self._engine.storages.of(place)
        if task_id and not (locations.is_task_directory(task_id) and here.has_directory(task_id)):
            raise NotFound(say("task_directory_missing", task_id=task_id))
        with Arrival(here, place) as arrival:
            take(arrival)
            arrived = arrival.arrived()
            tables = read_back.through(self._engine, arrived)
            arrival.publish()
        return UploadedSet(
            response=say("set_uploaded"),
            backup_info=named(place, arrived.timestamp),
            verified=arrived.manifest is not None,
            tables=ReadTable.each(tables),
            duration=round(time.monotonic() - started, 3),
        )


def _take(body: Source, content_type: str, arrival: Arrival) -> None:
    kind, options = parse_options_header(content_type)
    if kind.lower() == "multipart/form-data":
        _take_form(body, options.get("boundary", ""), arrival)
        return
    members = Unpacking(body)
    for name in members:
        with arrival.file(name) as file:
            for chunk in members.data():
                file.write(chunk)


def _take_files(files: Sequence[Path], arrival: Arrival) -> None:
    for path in files:
        with path.open("rb") as read, arrival.file(path.name) as file:
            for chunk in verify.chunks(read):
                file.write(chunk)


def _take_form(body: Any, boundary: str, arrival: Arrival) -> None:
    """Each part that is a file goes where the arrival puts it; there are no other parts."""
    with _Parts(arrival) as parts:
        parser = MultiPartParser(parts.begin, FORM_MEMORY, buffer_size=FORM_BUFFER, max_form_parts=MOST_PARTS)
        try:
            fields, _ = parser.parse(body, boundary.encode("ascii", "replace"), None)
        except ValueError:
            raise InvalidParams(say("body_not_multipart")) from None
        if fields:
            raise InvalidParams(say("form_holds_a_field"))


class _Parts:
    """The files of a form, as werkzeug's parser hands them over: begun, written, and rewound when they are complete."""

    def __init__(self, arrival: Arrival) -> None:
        self._arrival = arrival
        self._open = ExitStack()
        self._file: Any = None

    def __enter__(self) -> "_Parts":
        return self

    def __exit__(self, *error: Any) -> None:
        self._open.__exit__(*error)

    def begin(self, *_: Any, filename: str | None = None, **_more: Any) -> Any:
        """What the parser writes the next part into."""
        if not filename:
            raise InvalidBackup(say("upload_file_unnamed"), details={"reason": say("file_unnamed")})
        self._file = self._open.enter_context(self._arrival.file(filename))
        return self

    def write(self, data: bytes) -> None:
        self._file.write(bytes(data))

    def seek(self, _offset: int) -> None:
        self._open.close()
