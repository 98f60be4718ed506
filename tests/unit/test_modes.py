"""Which mode a request is for: every request that is accepted is for exactly one."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest

from common.errors import InvalidParams
from data_pipeline.operations.requests.restore import RestoreRequest
from data_pipeline.operations.restore.modes import registry
from data_pipeline.operations.restore.modes.mode import Mode
from data_pipeline.operations.restore.option_conflicts import CLASHES, GIVEN

NAMED = {"backup_path": "./data_pipeline/training_data/vector_bak", "timestamp": "20260101_000000"}
VALUES: dict[str, list[Any]] = {
    "strategy": list(registry.strategies()),
    "truncate_before_restore": [False, True],
    "on_conflict": ["error", "skip", "update"],
    "collection_suffix": [None, "_copy"],
    "collections": [None, ["docs"]],
    "atomic": [None, False, True],
    "where": [None, {"column": "tenant", "in": [1]}],
    "tables": [None, ["langchain_pg_collection"], ["langchain_pg_embedding"]],
}


def requests() -> Iterator[tuple[dict[str, Any], RestoreRequest | None]]:
    """Every combination of fields that choose a mode or clash; None where it is refused."""
    for values in product(*VALUES.values()):
        fields = dict(zip(VALUES, values, strict=True))
        try:
            yield fields, RestoreRequest.read({**NAMED, **fields})
        except InvalidParams:
            yield fields, None


def test_every_request_without_a_clash_is_for_exactly_one_mode() -> None:
    asked: set[type[Mode]] = set()
    for fields, request in requests():
        if request is not None:
            (mode,) = [mode for mode in registry.MODES if mode.serves(request)]
            assert registry.of(request) is mode, fields
            asked.add(mode)
    assert asked == set(registry.MODES)


def test_a_request_is_refused_just_where_two_fields_of_a_clash_are_given() -> None:
    for fields, request in requests():
        given = {"where": None, **fields, "tables": fields["tables"] or ["both", "tables"]}
        asked = [mode for mode in registry.MODES if mode.strategy in (Mode.strategy, fields["strategy"])]
        clashes = [clash for mode in asked for clash in mode.clashes]
        clashing = [clash for clash in clashes if all(GIVEN[name](given[name]) for name in clash[:2])]
        assert bool(clashing) is (request is None), fields


def test_clashes_name_fields_of_the_request_and_a_reason() -> None:
    known = {field.alias or name for name, field in RestoreRequest.model_fields.items()}
    assert len(CLASHES) > 5
    for clash in CLASHES:
        assert {clash.first, clash.second} <= known
        assert clash.reason


@pytest.mark.parametrize("strategy", ["reloaded", "", 5, True, ["sync"], {"sync": 1}])
def test_a_strategy_that_no_mode_has_is_refused(strategy: Any) -> None:
    with pytest.raises(InvalidParams) as refused:
        RestoreRequest.read({**NAMED, "strategy": strategy})
    assert refused.value.data["details"] == {"field": "strategy", "supported": list(registry.strategies())}
    assert "strategy" in str(refused.value.response)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        (
            {"strategy": "sync", "truncate_before_restore": True, "collection_suffix": "_copy"},
            ["strategy", "truncate_before_restore"],
        ),
        ({"atomic": False, "on_conflict": "skip", "collection_suffix": "_copy"}, ["atomic", "on_conflict"]),
    ],
)
def test_of_several_clashes_the_documented_one_is_named(fields: dict[str, Any], named: list[str]) -> None:
    with pytest.raises(InvalidParams) as refused:
        RestoreRequest.read({**NAMED, **fields})
    assert refused.value.data["details"] == {"fields": named}
