"""Request models of the routes of whole databases."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from common.errors import InvalidParams
from common.messages import say
from data_pipeline.api.requests.bodies import Configured
from data_pipeline.operations.requests.fields import shown
from data_pipeline.operations.requests.request import Request


def _boolean(value: Any) -> bool:
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    text = say("param_invalid", field="excludeLogs", reason=say("value_not_boolean"))
    raise InvalidParams(text, details={"field": "excludeLogs"})


class ExportQuery(Request):
    """GET /api/admin/database/export"""

    exclude_logs: Annotated[bool, BeforeValidator(_boolean), shown(type="boolean")] = Field(
        False, alias="excludeLogs", description="Leave out the rows of LOG_TABLES, not their structure"
    )
    target: Configured | None = Field(None, description="A name from TARGETS; the configured database if absent")
