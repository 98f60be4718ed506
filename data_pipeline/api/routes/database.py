"""Whole databases, by the paths of the documented administration."""

from typing import Any

from flask import Response, request

from common.messages import say
from data_pipeline.api import web
from data_pipeline.api.database_streams import DatabaseStreams
from data_pipeline.api.openapi.vocabulary import ALWAYS, WRITING
from data_pipeline.api.policy import Policy
from data_pipeline.api.requests.databases import ExportQuery
from data_pipeline.api.routes.resource import Resource
from data_pipeline.api.server import FORM_ROOM
from data_pipeline.engine import Engine

PREFIX = "/api/admin/database"
ARCHIVE: dict[str, Any] = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
BOOLEAN = {"type": "string", "enum": ["true", "false"]}
FORM: dict[str, Any] = {
    "required": True,
    "description": "The archive and how it is imported",
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {
                    "file": {"type": "string", "format": "binary", "description": "An archive of pg_dump -Fc"},
                    "cleanFirst": BOOLEAN,
                    "skipLogs": BOOLEAN,
                    "trusted": BOOLEAN,
                    "target": {"type": "string"},
                },
            }
        }
    },
}
EVENTS: dict[str, Any] = {
    "text/event-stream": {
        "schema": {
            "type": "string",
            "description": "`data:` lines of JSON with type (progress, complete or error), message, exitCode, percent",
        }
    }
}
REFUSALS = (
    "OPERATION_IN_PROGRESS",
    "VERSION_MISMATCH",
    "DATABASE_ERROR",
    "PERMISSION_DENIED",
    "LOCK_TIMEOUT",
    "TIMEOUT",
)


def routes(engine: Engine, streams: DatabaseStreams) -> Resource:
    api = Resource("database", PREFIX)

    @api.get("/export", summary="Export a whole database")
    @Policy(
        access="whole_database",
        tag="Databases",
        more={200: {"description": "An archive of pg_dump's custom format", "content": ARCHIVE}},
        failures=(*ALWAYS, *REFUSALS, "SERVICE_UNAVAILABLE", "CANCELLED", "STORAGE_FULL"),
        bug=say("export_failed"),
    )
    def export_database(query: ExportQuery) -> Response:
        """Streams the archive while pg_dump writes it: one snapshot of everything, but for the service's own queue.
        `X-Dump-Version` says which pg_dump it was. One export of a database at a time."""
        return streams.export(query.target, query.exclude_logs)

    @api.post("/import", summary="Import a whole database")
    @Policy(
        access="write",
        tag="Databases",
        more={200: {"description": "What happens, as it happens", "content": EVENTS}},
        failures=(
            *(*ALWAYS, *WRITING, *REFUSALS, "MISSING_REQUIRED_PARAMS", "INVALID_BACKUP", "UNTRUSTED_ARCHIVE"),
            *("STORAGE_FULL", "CANCELLED"),
        ),
        request_body=FORM,
        uploads=True,
        bug=say("import_failed"),
    )
    def import_database() -> Response:
        """Merges an archive into a database, or with `cleanFirst` drops what it holds and makes it anew, all or
        nothing. The answer is a stream of events; its last one is `complete` or `error`."""
        request.max_content_length = engine.settings.upload_max_bytes + FORM_ROOM
        return streams.receive(request.stream, request.content_type or "", web.origin())

    return api
