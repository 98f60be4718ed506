"""What a caller may do beyond its route: an operator restores only where a target allows it, accounts are users'."""

from flask import g, has_request_context

from common.errors import Forbidden
from common.messages import say
from data_pipeline.accounts.roles import Caller
from data_pipeline.api.policy import SAFE_METHODS, Access, Policy, permits
from data_pipeline.operations.requests.request import OperationRequest
from data_pipeline.resources.store import Resources
from data_pipeline.sets.catalog import AnySet
from data_pipeline.sets.held_set import HeldSet
from data_pipeline.stores.pg_database.store import FAMILY as DATABASES


def expect_permitted(route: Policy | None, method: str, caller: Caller) -> None:
    """Raise Forbidden for a route that is not for the caller's role. What is no route may be looked for by reading."""
    access: Access = route.access if route else "read" if method in SAFE_METHODS else "write"
    if permits(access, caller):
        return
    if access == "own":
        raise Forbidden(say("no_account"))
    if caller.role == "reader" and access in ("whole_data", "whole_database"):
        raise Forbidden(say("read_token_cannot_download"))
    if caller.role == "reader" and method not in SAFE_METHODS:
        raise Forbidden(say("read_token_cannot_write"))
    raise Forbidden(say("role_not_permitted", role=caller.role))


def expect_set(found: AnySet) -> None:
    """Raise Forbidden where a set is a whole database, and the caller may not have one. A command has no caller: who
    runs it has the files."""
    whole = isinstance(found, HeldSet) and found.family == DATABASES
    if whole and has_request_context() and not permits("whole_database", g.caller):
        raise Forbidden(say("role_not_permitted", role=g.caller.role))


def expect_operation(resources: Resources, request: OperationRequest) -> None:
    """Raise Forbidden where an operator asks for what may change a database that operators may not restore into."""
    caller: Caller = g.caller
    if caller.role != "operator" or not request.changes_database:
        return
    if not resources.operators_may_restore(request.named_target):
        raise Forbidden(say("operator_target_closed"))
