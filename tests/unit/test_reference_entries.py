"""Files of reference data: which format they have, their entries, and their values as texts of columns."""

import json
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import InvalidParams
from data_pipeline.operations.reference_data import entries
from data_pipeline.operations.reference_data.column_texts import WrongKind, copy_lines, json_of, text_of
from data_pipeline.operations.reference_data.entries import Number, Text
from data_pipeline.postgres.schema.tables import Column

KEY = ("model",)
CLOUD = """
[metadata]
version = "2025-01"
[models."gpt-4"]
price = 0.000_030
tiers = [1, 2]
[models."claude-3"]
price = 1e-5
since = 2024-03-04
"""


def read(text: str, key: tuple[str, ...] = KEY) -> tuple[str, list[dict[str, Any]]]:
    found = entries.read(text.encode(), key)
    return found.format, [dict(entry.values) for entry in found.each]


@pytest.mark.parametrize(
    ("text", "file_format"),
    [
        ('[{"model": "a", "price": 0.10}, {"model": "b", "price": null}]', "json"),
        ('{"a": {"price": 0.10}, "b": {"price": null}}', "json"),
        ('{"version": 3, "models": {"a": {"price": 0.10}, "b": {"price": null}}}', "json"),
        ('{"about": {"by": "x"}, "models": [{"model": "a", "price": 0.10}, {"model": "b", "price": null}]}', "json"),
        ('{"model": "a", "price": 0.10}\n\n{"model": "b", "price": null}\n', "jsonl"),
        ("model,price\r\na,0.10\r\nb,\r\n", "csv"),
        ('\ufeffmodel,price\na,"0.10"\nb,""', "csv"),
    ],
)
def test_each_format_has_the_same_entries(text: str, file_format: str) -> None:
    found = read(text)
    assert found == (file_format, [{"model": "a", "price": "0.10"}, {"model": "b", "price": None}])


def test_a_toml_file_of_prices_is_a_table_a_model() -> None:
    file_format, found = read(CLOUD)
    assert file_format == "toml"
    assert [one["model"] for one in found] == ["gpt-4", "claude-3"]
    assert (found[0]["price"], found[0]["tiers"], found[1]["price"]) == ("0.000030", [1, 2], "1e-5")
    assert text_of(found[1]["since"], Column("since", "date", -1, False, False)) == "2024-03-04"


def test_one_entry_alone_is_one() -> None:
    assert read('{"model": "a", "prices": {"in": {"usd": 1}}}') == (
        "json",
        [{"model": "a", "prices": {"in": {"usd": "1"}}}],
    )
    assert read('model = "a"\nprice = 1') == ("toml", [{"model": "a", "price": 1}])


def test_places_are_told_as_people_look_for_them() -> None:
    assert [one.place for one in entries.read(b'{"a": {"x": 1}, "b": {"x": 2}}', KEY).each] == ['"a"', '"b"']
    assert [one.place for one in entries.read(b"model\na\n\nb\n", KEY).each] == ["第 2 行", "第 4 行"]
    assert [one.place for one in entries.read(b'[{"model": "a"}]', KEY).each] == ["第 1 个条目"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "没有条目"),
        ("[]", "没有条目"),
        ("model,price\n", "没有条目"),
        ("price\n1\n", "model"),
        ('[{"model": "a",\n  "price": }]', "第 2 行"),
        ('{"model": "a"}\n{"model": \n{"model": "c"}', "第 2 行"),
        ("[models.a]\nprice = \n", "TOML"),
        ('{"a": {"price": 1, "price": 2}}', "price"),
        ('{"a": {"model": "b"}}', "model"),
        ("[1, 2]", "不是对象"),
        ('{"a": NaN}', "JSON"),
        ("model,price\na,1,2\n", "第 2 行"),
        ('model,price\n"a,1\n', "CSV"),
        ("<!DOCTYPE html><html><body>Not found</body></html>", "model"),
        ("[" * 100_000, "JSON"),
    ],
)
def test_what_is_broken_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(InvalidParams) as refused:
        read(text)
    assert told in refused.value.response
    assert refused.value.data["details"]["field"] == "file"


def test_what_is_no_utf8_is_refused() -> None:
    with pytest.raises(InvalidParams):
        entries.read(b"model\n\xff\n", KEY)


@given(st.binary(max_size=80))
def test_no_file_is_a_surprise(data: bytes) -> None:
    with suppress(InvalidParams):
        entries.read(data, KEY)


def column(kind: str, *, array: bool = False) -> Column:
    return Column("x", kind, -1, False, False, 25 if array else None)


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (None, "text", None),
        ("a", "text", "a"),
        (Number("0.0000025000"), "numeric", "0.0000025000"),
        (3, "int4", "3"),
        (True, "bool", "true"),
        ("2024-01-01", "date", "2024-01-01"),
        ({"a": [Number("1.10"), None, "é"]}, "jsonb", '{"a": [1.10, null, "é"]}'),
        ("text", "jsonb", '"text"'),
        (False, "json", "false"),
        ([Number("1"), Number("0.5")], "vector", "[1, 0.5]"),
        (Text("{}"), "jsonb", "{}"),
        (Text("t"), "bool", "t"),
        (Text("5"), "text", "5"),
    ],
)
def test_a_value_is_the_text_of_its_column(value: Any, kind: str, text: str | None) -> None:
    assert text_of(value, column(kind)) == text


def test_a_list_is_an_array() -> None:
    assert text_of(["a,b", 'q"', None, "\\", ["x"]], column("text", array=True)) == '{"a,b","q\\"",NULL,"\\\\",{"x"}}'


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (Number("1"), "text"), (Number("1"), "bool"), (1, "varchar"), (True, "int4"), ("true", "bool"),
        ({"a": 1}, "text"), ([1], "text"), ({"a": 1}, "numeric"), ([{}], "numeric"), ({"a": 1}, "vector"),
    ],
)  # fmt: skip
def test_a_value_of_another_kind_is_not_guessed_at(value: Any, kind: str) -> None:
    with pytest.raises(WrongKind):
        text_of(value, column(kind))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_json_comes_out_as_it_went_in(value: Any) -> None:
    assert json.loads(json_of(value)) == value


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_no_digit_of_a_numeral_is_lost(number: Decimal) -> None:
    (entry,) = entries.read(f'[{{"model": "a", "n": {number:f}}}]'.encode(), KEY).each
    assert Decimal(entry.values["n"]) == number


def test_a_row_is_a_line_of_copy() -> None:
    assert (
        copy_lines([["a\tb", None, "\\.", "l\r\nm"], ["", "x", "y", "z"]]) == "a\\tb\t\\N\t\\\\.\tl\\r\\nm\n\tx\ty\tz\n"
    )
