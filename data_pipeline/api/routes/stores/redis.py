"""Redis: databases out, back, and compared."""

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
from data_pipeline.operations.redis import results as redis
from data_pipeline.operations.redis.backup import RedisBackupOperation
from data_pipeline.operations.redis.compare import RedisComparison
from data_pipeline.operations.redis.requests import RedisBackupRequest, RedisCompareRequest, RedisRestoreRequest
from data_pipeline.operations.redis.restore import RedisRestoreOperation

FAILURES = (*ALWAYS, "MISSING_REQUIRED_PARAMS", *WRITING, *OF_FILES, *IN_STORE)


def routes(engine: Engine, jobs: Jobs) -> Resource:
    api = Resource("redis", prefix=f"{BASE}/redis")
    comparison = RedisComparison(engine)

    @api.post("/backup", summary="Back up databases of Redis")
    @Policy(
        access="operate",
        tag="Other stores",
        answers={200: [redis.RedisBackedUp], 202: [job_answers.SubmittedJob]},
        failures=(*FAILURES, *OF_CALLS),
        headers=[IDEMPOTENCY_KEY],
        occupies=True,
        operation=RedisBackupRequest.kind,
        bug=RedisBackupOperation.bug,
    )
    def back_up_redis(body: RedisBackupRequest) -> Response:
        """Keys of all types with their times to live, and libraries of functions. `consistency` says of which moment:
        a snapshot needs a redis-server on this machine (501 with the reason without one)."""
        return perform(jobs, body)

    @api.post("/restore", summary="Restore databases of Redis")
    @Policy(
        access="operate",
        tag="Other stores",
        answers={200: [redis.RedisRestored, redis.RedisRehearsed], 202: [job_answers.SubmittedJob]},
        failures=(*FAILURES, *OF_CALLS),
        headers=[IDEMPOTENCY_KEY],
        occupies=True,
        operation=RedisRestoreRequest.kind,
        bug=RedisRestoreOperation.bug,
    )
    def restore_redis(body: RedisRestoreRequest) -> Response:
        """All or nothing: the set is loaded into an empty database number, each key is read back and compared, and one
        transaction swaps it with the live one, or moves its keys there (`mode: merge`)."""
        return perform(jobs, body)

    @api.post("/compare", summary="Compare a backup of Redis with live databases or another backup")
    @Policy(
        access="check",
        tag="Other stores",
        answers={200: [redis.RedisCompared]},
        failures=FAILURES,
        occupies=True,
        bug=say("compare_failed"),
    )
    def compare_redis(body: RedisCompareRequest) -> Response:
        """What differs, by key: logical values and times to live. Changes nothing."""
        return answer(comparison.compare(body))

    return api
