"""Request models of the job routes, and how a job is shown."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from common.errors import InvalidParams
from common.messages import say
from data_pipeline.api.operating.audit import REQUEST_ID
from data_pipeline.jobs.job import JOB_ID, Job, State
from data_pipeline.operations.requests.request import Request

MOST_LISTED = 200
LISTED = 50
KEPT_BACK = frozenset({"result", "error"})
"""What a list leaves out: it may be long."""


def _count(value: Any) -> Any:
    if (
        isinstance(value, str)
        and value.isascii()
        and value.isdigit()
        and len(value) <= 9
        and 1 <= int(value) <= MOST_LISTED
    ):
        return int(value)
    raise InvalidParams(say("param_limit_out_of_range", most=MOST_LISTED), details={"field": "limit"})


def _matching(pattern: re.Pattern[str], name: str) -> AfterValidator:
    def validate(value: str) -> str:
        if not pattern.fullmatch(value):
            raise InvalidParams(say("param_malformed", name=name), details={"field": name})
        return value

    return AfterValidator(validate)


def _shown(pattern: re.Pattern[str]) -> Any:
    """What the API's description says of a field that has to match."""
    return Field(json_schema_extra={"pattern": pattern.pattern.join("^$")})


class JobsQuery(Request):
    """GET /jobs"""

    state: State | None = Field(None, description="Only jobs in this state")
    limit: Annotated[int, BeforeValidator(_count)] = Field(
        LISTED,
        description=f"How many, at most {MOST_LISTED}",
        json_schema_extra={"minimum": 1, "maximum": MOST_LISTED},
    )
    after: Annotated[str, _matching(JOB_ID, "after"), _shown(JOB_ID)] | None = Field(
        None, description="The last job_id of the page before"
    )
    request_id: Annotated[str, _matching(REQUEST_ID, "request_id"), _shown(REQUEST_ID)] | None = Field(
        None, description="Only the job of this request, by its X-Request-ID"
    )


class JobPath(BaseModel):
    """Which job, in a URL."""

    job_id: str = Field(description="As the 202 answer gave it", json_schema_extra={"pattern": f"^{JOB_ID.pattern}$"})


def links(job: Job, prefix: str) -> dict[str, str]:
    """Where a job is looked at, followed and cancelled."""
    own = f"{prefix}/jobs/{job.id}"
    return {"self": own, "events": f"{own}/events", "cancel": f"{own}/cancel"}


def describe(job: Job, prefix: str) -> dict[str, Any]:
    """A job as answers and events show it. Times are RFC 3339, or null."""
    return {
        "job_id": job.id,
        "kind": job.kind,
        "state": job.state,
        "async": not job.sync,
        "request": job.request,
        "target": job.target,
        "request_id": job.request_id,
        "created_at": _moment(job.created_at),
        "started_at": _moment(job.started_at),
        "finished_at": _moment(job.finished_at),
        "progress": job.progress,
        "result": job.result,
        "error": job.error,
        "links": links(job, prefix),
    }


def summarize(job: Job, prefix: str) -> dict[str, Any]:
    """A job as a list shows it."""
    return {name: value for name, value in describe(job, prefix).items() if name not in KEPT_BACK}


def page(found: Sequence[Job], limit: int, prefix: str) -> dict[str, Any]:
    """Jobs as a list answers them; `next` is the last of them, if there may be more."""
    shown = [summarize(job, prefix) for job in found]
    after = found[-1].id if len(found) == limit else None
    return {"response": say("jobs_listed", count=len(shown)), "jobs": shown, "next": after}


def show(job: Job, prefix: str) -> dict[str, Any]:
    """A job as it is answered alone."""
    return {"response": say("job_shown"), **describe(job, prefix)}


def cancelled(job: Job, prefix: str) -> dict[str, Any]:
    """A job that was just told to stop."""
    return {"response": say("job_cancelled") if job.finished else say("job_being_cancelled"), **describe(job, prefix)}


def submitted(job: Job, prefix: str) -> dict[str, Any]:
    """A job that was just taken in."""
    return {"response": say("job_submitted"), "job_id": job.id, "state": job.state, "links": links(job, prefix)}


def _moment(moment: datetime | None) -> str | None:
    return moment.astimezone().isoformat(timespec="milliseconds") if moment else None
