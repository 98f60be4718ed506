"""A backup set as a download: one tar, its length known, any range of it, the set held as long as it is read."""

import threading
import zlib
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

from flask import Response
from werkzeug.http import parse_range_header

from common.errors import RangeNotSatisfiable, ServiceUnavailable
from common.messages import say
from data_pipeline.api.security.permissions import expect_set
from data_pipeline.engine import Engine
from data_pipeline.sets.tar import Archive, Bundle
from data_pipeline.storage.location import MAIN_STORAGE, Location

GZIP_LEVEL = 1
"""Files of sets are compressed already, or are numbers."""

THREADS_FOR_ONE = 4
"""Of so many threads one may serve a download: a slow client keeps its own until it has all or is silent for long."""


@dataclass(frozen=True)
class Download:
    """A tar on its way, or the range of it from `start` up to `end`. ranged: whether a client may ask for a range."""

    name: str
    archive: Archive | Bundle
    start: int
    end: int
    held: ExitStack
    ranged: bool = True

    def response(self) -> Response:
        """The answer; its end, however it comes, lets go of the set."""
        size = self.archive.size
        chunks = self.archive.read(self.start, self.end)
        partial = (self.start, self.end) != (0, size)
        response = Response(chunks, status=206 if partial else 200, mimetype="application/x-tar")
        response.content_length = self.end - self.start
        if self.ranged:
            response.accept_ranges = "bytes"
            response.set_etag(self.archive.identity)
        response.headers["Content-Disposition"] = f'attachment; filename="{self.name}"'
        if partial:
            response.headers["Content-Range"] = f"bytes {self.start}-{self.end - 1}/{size}"
        response.call_on_close(chunks.close)
        response.call_on_close(self.held.close)
        return response


class Downloads:
    """What can be downloaded, and how much at a time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._places = threading.BoundedSemaphore(max(1, engine.settings.threads // THREADS_FOR_ONE))

    def open(self, place: Location, timestamp: str, wanted: str | None, if_range: str | None) -> Download:
        """Take hold of a set. wanted, if_range: the headers Range and If-Range.

        Raises NotFound, InvalidBackup, RangeNotSatisfiable, or ServiceUnavailable if too many are under way.
        """
        with ExitStack() as stack:
            self.enter(stack)
            archive = stack.enter_context(self._archive(place, timestamp))
            start, end = _range(wanted if if_range in (None, f'"{archive.identity}"') else None, archive.size)
            return Download(f"vector_backup_{timestamp}.tar", archive, start, end, stack.pop_all())

    def open_all(self, sets: Sequence[tuple[Location, str]]) -> Download:
        """Several sets in one tar, each in its own directory of it: that of its location, below its storage's name if
        that is not the main one. Each is kept from being deleted while it is read.

        Raises NotFound, InvalidBackup, or ServiceUnavailable if too many downloads are under way.
        """
        with ExitStack() as stack:
            self.enter(stack)
            parts = []
            for place, timestamp in sets:
                with self._archive(place, timestamp, folder=_folder(place)) as archive:
                    parts.append((archive, partial(self._engine.catalog.locked_any, place, timestamp)))
            bundle = Bundle(parts)
            return Download("vector_backups.tar", bundle, 0, bundle.size, stack.pop_all(), ranged=False)

    def enter(self, stack: ExitStack) -> None:
        """Take a thread that serves a download, for as long as `stack` lasts. Raises ServiceUnavailable if too many
        are under way."""
        if not self._places.acquire(blocking=False):
            raise ServiceUnavailable(say("too_many_downloads"), can_retry=True)
        stack.callback(self._places.release)

    @contextmanager
    def _archive(self, place: Location, timestamp: str, folder: str = "") -> Iterator[Archive]:
        with self._engine.catalog.locked_any(place, timestamp) as found:
            expect_set(found)
            first = [found.manifest_file] if found.manifest_file else []
            yield Archive([*first, *found.files.values()], folder)


def _folder(place: Location) -> str:
    storage = () if place.storage == MAIN_STORAGE else (place.storage,)
    return "".join(f"{part}/" for part in (*storage, *place.parts))


def zipped(archive: Archive, held: ExitStack, name: str) -> Response:
    """A whole tar, compressed on its way: its length isn't known before. Its end lets go of what it is of."""

    def chunks() -> Generator[bytes, None, None]:
        packer = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
        for chunk in archive.read(0, archive.size):
            if packed := packer.compress(chunk):
                yield packed
        yield packer.flush()

    found = chunks()
    response = Response(found, mimetype="application/gzip")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.call_on_close(found.close)
    response.call_on_close(held.close)
    return response


def _range(wanted: str | None, size: int) -> tuple[int, int]:
    """The one range of bytes a Range header asks for; everything where it asks for none, or for several at once."""
    asked = parse_range_header(wanted)
    if asked is None or asked.units != "bytes" or len(asked.ranges) != 1:
        return 0, size
    found = asked.range_for_length(size)
    if found is None:
        raise RangeNotSatisfiable(say("range_behind_end"), details={"bytes": size})
    return found
