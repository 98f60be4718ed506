"""What Prometheus reads: requests, and backups and restores by outcome, rows, bytes, duration and last success."""

import threading
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from data_pipeline.jobs.job import Job, State
from data_pipeline.jobs.scheduler import ScheduleState

SUCCESS = "SUCCESS"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""A label's values must be few, and a client can send any method."""

WAITING_STATES: tuple[State, ...] = ("PENDING", "RUNNING", "CANCELLING")

WRITTEN = ("restore_results", "tables_backed_up", "files")
ROWS = ("rows_restored", "row_count", "rows")
"""Keys of answers: what was written, by table, file or collection, and how many rows each has."""

SECONDS = (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600)


class Metrics:
    """The counters of one service."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._guard = threading.Lock()
        self._latest: dict[str, float] = {}
        self._requests = self._counter("http_requests", "Answers", "route", "method", "status")
        self._operations = self._counter("operations", "Backups and restores by outcome", "operation", "outcome")
        self._rows = self._counter("rows", "Rows written by backups and restores", "operation")
        self._bytes = self._counter("file_bytes", "Bytes of backup files written or restored", "operation")
        self._seconds = Histogram(
            "vector_operation_seconds",
            "Duration of backups and restores",
            ["operation"],
            registry=self._registry,
            buckets=SECONDS,
        )
        self._last_success = Gauge(
            "vector_last_success_timestamp_seconds", "When it last worked", ["operation"], registry=self._registry
        )

        self._age = self._gauge("backup_age_seconds", "Since the schedule's last good run ended", "schedule")
        self._overdue = self._gauge("backup_overdue", "1: the schedule's next good run is overdue", "schedule")
        self._proven = self._gauge(
            "restore_proven_age_seconds", "Since a restore of one of its sets was proven", "schedule"
        )
        self._jobs = Gauge("vector_jobs", "Unfinished jobs by state", ["state"], registry=self._registry)

    def count(self, route: str, method: str, status: int) -> None:
        """One answer."""
        self._requests.labels(route, method if method in METHODS else "other", str(status)).inc()

    def operation(self, kind: str, answer: dict[str, Any], seconds: float) -> None:
        """One backup or restore, by the envelope it was answered with."""
        self._count_operation(kind, answer["data"], outcome_of(answer), seconds)

    def job(self, job: Job) -> None:
        """One job that has ended."""
        if is_rehearsal(job.request):
            return
        data = (job.error or {}).get("data") or job.result or {}
        outcome = data.get("error_type") or ("PARTIAL" if data.get("errors") else SUCCESS)
        seconds = (job.finished_at - job.started_at).total_seconds() if job.finished_at and job.started_at else 0.0
        self._count_operation(job.kind, data, "CANCELLED" if job.state == "CANCELLED" else outcome, seconds)

    def history(self, successes: Mapping[str, datetime]) -> None:
        """When backups and restores last worked by the history of all processes: it outlives a restart of this one."""
        for name, moment in successes.items():
            self._succeeded(name, moment.timestamp())

    def queue(self, counts: Mapping[State, int] | None) -> None:
        """How many jobs of the whole queue are in which state; None if unknown."""
        self._jobs.clear()
        if counts is not None:
            for state in WAITING_STATES:
                self._jobs.labels(state).set(counts.get(state, 0))

    def schedules(self, states: Sequence[ScheduleState]) -> None:
        """How schedules stand, by the runs of all processes: it outlives a restart of this one. None, if unknown."""
        now = datetime.now(timezone.utc)
        for gauge in (self._age, self._overdue, self._proven):
            gauge.clear()
        for state in states:
            name, facts = state.held.name, state.facts
            self._overdue.labels(name).set(state.overdue)
            if facts and facts.good and facts.good.finished_at:
                self._age.labels(name).set((now - facts.good.finished_at).total_seconds())
            if facts and facts.proven_at:
                self._proven.labels(name).set((now - facts.proven_at).total_seconds())

    def _count_operation(self, name: str, data: dict[str, Any], outcome: str, seconds: float) -> None:
        self._operations.labels(name, outcome).inc()
        self._seconds.labels(name).observe(seconds)
        if outcome == SUCCESS:
            self._succeeded(name, time.time())
        written: dict[str, Any] = next((data[key] for key in WRITTEN if data.get(key)), {})
        for table in written.values():
            self._rows.labels(name).inc(next((table[key] for key in ROWS if table.get(key)), 0))
            self._bytes.labels(name).inc(table.get("file_bytes", 0))

    def _succeeded(self, name: str, moment: float) -> None:
        with self._guard:
            self._latest[name] = max(moment, self._latest.get(name, moment))
            self._last_success.labels(name).set(self._latest[name])

    def text(self) -> bytes:
        """In Prometheus' text format."""
        return generate_latest(self._registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"vector_{name}", text, labels, registry=self._registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"vector_{name}", text, labels, registry=self._registry)


def is_rehearsal(request: Mapping[str, Any]) -> bool:
    """Whether a body asks for a dry run: it restores nothing, failed or not."""
    return request.get("dry_run") is True


def outcome_of(answer: dict[str, Any]) -> str:
    """SUCCESS, PARTIAL, or the error_type, by the envelope of an answer."""
    data = answer["data"]
    return str(data.get("error_type") or ("PARTIAL" if data.get("errors") else SUCCESS))
