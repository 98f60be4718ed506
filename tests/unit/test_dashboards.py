"""What Prometheus and Grafana are given to ask for is what the service tells."""

import json
import re
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from data_pipeline.api.operating.metrics import Metrics
from data_pipeline.jobs.backend.schedule_runs import Facts, Run
from data_pipeline.jobs.scheduler import ScheduleState
from data_pipeline.resources.kind import Held

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
NOW = datetime.now(timezone.utc)
RUN = Run("nightly", NOW, False, "a" * 32, "SUCCEEDED", {}, None, NOW, NOW)
FACTS = Facts("daily UTC", NOW, NOW, RUN, None, None, NOW)


def told() -> set[str]:
    """The names of all metrics, those with labels after their first value."""
    metrics = Metrics()
    metrics.count("/restore", "POST", 200)
    metrics.operation("backup", {"data": {"tables_backed_up": {"t": {"row_count": 1, "file_bytes": 1}}}}, 1.0)
    metrics.queue({"RUNNING": 1})
    held: Held[Any] = Held("nightly", None, {})
    metrics.schedules([ScheduleState(held, FACTS, overdue=True)])
    return set(re.findall(r"^(vector_\w+)", metrics.text().decode(), re.MULTILINE))


@pytest.mark.parametrize("name", ["prometheus-rules.yml", "grafana-dashboard.json"])
def test_every_metric_that_is_asked_for_is_told(name: str) -> None:
    asked = set(re.findall(r"\bvector_\w+", (DEPLOY / name).read_text(encoding="utf-8")))
    assert {"vector_backup_overdue", "vector_restore_proven_age_seconds"} <= asked <= told()


def test_the_dashboard_is_json_with_a_panel_for_each_place() -> None:
    panels = json.loads((DEPLOY / "grafana-dashboard.json").read_text(encoding="utf-8"))["panels"]
    places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}
    assert len(places) == len(panels) == len({panel["id"] for panel in panels}) > 5
