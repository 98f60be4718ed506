"""What holds for one route, declared beside it: which roles may call it, what it takes, how a bug is answered.

Access, bodies, the audit log and the description ask the policy of the current request's route.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

from flask import Flask, current_app, request
from pydantic import BaseModel

from common.messages import say
from data_pipeline.accounts.roles import Caller, Role
from data_pipeline.operations.results.result import Result

View = TypeVar("View", bound=Callable[..., Any])
Access = Literal["open", "read", "check", "operate", "whole_data", "whole_database", "write", "own"]
"""open: no sign-in is needed. read: looks. check: reads whole backups to judge them. operate: backs up, rehearses, and
restores where a target allows it. whole_data: hands out every row of a set. whole_database: hands out all that a
database holds. write: changes or removes what is kept. own: the account of a user, which no token of the environment
has."""

ROLES: Mapping[Access, frozenset[Role]] = {
    "read": frozenset({"viewer", "reader", "operator", "admin"}),
    "check": frozenset({"reader", "operator", "admin"}),
    "operate": frozenset({"operator", "admin"}),
    "whole_data": frozenset({"operator", "admin"}),
    "whole_database": frozenset({"admin"}),
    "write": frozenset({"admin"}),
    "own": frozenset({"viewer", "operator", "admin"}),
}
"""Which roles may, beside `open`, which all may."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
BUG = say("internal_error")
_POLICY = "route_policy"


@dataclass(frozen=True)
class Policy:
    """A route's policy, and its part of the API's description.

    occupies: a call counts against MAX_WRITERS while it runs. uploads: its body may be as large as UPLOAD_MAX_BYTES.
    tells_more: an open route that a caller who may do everything gets more from.
    operation: the kind under which metrics count its answers. bug: the answer's text for an unexpected error.
    answers: models of the data by status; more: whole responses that aren't in the envelope. failures: the error
    types it can answer. request_body: the description of a body that no model reads.
    """

    access: Access
    tag: str
    failures: Sequence[str]
    answers: Mapping[int, Sequence[type[Result]]] = field(default_factory=dict)
    more: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    headers: Sequence[Mapping[str, Any]] = ()
    request_body: Mapping[str, Any] | None = None
    occupies: bool = False
    uploads: bool = False
    tells_more: bool = False
    operation: str | None = None
    bug: str = BUG
    name: str = ""
    description: str = ""
    body: type[BaseModel] | None = None
    takes_query: bool = False

    def __call__(self, view: View) -> View:
        """Declare this to be the policy of a view: its docstring is the description, its parameters what it reads."""
        parameters = inspect.signature(view).parameters
        body = parameters.get("body")
        found = replace(
            self,
            name=view.__name__,
            description=" ".join((inspect.getdoc(view) or "").split()),
            body=body.annotation if body else None,
            takes_query="query" in parameters,
        )
        setattr(view, _POLICY, found)
        return view

    @property
    def takes_body(self) -> bool:
        return self.body is not None or self.request_body is not None


def permits(access: Access, caller: Caller) -> bool:
    """Whether a caller may call routes of this access."""
    if access == "own" and caller.user is None:
        return False
    return access == "open" or caller.role in ROLES[access]


def current() -> Policy | None:
    """That of the current request's route; None for a page, a file, or no route at all."""
    return of(current_app, request.endpoint)


def of(app: Flask, endpoint: str | None) -> Policy | None:
    """That of an endpoint."""
    return getattr(app.view_functions.get(endpoint or ""), _POLICY, None)


def routes(app: Flask) -> Iterator[tuple[str, Policy]]:
    """Every route that has a policy, by its rule."""
    for rule in app.url_map.iter_rules():
        if found := of(app, rule.endpoint):
            yield rule.rule, found
