"""Neo4j: a graph out, back, and compared."""

from flask import Response

from common.messages import say
from data_pipeline.api import BASE
from data_pipeline.api.answers import jobs as job_answers
from data_pipeline.api.openapi.vocabulary import ALWAYS, IDEMPOTENCY_KEY, IN_STORE, OF_CALLS, OF_FILES, WRITING
from data_pipeline.api.policy import Policy
from data_pipeline.api.routes.operation import perform
from data_pipeline.api.routes.resource import Resource, answer
from data_pipeline.engine import Engine
from data_pipeline.jobs.jobs import Jobs
from data_pipeline.operations.neo4j import results as neo4j
from data_pipeline.operations.neo4j.backup import Neo4jBackupOperation
from data_pipeline.operations.neo4j.compare import Neo4jComparison
from data_pipeline.operations.neo4j.requests import Neo4jBackupRequest, Neo4jCompareRequest, Neo4jRestoreRequest
from data_pipeline.operations.neo4j.restore import Neo4jRestoreOperation

FAILURES = (*ALWAYS, "MISSING_REQUIRED_PARAMS", *WRITING, *OF_FILES, *IN_STORE, "DUPLICATE_ROWS")


def routes(engine: Engine, jobs: Jobs) -> Resource:
    api = Resource("neo4j", prefix=f"{BASE}/neo4j")
    comparison = Neo4jComparison(engine)

    @api.post("/backup", summary="Back up a graph of Neo4j")
    @Policy(
        access="write",
        tag="Other stores",
        answers={200: [neo4j.Neo4jBackedUp], 202: [job_answers.SubmittedJob]},
        failures=(*FAILURES, *OF_CALLS),
        headers=[IDEMPOTENCY_KEY],
        occupies=True,
        operation=Neo4jBackupRequest.kind,
        bug=Neo4jBackupOperation.bug,
    )
    def back_up_neo4j(body: Neo4jBackupRequest) -> Response:
        """Nodes, relationships, constraints and indexes, read while others write."""
        return perform(jobs, body)

    @api.post("/restore", summary="Restore a graph of Neo4j")
    @Policy(
        access="write",
        tag="Other stores",
        answers={200: [neo4j.Neo4jRestored, neo4j.Neo4jRehearsed], 202: [job_answers.SubmittedJob]},
        failures=(*FAILURES, *OF_CALLS),
        headers=[IDEMPOTENCY_KEY],
        occupies=True,
        operation=Neo4jRestoreRequest.kind,
        bug=Neo4jRestoreOperation.bug,
    )
    def restore_neo4j(body: Neo4jRestoreRequest) -> Response:
        """One transaction, in which the graph is compared with the set before it is committed; into an empty database
        batches, where the graph doesn't fit into the server's memory."""
        return perform(jobs, body)

    @api.post("/compare", summary="Compare a backup of Neo4j with the live graph")
    @Policy(
        access="check",
        tag="Other stores",
        answers={200: [neo4j.Neo4jCompared]},
        failures=FAILURES,
        occupies=True,
        bug=say("compare_failed"),
    )
    def compare_neo4j(body: Neo4jCompareRequest) -> Response:
        """Whether every node and relationship is the same. Changes nothing."""
        return answer(comparison.compare(body))

    return api
