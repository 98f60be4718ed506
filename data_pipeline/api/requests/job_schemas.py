"""Request models of the job routes."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field

from common.errors import InvalidParams
from common.messages import say
from data_pipeline.api.operating.audit import REQUEST_ID
from data_pipeline.api.requests.bodies import MOST_LISTED, Limit
from data_pipeline.jobs.job import JOB_ID, State
from data_pipeline.operations.requests.request import Request
from data_pipeline.resources.config import ResourceName

LISTED = 50
KIND = re.compile(r"[a-z_]{1,32}")


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
    kind: Annotated[str, _matching(KIND, "kind"), _shown(KIND)] | None = Field(
        None, description="Only jobs of this kind: backup, restore and others; a plan is a restore's dry run"
    )
    limit: Limit = Field(LISTED, description=f"How many, at most {MOST_LISTED}")
    after: Annotated[str, _matching(JOB_ID, "after"), _shown(JOB_ID)] | None = Field(
        None, description="The last job_id of the page before"
    )
    request_id: Annotated[str, _matching(REQUEST_ID, "request_id"), _shown(REQUEST_ID)] | None = Field(
        None, description="Only the job of this request, by its X-Request-ID"
    )


class NotificationsQuery(Request):
    """GET /notifications"""

    notifier: ResourceName | None = Field(None, description="Only those to this notifier")
    limit: Limit = Field(LISTED, description=f"How many, at most {MOST_LISTED}")


class JobPath(BaseModel):
    """Which job, in a URL."""

    job_id: str = Field(description="As the 202 answer gave it", json_schema_extra={"pattern": f"^{JOB_ID.pattern}$"})
