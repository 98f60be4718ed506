"""Arrays, as array_out writes them."""

import pytest

from data_pipeline.formats import types
from tests.unit.types.codecs import declines, malformed, wire

NULL = "ffffffff"


def array(dimensions: str, nulls: int, oid: int, *elements: str) -> str:
    fields = [one if one == NULL else f"{len(one) // 2:08x}{one}" for one in elements]
    count = len(dimensions.replace(" ", "")) // 16
    return f"{count:08x}{nulls:08x}{oid:08x}" + dimensions.replace(" ", "") + "".join(fields)


def as_hex(text: str) -> str:
    return text.encode().hex()


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("_int4", "{}", array("", 0, 23)),
        ("_int4", "{1,-2}", array("00000002 00000001", 0, 23, "00000001", "fffffffe")),
        ("_int4", "{1,NULL,null}", array("00000003 00000001", 1, 23, "00000001", NULL, NULL)),
        ("_int4", "[0:1]={1,2}", array("00000002 00000000", 0, 23, "00000001", "00000002")),
        (
            "_int2",
            "[1:1][-2:-1]={{1,2}}",
            array("00000001 00000001 00000002 fffffffe", 0, 21, "0001", "0002"),
        ),
        (
            "_int2",
            "{{1,2},{3,NULL}}",
            array("00000002 00000001 00000002 00000001", 1, 21, "0001", "0002", "0003", NULL),
        ),
        (
            "_text",
            r'{"a,b","NULL","","say \"x\"","back\\slash",plain}',
            array("00000006 00000001", 0, 25, *map(as_hex, ("a,b", "NULL", "", 'say "x"', "back\\slash", "plain"))),
        ),
        ("_bool", "{t,f}", array("00000002 00000001", 0, 16, "01", "00")),
        ("_numeric", "{1.5}", array("00000001 00000001", 0, 1700, "00020000000000010001" + "1388")),
    ],
)
def test_dimensions_come_before_elements(name: str, text: str, expected: str) -> None:
    assert wire(name, text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "1",
            "{",
            "}",
            "{1",
            "1}",
            "{1}}",
            "{{1}",
            "{,}",
            "{1,}",
            "{,1}",
            "{ 1}",
            "{1 }",
            "{1, 2}",
            " {1}",
            "{1} ",
        ),
        *("{{}}", "{{},{}}", "{{1},2}", "{1,{2}}", "{{1},{2,3}}", "{{1,2},{3}}", '{1"2"}', '{"1"2}', "{x}", "{1}{2}"),
        *(
            "[0:1]={1}",
            "[1:1]={{1}}",
            "[1]={1}",
            "[2:1]={}",
            "={1}",
            "[1:1]{1}",
            "{[1:1]={1}}",
            "{{{{{{{1}}}}}}}",
            "['1']",
        ),
    ],
)
def test_other_forms_are_left_to_the_server(text: str) -> None:
    declines("_int4", text)


def test_an_element_that_is_refused_is_left_to_the_server() -> None:
    declines("_uuid", "{x}")


def test_arrays_of_an_extensions_types_need_its_oid_in_this_database() -> None:
    known = types.find("_vector", 16400)
    assert known is not None
    assert known.encode([b'{"[1,2]"}'])[0].hex() == array("00000001 00000001", 0, 16400, "000200003f80000040000000")
    declines("_vector", '{"[1,2]"}')


def test_of_bytes_the_structure_and_every_element_are_checked() -> None:
    good = array("00000001 00000001", 0, 25, "61")
    malformed("_text", "", good[:-2], good + "00", array("00000002 00000001", 0, 25, "61"))
    malformed("_text", array("00000001 00000001", 0, 25, "ff"), array("00000001 00000001", 2, 25, "61"))
    malformed("_text", "00000007" + good[8:], "ffffffff" + good[8:], array("ffffffff 00000001", 0, 25))
