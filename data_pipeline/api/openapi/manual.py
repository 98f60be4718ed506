"""What the API's description says of each route, beyond what its request models say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from data_pipeline.api.answers import backing_up, backup_sets, comparing, jobs, listing, operating, restoring
from data_pipeline.api.answers.envelope import Data
from data_pipeline.api.requests.bodies import BackupBody, CompareBody, CopyBody, RestoreBody, SignInBody

TAGS = {
    "Backups": "Back up, list and compare.",
    "Restore": "The way back into the database.",
    "Backup sets": "One set: look at it, verify, copy, move or remove it.",
    "Jobs": "What takes long, and the history of all backups and restores.",
    "Panel": "Sessions of the admin panel, in place of a token with every request.",
    "Operations": "For whoever runs the service. Outside of the base path.",
}
BODIES = (RestoreBody, BackupBody, CompareBody, CopyBody, SignInBody)

ALWAYS = ("INVALID_PARAMS", "UNAUTHORIZED", "FORBIDDEN", "TOO_MANY_ATTEMPTS", "INTERNAL_ERROR")
WRITING = ("PAYLOAD_TOO_LARGE", "SERVICE_UNAVAILABLE")
IN_DATABASE = (
    *("OPERATION_IN_PROGRESS", "LOCK_TIMEOUT", "DUPLICATE_ROWS", "DEPENDENT_ROWS", "TRIGGER_CHANGED_ROWS"),
    *("SCHEMA_MISMATCH", "DATABASE_ERROR", "TIMEOUT", "STORAGE_FULL"),
)
OF_CALLS = ("CANCELLED", "IDEMPOTENCY_KEY_REUSED", "INTERRUPTED")
STORING = ("OPERATION_IN_PROGRESS", "BACKUP_EXISTS", "STORAGE_FULL", "STORAGE_UNSUPPORTED")
UNDOABLE = ("ORPHAN_ROWS", "STORAGE_UNSUPPORTED")
OF_FILES = ("PERMISSION_DENIED", "RESOURCE_NOT_FOUND", "INVALID_BACKUP")

IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The same key and body are done once, however often they are sent",
    "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
}
LAST_EVENT_ID = {
    "name": "Last-Event-ID",
    "in": "header",
    "description": "The last event somebody has seen; browsers send it by themselves",
    "schema": {"type": "string"},
}
RANGE = {
    "name": "Range",
    "in": "header",
    "description": "One range of bytes, as in `bytes=1048576-`",
    "schema": {"type": "string"},
}
IF_RANGE = {
    "name": "If-Range",
    "in": "header",
    "description": "The ETag of what is there already: another set is sent whole",
    "schema": {"type": "string"},
}

TAR: dict[str, Any] = {"application/x-tar": {"schema": {"type": "string", "format": "binary"}}}
EVENTS: dict[str, Any] = {
    "text/event-stream": {
        "schema": {
            "type": "string",
            "description": "The data of each event is a job as JSON",
            "contentSchema": {"$ref": "#/components/schemas/JobEvent"},
        },
        "example": 'retry: 2000\n\nid: 4\ndata: {"job_id": "77245a18eaa54833b36522f328de5a47", "state": "RUNNING"}\n\n',
    }
}
METRICS: dict[str, Any] = {
    "text/plain": {
        "schema": {"type": "string"},
        "example": 'vector_operations_total{operation="restore",outcome="SUCCESS"} 1.0\n',
    }
}
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


@dataclass(frozen=True)
class Entry:
    """answers: models of the data by status; more: whole responses that aren't in the envelope.

    failures: the error types it can answer. open: no token is needed.
    """

    tag: str
    description: str
    answers: Mapping[int, Sequence[type[Data]]]
    failures: Sequence[str]
    headers: Sequence[Mapping[str, Any]] = ()
    more: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    open: bool = False


MANUAL: dict[str, Entry] = {
    "list_vector_backups": Entry(
        "Backups",
        "Every complete backup set, newest first: those of the whole system, then those of each task.",
        {200: [listing.Listing]},
        (*ALWAYS, "PERMISSION_DENIED", "SERVICE_UNAVAILABLE"),
    ),
    "backup_vector_tables": Entry(
        "Backups",
        "Both tables, from one snapshot. The set is listed once it is complete, and not before.",
        {200: [backing_up.BackedUp], 202: [jobs.SubmittedJob]},
        (*ALWAYS, *WRITING, *OF_FILES, *IN_DATABASE, *OF_CALLS, "BACKUP_EXISTS", "ORPHAN_ROWS", "STORAGE_UNSUPPORTED"),
        [IDEMPOTENCY_KEY],
    ),
    "compare_backup": Entry(
        "Backups",
        "What differs between a backup and the live tables, or another backup: to the bit, by collection. "
        "Changes nothing, and nobody waits.",
        {200: [comparing.Compared]},
        (*ALWAYS, "MISSING_REQUIRED_PARAMS", *WRITING, *OF_FILES, *IN_DATABASE, "ORPHAN_ROWS"),
    ),
    "restore_vector_tables": Entry(
        "Restore",
        "Adds the backup's rows to those that are there, replaces these (`truncate_before_restore`), or writes only "
        "what differs (`strategy: sync`). A replace is all or nothing. When rows are added, a table that fails is "
        "undone alone and named in `errors`, unless `atomic`. With `dry_run` nothing is changed.",
        {200: [restoring.Restored, restoring.Rehearsed], 202: [jobs.SubmittedJob]},
        (*ALWAYS, "MISSING_REQUIRED_PARAMS", *WRITING, *OF_FILES, *IN_DATABASE, *OF_CALLS, *UNDOABLE),
        [IDEMPOTENCY_KEY],
    ),
    "show_backup_set": Entry(
        "Backup sets",
        "What the manifest says of a set, and how large its files are now.",
        {200: [backup_sets.ShownSet]},
        (*ALWAYS, *OF_FILES, "SERVICE_UNAVAILABLE"),
    ),
    "verify_backup_set": Entry(
        "Backup sets",
        "Reads every byte of a set, as a restore would, without a database.",
        {200: [backup_sets.VerifiedSet]},
        (*ALWAYS, *WRITING, *OF_FILES, "ORPHAN_ROWS", "OPERATION_IN_PROGRESS"),
    ),
    "delete_backup_set": Entry(
        "Backup sets",
        "Removes a set for good. Refused while a restore, a copy or a download reads it.",
        {200: [backup_sets.DeletedSet]},
        (*ALWAYS, *WRITING, *OF_FILES, "OPERATION_IN_PROGRESS", "STORAGE_UNSUPPORTED"),
    ),
    "copy_backup_set": Entry(
        "Backup sets",
        "Copies a set into another storage and reads back what arrived. One that is there already is only verified.",
        {200: [backup_sets.CopiedSet]},
        (*ALWAYS, "MISSING_REQUIRED_PARAMS", *WRITING, *OF_FILES, *STORING),
    ),
    "download_backup_set": Entry(
        "Backup sets",
        "The set as one tar, whose length is known beforehand. A download that broke off goes on with `Range`.",
        {},
        (*ALWAYS, *OF_FILES, "OPERATION_IN_PROGRESS", "RANGE_NOT_SATISFIABLE", "SERVICE_UNAVAILABLE"),
        [RANGE, IF_RANGE],
        {
            200: {"description": "The whole tar", "content": TAR},
            206: {"description": "The range of it that was asked for", "content": TAR},
        },
    ),
    "upload_backup_set": Entry(
        "Backup sets",
        "Takes a set in, reads it back to its last row, and only then lists it: the tar of a download, or the two CSV "
        "files of an old installation as parts of a form.",
        {200: [backup_sets.UploadedSet]},
        (*ALWAYS, *WRITING, *OF_FILES, "ORPHAN_ROWS", "BACKUP_EXISTS", "STORAGE_FULL", "STORAGE_UNSUPPORTED"),
        body=UPLOAD,
    ),
    "list_jobs": Entry(
        "Jobs",
        "Newest first, calls that were answered at once included.",
        {200: [jobs.JobList]},
        (*ALWAYS, "SERVICE_UNAVAILABLE"),
    ),
    "show_job": Entry(
        "Jobs",
        "One job: how far it is, and what became of it.",
        {200: [jobs.ShownJob]},
        (*ALWAYS, "RESOURCE_NOT_FOUND", "SERVICE_UNAVAILABLE"),
    ),
    "cancel_job": Entry(
        "Jobs",
        "Cancels a job that waits or runs, within a second in every phase; the tables are as before.",
        {200: [jobs.ShownJob]},
        (*ALWAYS, "PAYLOAD_TOO_LARGE", "RESOURCE_NOT_FOUND", "JOB_FINISHED", "SERVICE_UNAVAILABLE"),
    ),
    "follow_job": Entry(
        "Jobs",
        "The job now, and each change until it has ended, as Server-Sent Events. A comment comes every few seconds.",
        {},
        (*ALWAYS, "RESOURCE_NOT_FOUND", "SERVICE_UNAVAILABLE"),
        [LAST_EVENT_ID],
        {
            200: {"description": "Events, until the job has ended", "content": EVENTS},
            204: {"description": "The job has ended, and `Last-Event-ID` was its last event"},
        },
    ),
    "show_settings": Entry(
        "Operations",
        "The version, the settings without secrets and paths, and the names that requests may use.",
        {200: [operating.ShownSettings]},
        ALWAYS,
    ),
    "show_session": Entry(
        "Panel",
        "Whether a token is needed, and what the cookie that came along may do. Needs no token.",
        {200: [operating.ShownSession]},
        ("INVALID_PARAMS", "FORBIDDEN", "INTERNAL_ERROR"),
        open=True,
    ),
    "sign_in": Entry(
        "Panel",
        "Gives a cookie for a token. A write that comes with the cookie needs the session's token in X-CSRF-Token.",
        {200: [operating.SignedIn]},
        (*ALWAYS, "MISSING_REQUIRED_PARAMS", "PAYLOAD_TOO_LARGE"),
        open=True,
    ),
    "sign_out": Entry(
        "Panel",
        "Takes the cookie away.",
        {200: [operating.SignedOut]},
        ("INVALID_PARAMS", "FORBIDDEN", "PAYLOAD_TOO_LARGE", "INTERNAL_ERROR"),
        open=True,
    ),
    "healthz": Entry(
        "Operations",
        "Whether the process answers. Needs no token.",
        {200: [operating.Alive]},
        ("INVALID_PARAMS", "FORBIDDEN", "INTERNAL_ERROR"),
        open=True,
    ),
    "readyz": Entry(
        "Operations",
        "Whether the database, the storage and the job queue are within reach. Needs no token; a caller that may do"
        " everything is told of the further targets and storages too, which decide nothing.",
        {200: [operating.Ready]},
        ("INVALID_PARAMS", "FORBIDDEN", "INTERNAL_ERROR", "SERVICE_UNAVAILABLE"),
        open=True,
    ),
    "show_metrics": Entry(
        "Operations",
        "Counters and durations in Prometheus' text format.",
        {},
        ALWAYS,
        more={200: {"description": "Metrics", "content": METRICS}},
    ),
}
