"""A record of every request: its id, the metrics, and for each write an audit line that says who did what, which the
audit log of the jobs database keeps."""

import re
import time
import uuid
from collections.abc import Sequence
from typing import Any

import structlog
from flask import Flask, Response, g, request

from common.errors import TooManyAttempts
from data_pipeline.accounts.audit import AuditTrail, set_of
from data_pipeline.accounts.roles import Caller
from data_pipeline.api import policy
from data_pipeline.api.operating.metrics import Metrics, is_rehearsal, outcome_of
from data_pipeline.api.policy import SAFE_METHODS, Policy
from data_pipeline.api.security import client_address
from data_pipeline.jobs.backend.audit_rows import Entry
from data_pipeline.jobs.job import Job
from data_pipeline.proxy_settings import Network

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
LONGEST_VALUE = 256
# What an audit line repeats of a request's body. Never pg_conn, which holds a password.
AUDITED = (
    *("task_id", "backup_path", "timestamp", "tables", "strategy", "truncate_before_restore", "atomic"),
    *(
        "format",
        "compression",
        "truncate_vector_tables",
        "backup_vector_tables",
        "require_manifest",
        "expect_database",
        "async",
    ),
    *("collections", "collection_suffix", "on_conflict", "backup_before_restore", "create_tables", "dry_run", "probes"),
    *("name", "kind", "when", "zone", "paused"),
    *("role", "disabled", "operators_may_restore", "days"),
    *("layout", "with_references", "where", "rename", "conflict_key", "into"),
    *("renames", "swap", "drop_old", "merge", "meta_only", "allow_changes"),
    *("target", "set", "mode", "prefix", "to_prefix", "databases", "consistency", "keys", "keep_old"),
    *("functions", "users", "merge_keys", "members", "rename_suffix"),
    *("swap", "trusted", "exclude_logs", "skip_logs", "create_roles", "compression"),
    *("storages", "to", "triggers", "strip_nul", "allow_lossy", "dialect", "refuse_source"),
    *("action", "sets"),
)
AUDITED_QUERY = ("storage", "task_id", "excludeLogs")

ACCEPTED = 202
"""A job was queued; what became of it is written down when it ends."""

BEGUN: dict[str, Any] = {"success": True, "data": {}}
"""A stream: how it ends is not known yet."""

audit = structlog.get_logger("audit")


class AuditLog:
    """Writes down each request as it is answered."""

    def __init__(self, metrics: Metrics, trail: AuditTrail, trusted_proxies: Sequence[Network]) -> None:
        self._metrics = metrics
        self._trail = trail
        self._trusted_proxies = trusted_proxies

    def set_up(self, app: Flask) -> None:
        app.before_request(self._begin)
        app.after_request(self._end)

    def _begin(self) -> None:
        given = request.headers.get("X-Request-ID") or request.headers.get("Request-Id", "")
        g.request_id = given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        g.started = time.monotonic()
        forwarded = request.headers.get(client_address.HEADER, "")
        g.client = client_address.of(request.remote_addr, forwarded, self._trusted_proxies)

    def _end(self, response: Response) -> Response:
        response.headers["X-Request-ID"] = g.request_id
        route = request.url_rule.rule if request.url_rule else "unknown"
        self._metrics.count(route, request.method, response.status_code)
        asked = policy.current()
        if request.method not in SAFE_METHODS or (asked and asked.access in ("whole_data", "whole_database")):
            self._write_down(response, asked)
        return response

    def _write_down(self, response: Response, asked: Policy | None) -> None:
        begun = response.is_streamed and response.status_code < 400
        answer = BEGUN if begun else _enveloped(response.get_json(silent=True))
        seconds = time.monotonic() - g.started
        accepted = response.status_code == ACCEPTED
        nothing_done = accepted or g.get("replayed", False) or is_rehearsal(g.get("body", {}))
        if asked and asked.operation and not nothing_done:
            self._metrics.operation(asked.operation, answer, seconds)
        caller: Caller | None = g.get("caller")
        outcome = "ACCEPTED" if accepted else "STARTED" if begun else outcome_of(answer)
        if caller is not None or (g.get("signing_in") and response.status_code != TooManyAttempts.status):
            self._trail.note(_entry(caller, response.status_code, outcome, answer["data"], asked))
        audit.info(
            "write",
            who=caller.who if caller else "refused",
            client=g.client,
            what=asked.name if asked else request.endpoint,
            path=request.path[:LONGEST_VALUE],
            body=_audited(),
            **{name: request.args[name][:LONGEST_VALUE] for name in AUDITED_QUERY if name in request.args},
            target=answer["data"].get("target") or request.args.get("target", "")[:LONGEST_VALUE] or None,
            status=response.status_code,
            outcome=outcome,
            **_cause(answer),
            seconds=round(seconds, 3),
            request_id=g.request_id,
        )


def _entry(caller: Caller | None, status: int, outcome: str, data: dict[str, Any], asked: Policy | None) -> Entry:
    """What the audit log keeps of the current request. A client that is refused at the door leaves none, unless it
    tries to sign in."""
    named = {**(request.view_args or {}), "storage": request.args.get("storage")}
    subject = {name: value for name, value in named.items() if name in ("name", "token")}
    return Entry(
        who=caller.who if caller else "refused",
        client=g.client,
        what=asked.name if asked else "unknown",
        set_name=set_of(named, g.get("body"), data),
        target=(data.get("target") or {}).get("dbname") if isinstance(data.get("target"), dict) else None,
        outcome=outcome,
        status=status,
        request_id=g.request_id,
        job_id=data.get("job_id"),
        details={**_audited(), **subject},
    )


def _enveloped(answer: Any) -> dict[str, Any]:
    """An answer as the envelope has it; of a route that answers otherwise, whether it has failed."""
    if isinstance(answer, dict) and "success" in answer:
        return answer
    failed = not isinstance(answer, dict) or bool(answer.get("code") or answer.get("error"))
    return {"success": not failed, "data": {"error_type": "FAILED"} if failed else {}}


def write_down_job(job: Job) -> None:
    """An audit line for a job that has ended."""
    seconds = (job.finished_at - job.started_at).total_seconds() if job.finished_at and job.started_at else 0.0
    level = {"FAILED": audit.error, "INTERRUPTED": audit.error, "PARTIAL": audit.warning}.get(job.state, audit.info)
    level(
        "job",
        who=job.who,
        client=job.client,
        what=job.kind,
        job_id=job.id,
        target=job.target,
        state=job.state,
        outcome=job.error["data"]["error_type"] if job.error else job.state,
        **_cause(job.error),
        seconds=round(seconds, 3),
        request_id=job.request_id,
    )


def _cause(answer: dict[str, Any] | None) -> dict[str, str]:
    """Why a database could not be reached, or was given up."""
    details = answer["data"].get("details") if answer else None
    return {"cause": details["cause"]} if isinstance(details, dict) and "cause" in details else {}


def _audited() -> dict[str, Any]:
    """The body's harmless fields as they came, cut short; nothing of a body that is no JSON object.

    What is given for a name where a client signs in may be a password: it is told once it is known to be a user's.
    """
    if g.get("signing_in"):
        return {"name": g.caller.user} if g.get("caller") and g.caller.user else {}
    body = g.get("body", {})
    return {name: str(body[name])[:LONGEST_VALUE] for name in AUDITED if body.get(name) is not None}
