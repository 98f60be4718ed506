"""Many backup sets at once."""

from flask import Response

from data_pipeline.api.download import Downloads
from data_pipeline.api.openapi.vocabulary import ALWAYS, OF_FILES, STORING, TAR, WRITING
from data_pipeline.api.policy import Policy
from data_pipeline.api.routes.resource import Resource, answer
from data_pipeline.engine import Engine
from data_pipeline.jobs.jobs import Jobs
from data_pipeline.operations.bulk.bulk_sets import BulkSets
from data_pipeline.operations.requests.bulk import BulkRequest
from data_pipeline.operations.results.bulk import BulkDone
from data_pipeline.operations.verification import Verification


def routes(engine: Engine, jobs: Jobs, downloads: Downloads) -> Resource:
    api = Resource("bulk")
    bulk = BulkSets(engine, Verification(engine, jobs.checks.note))

    @api.post("/backups/bulk", summary="Verify, copy, delete or download many backup sets")
    @Policy(
        access="write",
        tag="Backup sets",
        answers={200: [BulkDone]},
        more={200: {"content": TAR}},
        failures=(*ALWAYS, "MISSING_REQUIRED_PARAMS", *WRITING, *OF_FILES, *STORING, "ORPHAN_ROWS"),
        occupies=True,
    )
    def bulk_backup_sets(body: BulkRequest) -> Response:
        """All are looked at before the first is touched; a removal begins only if all may go. Then one after the other:
        a set that fails keeps no other from being done, and each has a result. A download is one tar."""
        if body.action == "download":
            return downloads.open_all(bulk.expect_possible(body)).response()
        return answer(bulk.run(body))

    return api
