"""What notifiers are told of, and how it is put into words."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from common.messages import Message, say
from data_pipeline.notify.message import Event, Notification

BAD = ("PARTIAL", "FAILED", "INTERRUPTED")


@dataclass(frozen=True)
class Occasion:
    """What has happened. subject: a schedule, or its drills: what may be in trouble, and recover.

    cause: the error's type. facts: lines about it, the first of which says why.
    """

    event: Event
    subject: str
    schedule: str | None
    at: datetime
    cause: str = ""
    job_id: str | None = None
    facts: tuple[Message, ...] = field(default=())

    def message(self, event: Event, language: str) -> Notification:
        """In a language; `event` is this one's, or "recovered" for a success."""
        lines = [*self.facts, say("notice_at", time=self.at.astimezone().isoformat(timespec="seconds"))]
        if self.job_id is not None:
            lines.append(say("notice_job", job_id=self.job_id))
        return Notification(
            id=uuid.uuid4().hex,
            event=event,
            subject=self.subject,
            title=_title(event, self.subject).in_language(language),
            text="\n".join(line.in_language(language) for line in lines),
            at=self.at.astimezone().isoformat(timespec="seconds"),
            schedule=self.schedule,
            job_id=self.job_id,
            error_type=self.cause or None,
        )


def _title(event: Event, subject: str) -> Message:
    titles: dict[Event, Message] = {
        "failure": say("notice_failure", subject=subject),
        "success": say("notice_success", subject=subject),
        "overdue": say("notice_overdue", subject=subject),
        "drill_failed": say("notice_drill_failed", subject=subject),
        "recovered": say("notice_recovered", subject=subject),
    }
    return titles[event]


def of_ending(
    state: str, result: Mapping[str, Any] | None, error: Mapping[str, Any] | None
) -> tuple[bool | None, str, tuple[Message, ...]]:
    """Whether work that has ended was good, the cause if not, and what there is to say of it.

    None for the first: it was cancelled, which the one who did it knows.
    """
    failure, done = dict((error or {}).get("data") or {}), dict(result or {})
    facts = [*_why(state, failure, done), *_where(failure, done)]
    if state == "SUCCEEDED":
        return True, "", tuple(facts)
    cause = str(failure.get("error_type") or state)
    return (False if state in BAD else None), cause, tuple(facts)


def _why(state: str, failure: Mapping[str, Any], done: Mapping[str, Any]) -> list[Message]:
    if state == "SUCCEEDED":
        return []
    reasons = [failure["response"]] if "response" in failure else faults_of(done)
    return [say("notice_cause", cause=reason) for reason in reasons or [say("operation_interrupted")]]


def faults_of(done: Mapping[str, Any]) -> list[Any]:
    """What went wrong with work that is done in part: of each storage that a set did not reach, why."""
    storages = {name: one.get("error") for name, one in (done.get("storages") or {}).items() if not one.get("success")}
    told = [say("about", reason=error, subject=name) for name, error in storages.items() if error]
    return told or list(done.get("errors") or [])


def _where(failure: Mapping[str, Any], done: Mapping[str, Any]) -> list[Message]:
    facts = []
    target = done.get("target") or failure.get("target") or {}
    if target.keys() >= {"dbname", "host", "port"}:
        facts.append(say("notice_target", dbname=target["dbname"], host=target["host"], port=target["port"]))
    info = done.get("backup_info") or failure.get("backup_info") or {}
    path = info.get("backup_path") or done.get("backup_directory")
    timestamp = info.get("timestamp") or done.get("backup_timestamp")
    if path and timestamp:
        facts.append(say("notice_backup", path=path, timestamp=timestamp))
    return facts
