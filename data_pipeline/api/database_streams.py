"""Exports and imports of whole databases as streams: each ends with its client, and a bounded number at a time."""

import json
import queue
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import structlog
from flask import Response

from common import uncaught
from common.errors import InternalError, ServiceError, ServiceUnavailable
from common.messages import Message, say, translated
from common.result import error_response
from data_pipeline.api import archive_form, language
from data_pipeline.engine import Engine
from data_pipeline.jobs.job import Origin
from data_pipeline.jobs.jobs import Jobs
from data_pipeline.jobs.progress_meter import ProgressMeter
from data_pipeline.jobs.runner import Recording
from data_pipeline.operations.backup_sets import BackupSetManager
from data_pipeline.operations.database.exporting import DatabaseExport, Export
from data_pipeline.operations.database.importing import DatabaseImport, Import
from data_pipeline.operations.database.spool import spooled
from data_pipeline.stores.pg_database import set_archive
from data_pipeline.stores.pg_database.facts import DumpFacts
from data_pipeline.stores.pg_database.store import FAMILY, STORE

THREADS_FOR_ONE = 4
"""Of so many threads one may serve a stream."""

SILENCE_SECONDS = 0.9
"""An import says something at least once a second; a client that has gone is noticed by it."""

log = structlog.get_logger("web")


class DatabaseStreams:
    """Raises ServiceError before a stream has begun; what fails later ends it."""

    def __init__(self, engine: Engine, jobs: Jobs) -> None:
        self._engine = engine
        self._jobs = jobs
        self._export = DatabaseExport(engine)
        self._import = DatabaseImport(engine)
        self._places = threading.BoundedSemaphore(max(1, engine.settings.threads // THREADS_FOR_ONE))

    def export(self, target: str | None, exclude_logs: bool) -> Response:
        """The archive. A stream that breaks off lacks its end, which every client notices."""
        with ExitStack() as stack:
            meter = self._begun(stack)
            export = stack.enter_context(self._export.open(target, exclude_logs, meter))
            response = Response(_told(export), mimetype="application/octet-stream")
            response.headers["Content-Disposition"] = f'attachment; filename="{export.name}"'
            response.headers["X-Dump-Version"] = f"{export.tool.version} ({export.tool.source})"
            response.headers["X-Accel-Buffering"] = "no"
            response.call_on_close(stack.pop_all().close)
            return response
        raise AssertionError  # an ExitStack swallows nothing

    def download(self, where: str, timestamp: str, storage: str) -> Response:
        """The archive of a set, each block checked before it goes out."""
        with ExitStack() as stack:
            meter = self._begun(stack)
            place = BackupSetManager(self._engine).place(where, timestamp, storage)
            held = stack.enter_context(self._engine.catalog.held(place, timestamp, FAMILY))
            facts: DumpFacts = STORE.facts_of(held)
            response = Response(_wanted(set_archive.contents(held), meter), mimetype="application/octet-stream")
            response.content_length = facts.bytes
            name = held.files[set_archive.ARCHIVE].name.removesuffix(".zst")
            response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
            response.call_on_close(stack.pop_all().close)
            return response
        raise AssertionError

    def receive(self, body: Any, content_type: str, origin: Origin) -> Response:
        """Take an archive in, and tell what becomes of it, event by event. From the moment that it is known what is
        asked, the import is in the history of jobs."""
        with ExitStack() as stack:
            meter = self._begun(stack)
            spool = stack.enter_context(spooled(self._engine.settings.upload_max_bytes))
            request = archive_form.read(body, content_type, spool)
            target = self._engine.databases.named(request.target)
            recording = stack.enter_context(self._jobs.recorded(request, target, origin, meter, DatabaseImport.bug))
            opened = stack.enter_context(self._import.open(request, spool, meter))
            events = ImportEvents(opened, meter, language.preferred(), recording, stack.pop_all())
            response = Response(events.stream(), mimetype="text/event-stream")
            response.headers["X-Accel-Buffering"] = "no"
            response.call_on_close(events.leave)
            return response
        raise AssertionError

    def _begun(self, stack: ExitStack) -> ProgressMeter:
        if not self._places.acquire(blocking=False):
            raise ServiceUnavailable(say("too_many_database_streams"), can_retry=True)
        stack.callback(self._places.release)
        meter = ProgressMeter()
        stack.enter_context(self._jobs.under_way(meter))
        return meter


class ImportEvents:
    """One import in a thread of its own, told as events: progress, and at the end complete or error.

    recording: is told the result. held: what the import holds, let go when its thread ends.
    """

    def __init__(
        self, opened: Import, meter: ProgressMeter, spoken_in: str, recording: Recording, held: ExitStack
    ) -> None:
        self._import = opened
        self._meter = meter
        self._language = spoken_in
        self._recording = recording
        self._held = held
        self._events: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="import", daemon=False)
        self._thread.start()

    def stream(self) -> Iterator[str]:
        last: Any = DatabaseImport.bug
        while True:
            try:
                event = self._events.get(timeout=SILENCE_SECONDS)
            except queue.Empty:
                event = self._progress(last)
            if event is None:
                return
            last = event["message"] if event["type"] == "progress" else last
            yield f"data: {json.dumps(translated(event, self._language), ensure_ascii=False)}\n\n"

    def leave(self) -> None:
        """The stream has ended, or its client is gone: then the import is cancelled."""
        self._meter.cancel()
        self._thread.join()

    def _run(self) -> None:
        try:
            with self._held:
                result = self._import.run(self._meter, lambda text: self._events.put(self._progress(text)))
                self._recording.result = result.data()
            data = result.data()
            exit_code = data.pop("exit_code")
            event = {"type": "complete", "message": data.pop("response"), "exitCode": exit_code, "percent": 100.0}
            self._events.put({**event, **data})
        except ServiceError as error:
            self._events.put(_failed(error))
        except Exception as error:
            log.error("unexpected error", kind=type(error).__name__, where=uncaught.where(error))
            self._events.put(_failed(InternalError(DatabaseImport.bug)))
        finally:
            self._events.put(None)

    def _progress(self, text: Message | str) -> dict[str, Any]:
        return {"type": "progress", "message": text, "percent": self._meter.reading()["percent"]}


def _wanted(chunks: Iterator[bytes], meter: ProgressMeter) -> Iterator[bytes]:
    for chunk in chunks:
        meter.expect_wanted()
        yield chunk


def _told(export: Export) -> Iterator[bytes]:
    """The chunks of an export. What ends it before its end is written down: its client sees only that it broke off."""
    try:
        yield from export.chunks
    except ServiceError as error:
        log.error("an export broke off", error_type=error.error_type, reason=error.response)
        raise


def _failed(error: ServiceError) -> dict[str, Any]:
    data = error_response(error)["data"]
    exit_code = data.pop("exit_code", None)
    text = data.pop("response")
    return {"type": "error", "message": text, **({"exitCode": exit_code} if exit_code is not None else {}), **data}
