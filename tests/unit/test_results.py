"""What an operation answers, as it is serialised."""

from datetime import datetime, timedelta, timezone

from common.messages import Message, say
from data_pipeline.api.answers.jobs import Links
from data_pipeline.operations.results.compare import Compared
from data_pipeline.operations.results.listing import ListingSummary
from data_pipeline.operations.results.restore import RestoredTable, SearchCheck
from data_pipeline.operations.results.result import BackupInfo, Target


def test_a_key_that_says_nothing_is_left_out_and_a_null_that_says_something_is_not() -> None:
    assert SearchCheck(performed=False).data() == {"performed": False}
    checked = SearchCheck(performed=True, distance="l2", probes=3, exact_matches=3, recall=None, recall_at_backup=None)
    assert checked.data() == {
        **{"performed": True, "distance": "l2", "probes": 3, "exact_matches": 3},
        **{"recall": None, "recall_at_backup": None},
    }
    table = RestoredTable(success=True, source_file="a.csv", rows_restored=1, dialect=None)
    assert table.data() == {"success": True, "source_file": "a.csv", "rows_restored": 1}
    more = table.model_copy(update={"rows_restored": 0, "rows_deleted": 2})
    assert more.data() == {"success": True, "source_file": "a.csv", "rows_restored": 0, "rows_deleted": 2}


def test_keys_are_those_of_the_api_and_texts_stay_messages() -> None:
    info = BackupInfo(backup_path="./x", timestamp="20250722_010318", backup_date="2025-07-22 01:03:18")
    compared = Compared(
        response=say("compared_identical"),
        identical=True,
        collections=[],
        warnings=[say("restore_unvouched")],
        backup_info=info,
        other=info,
        target=Target(host="h", port=1, dbname="d", user="u", source="config"),
        duration=0.1,
    )
    data = compared.data()
    assert list(data) == [
        *("response", "identical", "collections", "warnings", "backup_info", "with", "target", "duration")
    ]
    assert data["with"] == info.data()
    assert isinstance(data["response"], Message)
    assert isinstance(data["warnings"][0], Message)
    assert Links(**{"self": "a", "events": "b", "cancel": "c"}).data() == {"self": "a", "events": "b", "cancel": "c"}


def test_a_figure_that_looks_odd_is_no_failure_of_what_was_done() -> None:
    assert RestoredTable(success=True, source_file="a.csv", rows_restored=-1).data()["rows_restored"] == -1


def test_a_moment_has_seconds_and_an_offset() -> None:
    moment = datetime(2025, 7, 22, 10, 30, 45, 123456, timezone(timedelta(hours=8)))
    summary = ListingSummary(total_locations=0, total_backup_sets=0, global_backups=0, task_backups=0, scan_time=moment)
    assert summary.data()["scan_time"] == "2025-07-22T10:30:45+08:00"
