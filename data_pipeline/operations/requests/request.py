"""The base of all requests. A wrong type or an unknown field is refused, never guessed at."""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError
from typing_extensions import Self

from common.errors import InternalError, InvalidParams, MissingParams, ServiceError
from common.messages import say

VALUE = re.compile("'([^']*)'")
"""In what pydantic says of the values of a Literal: 'a', 'b' or 'c'."""

# pydantic's error types in our words; the rest is "wrong value".
REASONS = {
    "extra_forbidden": say("value_extra"),
    "bool_type": say("value_not_boolean"),
    "string_type": say("value_not_a_string"),
    "list_type": say("value_not_an_array"),
    "int_type": say("value_not_an_integer"),
    "greater_than_equal": say("value_out_of_range"),
    "less_than_equal": say("value_out_of_range"),
    "string_too_short": say("value_empty"),
    "too_short": say("value_empty"),
    "string_too_long": say("value_too_long"),
    "too_long": say("value_too_long"),
}


class Request(BaseModel):
    """What all requests share: null is the same as absent."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _drop_nulls(cls, data: Any) -> Any:
        known = {field.alias or name for name, field in cls.model_fields.items()}
        return {k: v for k, v in data.items() if v is not None or k not in known} if isinstance(data, dict) else data

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Self:
        """The request that values mean, by the API's names. Raises InvalidParams, MissingParams."""
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            raise rejected(error) from None

    def as_sent(self, *, without: frozenset[str] = frozenset()) -> dict[str, Any]:
        """Only the fields that were set, by the API's names, as JSON has them."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude=set(without))


class OperationRequest(Request):
    """A request that can be a job, and so is stored and read again, perhaps by another version of the service.

    kind: names the operation. version: of the stored form; it grows when an earlier version would misread a request.
    What was stored without a version is version 0. secrets: fields that may hold a password.
    """

    kind: ClassVar[str]
    version: ClassVar[int] = 1
    secrets: ClassVar[frozenset[str]] = frozenset()
    if TYPE_CHECKING:  # a field of each kind, where its order puts it
        as_job: bool

    @classmethod
    def read_stored(cls, stored: Mapping[str, Any], version: int) -> Self:
        """A request as as_sent() gave it. Raises InternalError for one of a later version, which could mean more."""
        if version > cls.version:
            raise newer()
        return cls.read(stored)

    @property
    def changes_database(self) -> bool:
        """It may change what a database holds, unless a kind of request knows better."""
        return not getattr(self, "dry_run", False)

    @property
    def named_target(self) -> str | None:
        """What it calls the database that it may change; None for the configured one."""
        return getattr(self, "pg_conn", None) or getattr(self, "target", None)

    @property
    def has_secrets(self) -> bool:
        return bool(self.secrets & self.model_fields_set)


def newer() -> InternalError:
    """The failure of a job that a later version of the service has stored."""
    return InternalError(say("job_of_a_newer_version"), can_retry=False)


def rejected(error: ValidationError) -> ServiceError:
    """The answer for a request that does not fit its model: every missing field, or else the first wrong one."""
    problems = error.errors(include_url=False, include_input=False)
    missing = [_field(problem) for problem in problems if problem["type"] == "missing"]
    return MissingParams(missing) if missing else _invalid(problems[0])


def _invalid(problem: ErrorDetails) -> InvalidParams:
    field = _field(problem)[:64] if problem["loc"] else "body"
    if problem["type"] == "literal_error":
        return unsupported(field, VALUE.findall(problem["ctx"]["expected"]))
    return InvalidParams(
        say("param_invalid", field=field, reason=REASONS.get(problem["type"], say("value_invalid"))),
        details={"field": field},
    )


def none_of(values: Iterable[str]) -> PydanticCustomError:
    """What a field's own check raises where pydantic's would find none of the values of a Literal."""
    return PydanticCustomError("literal_error", "none of {expected}", {"expected": " or ".join(map(repr, values))})


def unsupported(field: str, supported: Collection[str]) -> InvalidParams:
    """The answer for a field that takes one of a few values, and has another."""
    reason = say("value_unsupported", supported=", ".join(supported))
    return InvalidParams(
        say("param_invalid", field=field, reason=reason), details={"field": field, "supported": [*supported]}
    )


def _field(problem: ErrorDetails) -> str:
    """`with.timestamp` for a field inside another; an array's field, whichever of its values it was."""
    return ".".join(part for part in problem["loc"] if isinstance(part, str))
