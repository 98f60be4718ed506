"""Which values tell that COPY, or Python, wrote a file: each on its real bytes."""

import json
import pickle
from typing import Any

import pytest
import simdjson

from data_pipeline.formats import csv_reader, registry
from data_pipeline.formats.csv_reader import Column, Layout
from data_pipeline.formats.dialects import evidence
from data_pipeline.formats.dialects.evidence import Contradicted, Evidence, Sign

COLUMNS = (Column("id", "varchar"), Column("document", "varchar"), Column("cmetadata", "jsonb"))
UNKNOWN = Layout(COLUMNS, "copy", b"\n", None, decided=False)

OF_COPY = [
    *("null", "true", "false", " null ", '"text"', '"it\'s"', '{"key": 1}', '["a"]', "[null]", '[1, {"it\'s": true}]'),
    *('{"a": "\\ud800"}', '{"n": 1' + "0" * 400 + "}", '{"it\'s": "\\""}', '{"t": "None and \'True\'"}'),
]
OF_PYTHON = [
    "None",
    "True",
    "False",
    "{'key': 1}",
    "['a']",
    "[None, True]",
    "{'q': \"it's\"}",
    '{"it\'s": None}',
    "[False]",
]
OF_EITHER = [
    "{}",
    "[]",
    "[1, 2.5]",
    "42",
    "-0.5",
    '{"it\'s": 1}',
    '["it\'s", 2]',
    "word",
    "(1)",
    '{"a": 1',
    "{'a': 1",
    "{'a': nan}",
]


@pytest.mark.parametrize("text", OF_COPY)
def test_what_only_copy_writes(text: str) -> None:
    assert evidence.is_copys(text.encode(), simdjson.Parser())
    assert not evidence.is_pythons(text.encode(), simdjson.Parser())


@pytest.mark.parametrize("text", OF_PYTHON)
def test_what_only_python_writes(text: str) -> None:
    assert evidence.is_pythons(text.encode(), simdjson.Parser())
    assert not evidence.is_copys(text.encode(), simdjson.Parser())


@pytest.mark.parametrize("text", OF_EITHER)
def test_what_tells_nothing(text: str) -> None:
    assert not evidence.is_copys(text.encode(), simdjson.Parser())
    assert not evidence.is_pythons(text.encode(), simdjson.Parser())


VALUES: list[Any] = [None, True, 1, -2.5, "", "text", "it's", 'a"b', "both'\"", [], {}, {"k": "it's"}, {"it's": "it's"}]
VALUES += [[value] for value in VALUES] + [{"it's": value} for value in VALUES]


@pytest.mark.parametrize("value", [value for value in VALUES if isinstance(value, dict | list)], ids=repr)
def test_of_a_dict_or_list_the_two_writings_are_the_same_or_tell(value: Any) -> None:
    as_json, as_repr = json.dumps(value).encode(), repr(value).encode()
    parser = simdjson.Parser()
    assert evidence.is_copys(as_json, parser) == (as_json != as_repr)
    assert evidence.is_pythons(as_repr, parser) == (as_json != as_repr)


def gathered(block: bytes, **layout: Any) -> Evidence | None:
    return csv_reader.parse(block, Layout(**{**vars(UNKNOWN), **layout})).evidence


def test_the_first_sign_is_told_with_its_line_and_column() -> None:
    block = b'a,"one\ntwo",{}\nb,"",{}\nc,x,"{""k"": 1}"\n'
    assert gathered(block) == Evidence(Sign(3, "document"), None, 0)
    assert gathered(block.replace(b'""', b"", 1)) == Evidence(Sign(4, "cmetadata"), None, 1)


def test_quotes_around_nothing_tell_only_of_texts_and_only_where_not_all_is_quoted() -> None:
    assert gathered(b'a,x,""\n') == Evidence(None, None, 0)
    assert gathered(b'"a","","{}"\n', quoted=True) == Evidence(None, None, 0)


def test_a_carriage_return_without_quotes_is_pythons_where_it_ends_no_line() -> None:
    block = b"a,one\rtwo,{}\n"
    with pytest.raises(Contradicted) as found:
        gathered(block)
    assert found.value.evidence == Evidence(None, Sign(1, "document"), 0)
    assert csv_reader.parse(block, Layout(COLUMNS, "python", b"\n", None)).columns[1] == [b"one\rtwo"]
    for decided in (Layout(COLUMNS, "copy", b"\n", None), Layout(COLUMNS, "python", b"\r\n", None)):
        with pytest.raises(csv_reader.RowError):
            csv_reader.parse(block, decided)
    with pytest.raises(csv_reader.RowError):
        gathered(b"a,one,two\r\n", dialect="python")


@pytest.mark.parametrize(
    ("dialect", "block"), [("copy", b"a,x,{'k': 1}\n"), ("python", b'a,x,"{""k"": 1}"\n'), ("python", b'a,"",{}\n')]
)
def test_a_block_that_contradicts_the_assumed_dialect_is_not_encoded(dialect: Any, block: bytes) -> None:
    with pytest.raises(Contradicted) as found:
        registry.of("csv").encode(block, Layout(COLUMNS, dialect, b"\n", None, decided=False), True)
    assert pickle.loads(pickle.dumps(found.value)).evidence == found.value.evidence


def test_nothing_is_gathered_where_the_dialect_is_decided() -> None:
    assert gathered(b"a,x,{'k': 1}\n", decided=True) is None


def test_an_index_in_front_is_no_column() -> None:
    found = csv_reader.parse(b"0,a,x,{}\n1,b,y,{}\n", Layout(COLUMNS, "python", b"\n", None, unnamed=1))
    assert list(found) == [[b"a", b"x", b"{}"], [b"b", b"y", b"{}"]]
