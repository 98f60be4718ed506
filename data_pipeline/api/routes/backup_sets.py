"""One backup set: look at it, verify, copy or remove it."""

from flask import Response

from data_pipeline.api.openapi.vocabulary import ALWAYS, OF_FILES, STORING, WRITING
from data_pipeline.api.policy import Policy
from data_pipeline.api.requests.bodies import BackupSetPath, CopyBody, SetQuery
from data_pipeline.api.routes.resource import Resource, answer
from data_pipeline.engine import Engine
from data_pipeline.jobs.jobs import Jobs
from data_pipeline.operations.backup_sets import BackupSetManager
from data_pipeline.operations.results import backup_sets
from data_pipeline.operations.verification import Verification


def routes(engine: Engine, jobs: Jobs) -> Resource:
    api = Resource("backup_sets")
    manager = BackupSetManager(engine)
    verification = Verification(engine, jobs.checks.note)

    @api.get("/backups/<location>/<timestamp>", summary="Show a backup set")
    @Policy(
        access="read",
        tag="Backup sets",
        answers={200: [backup_sets.ShownSet]},
        failures=(*ALWAYS, *OF_FILES, "SERVICE_UNAVAILABLE"),
    )
    def show_backup_set(path: BackupSetPath, query: SetQuery) -> Response:
        """What the manifest says of a set, and how large its files are now."""
        return answer(manager.show(path.location, path.timestamp, query.storage))

    @api.post("/backups/<location>/<timestamp>/verify", summary="Verify every byte of a backup set")
    @Policy(
        access="check",
        tag="Backup sets",
        answers={200: [backup_sets.VerifiedSet]},
        failures=(*ALWAYS, *WRITING, *OF_FILES, "ORPHAN_ROWS", "OPERATION_IN_PROGRESS"),
        occupies=True,
    )
    def verify_backup_set(path: BackupSetPath, query: SetQuery) -> Response:
        """Reads every byte of a set, as a restore would, without a database. The list says what was found, and when."""
        return answer(verification.verify(path.location, path.timestamp, query.storage))

    @api.delete("/backups/<location>/<timestamp>", summary="Delete a backup set")
    @Policy(
        access="write",
        tag="Backup sets",
        answers={200: [backup_sets.DeletedSet]},
        failures=(*ALWAYS, *WRITING, *OF_FILES, "OPERATION_IN_PROGRESS", "STORAGE_UNSUPPORTED"),
        occupies=True,
    )
    def delete_backup_set(path: BackupSetPath, query: SetQuery) -> Response:
        """Removes a set for good. Refused while a restore, a copy or a download reads it."""
        return answer(manager.delete(path.location, path.timestamp, query.storage))

    @api.post("/backups/<location>/<timestamp>/copy", summary="Copy a backup set to another storage")
    @Policy(
        access="operate",
        tag="Backup sets",
        answers={200: [backup_sets.CopiedSet]},
        failures=(*ALWAYS, "MISSING_REQUIRED_PARAMS", *WRITING, *OF_FILES, *STORING),
        occupies=True,
    )
    def copy_backup_set(path: BackupSetPath, query: SetQuery, body: CopyBody) -> Response:
        """Copies a set into another storage and reads back what arrived. One that is there already is only
        verified."""
        return answer(manager.copy(path.location, path.timestamp, body.to, query.storage))

    return api
