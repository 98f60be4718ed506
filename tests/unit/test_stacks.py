"""STACKS, and the order in which members are restored."""

import json
from typing import Any

import pytest

from data_pipeline.operations.stacks.members import WAYS
from data_pipeline.settings import Settings, SettingsError


def test_a_stack_is_roles_and_targets() -> None:
    found = Settings.load({"STACKS": '{"voice": {"postgres": "main", "files": "objects"}}', "STACK_KEEP_DAYS": "30"})
    assert found.stacks.named == {"voice": {"postgres": "main", "files": "objects"}}
    assert found.stacks.keep_days == 30
    assert Settings.load({}).stacks.named == {}


@pytest.mark.parametrize(
    "value",
    [
        *([], {"v": []}, {"v": {}}, {"v_1": {"a": "b"}}, {"": {"a": "b"}}, {"v": {"a b": "c"}}, {"v": {"a": 1}}),
        *({"v": {"a": "postgresql://u:p@host/db"}}, {"v": {"a": "one", "b": "one"}}),
    ],
)
def test_anything_else_stops_the_start_with_one_line(value: Any) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.load({"STACKS": json.dumps(value)})
    assert "STACKS" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", ["-1", "x", "40000"])
def test_so_does_a_number_of_days_that_is_none(value: str) -> None:
    with pytest.raises(SettingsError):
        Settings.load({"STACK_KEEP_DAYS": value})


def test_members_are_restored_in_an_order() -> None:
    order = ["database", "objects", "milvus", "neo4j", "redis"]
    assert list(WAYS) == [family for family in order if family in WAYS]
