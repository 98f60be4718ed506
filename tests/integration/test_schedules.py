"""Scheduled backups by real processes: one of them takes each, and old sets go."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.conftest import TestDatabase

EVERY_MINUTE = "* * * * * Asia/Shanghai"


def test_two_processes_with_one_schedule_take_one_backup(
    jobs_database: TestDatabase,
    database: TestDatabase,
    start_server: Callable[..., Any],
    fill: Any,
    output_dir: Path,
) -> None:
    fill(database)
    env = {
        "DATABASE_URL": database.url,
        "JOBS_DATABASE_URL": jobs_database.url,
        "BACKUP_SCHEDULE": EVERY_MINUTE,
        "BACKUP_KEEP_LAST": "1",
        "JOBS_HEARTBEAT_SECONDS": "1",
    }
    processes = [start_server(**env), start_server("worker", **env)]
    ended = "SELECT count(*) FROM vector_jobs.jobs WHERE state = 'SUCCEEDED' AND who = 'schedule'"
    for process in processes:
        process.wait_for_jobs()
    deadline = time.monotonic() + 60
    while jobs_database.fetch(ended) == [(0,)]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    time.sleep(1.2)  # both processes have looked at the clock again
    jobs = jobs_database.fetch("SELECT kind, sync, who, request_id FROM vector_jobs.jobs")
    assert len(jobs) == len(set(jobs)) <= 2  # of one minute, or of two if it was about to end
    assert {job[:3] for job in jobs} == {("backup", False, "schedule")}
    assert 1 <= len(list((output_dir / "vector_bak").glob("vector_backup_*.json"))) <= len(jobs)
    lines = [json.loads(line) for process in processes for line in process.log.splitlines()]
    ended_by = [line["request_id"] for line in lines if line["event"] == "job"]
    assert len(ended_by) == len(set(ended_by)) >= 1
