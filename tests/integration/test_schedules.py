"""Scheduled backups by real processes: one of them takes each, and old sets go."""

import json
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

EVERY_MINUTE = "* * * * * Asia/Shanghai"


def test_two_processes_with_one_schedule_take_one_backup(
    jobs_database: Any,
    database: Any,
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
    away_from_the_minute()
    processes = [start_server(**env), start_server("worker", **env)]
    ended = "SELECT count(*) FROM vector_jobs.jobs WHERE state = 'SUCCEEDED' AND who = 'schedule'"
    for process in processes:
        process.wait_for_jobs()
    deadline = time.monotonic() + 30
    while jobs_database.fetch(ended) == [(0,)]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    time.sleep(1.2)  # both processes have looked at the clock again
    ((kind, sync, request_id),) = jobs_database.fetch("SELECT kind, sync, request_id FROM vector_jobs.jobs")
    assert (kind, sync, request_id[:9]) == ("backup", False, "schedule-")
    assert len(list((output_dir / "vector_bak").glob("vector_backup_*.json"))) == 1
    lines = [json.loads(line) for process in processes for line in process.log.splitlines()]
    assert [line["who"] for line in lines if line["event"] == "job"] == ["schedule"]


def away_from_the_minute() -> None:
    """Wait until the minute is neither about to end nor so young that it may be taken for the one before."""
    now = datetime.now()
    if now.second > 50:
        time.sleep((now.replace(second=0, microsecond=0) + timedelta(minutes=1) - now).total_seconds())
