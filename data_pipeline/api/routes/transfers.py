"""Backup sets on their way out and in."""

from typing import Any

from flask import Response, request

from data_pipeline.api.download import Downloads
from data_pipeline.api.openapi.vocabulary import ALWAYS, OF_FILES, TAR, WRITING, header
from data_pipeline.api.policy import Policy
from data_pipeline.api.requests.bodies import BackupSetPath, SetQuery, UploadQuery
from data_pipeline.api.routes.resource import Resource, answer
from data_pipeline.api.upload import Uploads
from data_pipeline.engine import Engine
from data_pipeline.operations.backup_sets import BackupSetManager
from data_pipeline.operations.results import backup_sets

RANGE = header("Range", "One range of bytes, as in `bytes=1048576-`")
IF_RANGE = header("If-Range", "The ETag of what is there already: another set is sent whole")
UPLOAD: dict[str, Any] = {
    "required": True,
    "description": "The tar of a download, or the files of a set as parts of a form",
    "content": {
        **TAR,
        "multipart/form-data": {
            "schema": {"type": "object", "additionalProperties": {"type": "string", "format": "binary"}}
        },
    },
}


def routes(engine: Engine, downloads: Downloads) -> Resource:
    api = Resource("transfers")
    manager, uploads = BackupSetManager(engine), Uploads(engine)

    @api.get("/backups/<location>/<timestamp>/download", summary="Download a backup set as a tar")
    @Policy(
        access="whole_data",
        tag="Backup sets",
        more={
            200: {"description": "The whole tar", "content": TAR},
            206: {"description": "The range of it that was asked for", "content": TAR},
        },
        failures=(*ALWAYS, *OF_FILES, "OPERATION_IN_PROGRESS", "RANGE_NOT_SATISFIABLE", "SERVICE_UNAVAILABLE"),
        headers=[RANGE, IF_RANGE],
    )
    def download_backup_set(path: BackupSetPath, query: SetQuery) -> Response:
        """The set as one tar, whose length is known beforehand. A download that broke off goes on with `Range`."""
        place = manager.place(path.location, path.timestamp, query.storage)
        headers = request.headers
        return downloads.open(place, path.timestamp, headers.get("Range"), headers.get("If-Range")).response()

    @api.post("/backups/upload", summary="Upload a backup set: a tar, or files of a form")
    @Policy(
        access="write",
        tag="Backup sets",
        answers={200: [backup_sets.UploadedSet]},
        failures=(*ALWAYS, *WRITING, *OF_FILES, "ORPHAN_ROWS", "BACKUP_EXISTS", "STORAGE_FULL", "STORAGE_UNSUPPORTED"),
        request_body=UPLOAD,
        occupies=True,
        uploads=True,
    )
    def upload_backup_set(query: UploadQuery) -> Response:
        """Takes a set in, reads it back to its last row, and only then lists it: the tar of a download, or the two CSV
        files of an old installation as parts of a form."""
        request.max_content_length = engine.settings.upload_max_bytes
        return answer(uploads.receive(request.stream, request.content_type, query.task_id, query.storage))

    return api
