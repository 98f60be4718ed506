"""`\\u0000` in JSON on its way into jsonb: found where it is meant, and dropped where that was asked for."""

from dataclasses import replace

import pytest

from data_pipeline.formats import encoder, json_nul, pgcopy
from data_pipeline.formats.csv_reader import Column, Layout, RowError

LAYOUT = Layout(
    (Column("id", "varchar"), Column("cmetadata", "jsonb")), "copy", b"\n", None, None, jsonb=frozenset({"cmetadata"})
)
TEXTS = {
    rb'"\u0000"': b'""',
    rb'{"a\u0000b": "\u0000\u0000"}': b'{"ab": ""}',
    rb'"\\\u0000"': rb'"\\"',
    rb'"\\u0000"': None,
    rb'"\\\\u0000"': None,
    rb'"\"\u0001\u00000"': rb'"\"\u00010"',
    b'"u0000"': None,
}


def block(*texts: bytes) -> bytes:
    return b"".join(b'"row %d","%s"\n' % (n, text.replace(b'"', b'""')) for n, text in enumerate(texts))


@pytest.mark.parametrize(("text", "left"), TEXTS.items())
def test_it_is_dropped_and_counted(text: bytes, left: bytes | None) -> None:
    encoded = encoder.encode_csv(block(b"{}", text), replace(LAYOUT, strip_nul=True), binary=True)
    assert encoded.stripped == (left is not None)
    assert encoded.payload[0].endswith(b"\x01" + (left or text))
    assert json_nul.holds(text) is (left is not None)


def test_without_that_the_row_is_named() -> None:
    with pytest.raises(RowError) as caught:
        encoder.encode_csv(block(b"{}", rb'"\\u0000"', rb'"\u0000"'), LAYOUT, binary=True)
    assert (caught.value.line, caught.value.column, caught.value.reason) == (3, "cmetadata", json_nul.FOUND)


def test_what_stays_json_is_left_alone() -> None:
    data = block(rb'"\u0000"')
    stays = replace(LAYOUT, columns=(LAYOUT.columns[0], Column("cmetadata", "json")), jsonb=frozenset())
    assert encoder.encode_csv(data, stays, binary=True).payload[0].endswith(rb'"\u0000"')


def test_what_python_wrote_is_found_too() -> None:
    data = b"""row,"{'a': '\\x00'}"\r\n"""
    python = replace(LAYOUT, dialect="python", newline=b"\r\n", strip_nul=True)
    encoded = encoder.encode_csv(data, python, binary=True)
    assert (encoded.stripped, encoded.payload[0].endswith(b'{"a": ""}')) == (1, True)


def test_a_tuple_of_json_that_becomes_jsonb_is_named() -> None:
    layout = replace(LAYOUT, columns=(LAYOUT.columns[0], Column("cmetadata", "json")))
    as_json = replace(layout, jsonb=frozenset())
    data = encoder.encode_csv(block(b"{}", rb'"\u0000"'), as_json, binary=True).payload[0]
    assert pgcopy.check_block(data, as_json) == pgcopy.check_block(data, replace(layout, strip_nul=True)) == 2
    with pytest.raises(RowError) as caught:
        pgcopy.check_block(data, layout)
    assert (caught.value.line, caught.value.column) == (2, "cmetadata")
