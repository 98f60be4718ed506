"""Every codec beside the server: a text's bytes are what the server sends for it, or the text is declined."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg2.extensions import connection as Connection

from data_pipeline.formats import types
from data_pipeline.formats.types.column_type import BadValue, ColumnType, Declined
from tests.conftest import TestDatabase

SETTINGS = "SET DateStyle = 'ISO, MDY'; SET IntervalStyle = 'postgres'; SET extra_float_digits = 1"
SENT = """
CREATE FUNCTION pg_temp.sent(given text, OUT printed text, OUT value bytea) LANGUAGE plpgsql AS $$
DECLARE read {type};
BEGIN
  read := given::{type};
  printed := {printed};
  value := {send}(read);
EXCEPTION WHEN OTHERS THEN NULL;
END $$
"""

NUMBER = r"[+-]?([0-9]{1,9}(\.[0-9]{0,9})?|\.[0-9]{1,9})([eE][+-]?[0-9]{1,3})?"
FLOAT = rf"{NUMBER}|-?(nan|NaN|inf|Infinity)|0x[0-9a-f]{{1,3}}p-?[0-9]{{1,3}}|-?1\.00000005960464[0-9]{{1,4}}| 1|1_0"
DATE = r"([0-9]{4}|[0-9]{1,3}|[1-9][0-9]{4,6})-([01][0-9]|[1-9])-[0-3][0-9]( BC)?"
TIME = r"([01][0-9]|2[0-5]):[0-6][0-9](:[0-6][0-9](\.[0-9]{0,7})?)?"
ZONE = r"[+-][01][0-9](:?[0-5][0-9](:[0-5][0-9])?)?|Z| UTC| Asia/Shanghai| PST"
STAMP = rf"{DATE} {TIME}"
SIGNED = r"[+-]?[0-9]{1,4}"
INTERVAL = (
    rf"({SIGNED} years? )?({SIGNED} mons? )?({SIGNED} days? )?([+-]?{TIME})?|@ 1 day ago|P1Y2M3DT4H5M6S|1-2"
    rf"|({SIGNED} years?)?( {SIGNED} mons?)?( {SIGNED} days?)?|-?[0-9]{{8,12}}:00:00|[0-9]{{9}} years|-?infinity"
)
NUMERIC = rf"{NUMBER}|-?[0-9]{{1,40}}(\.[0-9]{{0,40}})?|-?0{{1,9}}\.0{{0,9}}[0-9]?|NaN|-?Infinity|inf|1e-20|0x1F|1_0"
VECTOR = rf" ?\[ ?({FLOAT})( ?, ?({FLOAT})){{0,3}} ?\] ?|\[\]|\[1,\]|1"
HALF = r"\[-?(6[0-9]{4}(\.[0-9]{1,3})?|[0-9]e-[4-8]|1\.000[0-9]{4,9}|5\.960464[0-9]{1,3}e-0?8|2\.98023[0-9]{1,9}e-08)\]"
SPARSE = (
    rf" ?\{{ ?(-?[0-9]{{1,2}} ?: ?({FLOAT}|0))?(,[0-9]{{1,2}}:({NUMBER}|0|-?1e-50|0e9)){{0,4}} ?\}}"
    r" ?/ ?-?[0-9]{1,3}|\{1\}/5"
)
WORD = r'[a-zA-Z0-9 ,.{}"\\\n中é😀\t/-]{0,12}'

TEXTS = {
    "bit": r"[01]{0,70}|[bBxX][01]{0,9}|x[0-9A-F]{1,4}|[012 ]{1,4}",
    "bool": r"t|f|true|false|True|yes|no|on|off|0|1|tru| t|of|o|",
    "bytea": r"\\x([0-9a-fA-F]{2}){0,20}|\\x[0-9a-g ]{0,5}|([a-zA-Z \n]|\\\\|\\[0-3][0-7][0-7]){0,9}|[\\0-9xé]{0,6}",
    "char": r"[a-zA-Z\\ é]{0,2}|\\[0-7]{3}",
    "date": rf"{DATE}|-?infinity|today|[0-9]{{8}}|4714-11-2[0-9] BC|(4713|5874897)-0[16]-0[1-9]( BC)?|January 8, 1999",
    "float4": FLOAT,
    "float8": rf"{FLOAT}|-?4\.9e-32[0-9]|1\.797693134862315[0-9]e\+?308",
    "halfvec": rf"{VECTOR}|{HALF}",
    "int2": r"[+-]?[0-9]{1,6}|3276[0-9]|-3276[0-9]| 1|1 |0x1F|1_0|1\.0|",
    "int4": r"[+-]?[0-9]{1,11}|-?214748364[0-9]| 1|0b1|1_0|1e1|",
    "int8": r"[+-]?[0-9]{1,21}|-?922337203685477580[0-9]| 1|0o7|1_0|",
    "interval": INTERVAL,
    "json": r'\{\}|\{"a" ?: ?[0-9]\}|null|"x"|[1-9]|\[1, 2\]',
    "jsonb": r'\{\}|\{"a" ?: ?[0-9]\}|null|"x"|[1-9]|\[1, 2\]',
    "name": r"[a-zé ]{0,40}|a{60,66}",
    "numeric": NUMERIC,
    "oid": r"-?[0-9]{1,11}|429496729[0-9]| 1|",
    "sparsevec": SPARSE,
    "time": rf"{TIME}|24:00:00|{TIME} PM|noon",
    "timetz": rf"{TIME}({ZONE})?|24:00:00\+00",
    "timestamp": rf"{STAMP}|-?infinity|epoch|2016-12-31 23:59:60|4714-11-24 00:00:00 BC|29427[567]-01-01 00:00:00",
    "timestamptz": rf"{STAMP}({ZONE})?|{STAMP}\+0[0-9]|-?infinity|[0-9]{{4}}-0[1-9]-0[1-9] {TIME}[+-]0[0-9]( BC)?",
    "uuid": r"[0-9a-fA-F]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\{?([0-9a-f]{4}-?){8}\}?|[0-9a-g]{32}",
    "vector": VECTOR,
    **dict.fromkeys(("text", "varchar", "bpchar"), WORD),
}
"""Texts of each type, good and bad: what the server writes, and what it reads besides."""

TEXTS["varbit"] = TEXTS["bit"]
SCALARS = sorted(types.SCALARS)
ARRAYS = sorted(types.ARRAYS)
OPAQUE = {"json", "jsonb"}
"""What these texts mean is not looked at here: the server says whether they are JSON."""


class Server:
    """A session that reads texts of one type, and says how it prints and sends what they mean."""

    def __init__(self, connection: Connection, name: str) -> None:
        self.cursor = connection.cursor()
        self.cursor.execute(SETTINGS)
        self.cursor.execute(
            "SELECT typsend::regproc::text, typelem::bigint, typoutput::regproc::text FROM pg_type WHERE typname = %s",
            (name,),
        )
        ((send, self.element_oid, output),) = self.cursor.fetchall()
        printed = f"textin({output}(read))"  # a cast of bpchar to text would cut blanks off
        self.cursor.execute(SENT.format(type=f'"{name}"', send=send, printed=printed))

    def read(self, texts: list[str]) -> list[tuple[str | None, bytes | None]]:
        """How each text is printed again, and its bytes; None where it is refused."""
        self.cursor.execute(
            "SELECT s.printed, s.value FROM unnest(%s::text[]) WITH ORDINALITY t (given, place),"
            " pg_temp.sent(t.given) s ORDER BY place",
            (texts,),
        )
        return [(printed, None if value is None else bytes(value)) for printed, value in self.cursor.fetchall()]


@pytest.fixture
def server(request: pytest.FixtureRequest, untouched_database: TestDatabase) -> Iterator[Server]:
    with closing(untouched_database.connect()) as connection:
        yield Server(connection, request.getfixturevalue("name"))


def ours(codec: ColumnType, text: str) -> bytes | type[Exception]:
    try:
        return codec.encode([text.encode()])[0]
    except (Declined, BadValue) as error:
        return type(error)


def expect_same(codec: ColumnType, name: str, texts: list[str], server: Server) -> None:
    found = server.read(texts)
    for text, (printed, sent) in zip(texts, found, strict=True):
        made = ours(codec, text)
        if name.removeprefix("_") not in OPAQUE:
            assert made in (sent, Declined, BadValue), (text, printed, sent)
        if codec.certain and name not in OPAQUE:
            assert (made is BadValue) == (sent is None), (text, printed, sent)
        if isinstance(made, bytes):
            codec.check(made)
    again = [printed for printed, _ in found if printed is not None]
    for printed, (_, sent) in zip(again, server.read(again), strict=True):  # not every NaN is the one that is read
        assert ours(codec, printed) in (sent, Declined), printed


def test_every_type_is_tried() -> None:
    assert sorted(TEXTS) == SCALARS


@pytest.mark.parametrize("name", SCALARS)
def test_texts_mean_what_the_server_makes_of_them(server: Server, name: str) -> None:
    codec = types.SCALARS[name]

    @given(st.lists(st.from_regex(TEXTS[name], fullmatch=True), min_size=1, max_size=12))
    def compare(texts: list[str]) -> None:
        expect_same(codec, name, texts, server)

    compare()


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_mean_what_the_server_makes_of_them(server: Server, name: str) -> None:
    codec = types.find(name, server.element_oid)
    assert codec is not None
    leaf = st.one_of(
        st.just("NULL"), st.from_regex(TEXTS[name[1:]], fullmatch=True).map(quoted), st.from_regex(WORD, fullmatch=True)
    )
    arrays = st.recursive(leaf, lambda inner: st.lists(inner, min_size=1, max_size=3).map(listed), max_leaves=6)
    bounded = st.builds(lambda lower, text: f"[{lower}:{lower + 1}]={text}", st.integers(-2, 2), arrays.map(twice))

    @given(st.lists(st.one_of(arrays.map(lambda text: listed([text])), bounded, st.just("{}")), min_size=1, max_size=8))
    def compare(texts: list[str]) -> None:
        expect_same(codec, name, texts, server)

    compare()


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def listed(texts: list[str]) -> str:
    return "{" + ",".join(texts) + "}"


def twice(text: str) -> str:
    return listed([text, text])


# What the server prints is known: otherwise a restore would be right, but slow.

VALUES = {
    "bit": ["1", "10100101", "0" * 1025],
    "bool": ["t", "f"],
    "bytea": ["\\x", "\\x00ff", "abc\\000"],
    "char": ["a", " ", "\\"],
    "date": ["2000-01-01", "0001-01-01", "4700-01-01 BC", "infinity", "-infinity", "294000-12-31", "1582-10-10"],
    "float4": ["0", "-0", "0.1", "1e-45", "3.4028235e38", "NaN", "Infinity", "-Infinity", "1234567", "1e10"],
    "float8": ["0", "-0", "0.1", "5e-324", "1.7976931348623157e308", "NaN", "Infinity", "1e22", "123456789012345680"],
    "halfvec": ["[1,-2.5,65504]", "[6e-8,-0]"],
    "int2": ["-32768", "32767"],
    "int4": ["-2147483648", "2147483647"],
    "int8": ["-9223372036854775808", "9223372036854775807"],
    "interval": [
        *("0", "1 year 2 mons 3 days 04:05:06.789", "-1 year 2 mons -3 days 4 hours", "1 day -00:00:01", "-1 mon"),
        *("178956970 years 7 mons", "-178956970 years -8 mons", "2147483647 days", "999999999 hours", "1 year -1 sec"),
    ],
    "json": ['{"a" : 1.0}', "null"],
    "jsonb": ['{"a" : 1.0, "b": [1, "x"]}', "null", "1e3"],
    "name": ["a", "中" * 21],
    "numeric": [
        "0",
        "-0.00",
        "12345.6700",
        "1e-30",
        "1e30",
        "NaN",
        "Infinity",
        "-Infinity",
        "0.00001",
        "-10000",
        "1e131071",
    ],
    "oid": ["0", "4294967295"],
    "sparsevec": ["{}/5", "{3:1.5,1:-2}/5", "{1000000000:1}/1000000000"],
    "time": ["00:00:00", "23:59:59.999999", "24:00:00", "12:00:00.1"],
    "timetz": ["00:00:00+00", "23:59:59.999999-15:59:59", "12:00:00+05:30"],
    "timestamp": [
        "2000-01-01 00:00:00",
        "2016-12-31 23:59:60",
        "0044-03-15 12:00:00 BC",
        "infinity",
        "-infinity",
        "294000-01-01",
    ],
    "timestamptz": [
        "2000-01-01 00:00:00 Asia/Kathmandu",
        "1883-01-01 00:00:00+00",
        "0044-03-15 12:00:00+00 BC",
        "infinity",
    ],
    "uuid": ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"],
    "vector": ["[1,-2.5,1e-45]", "[-0]"],
    "varbit": ["", "101"],
    **{name: ["", "中 ", 'a,"b"\\', "NULL", "{}"] for name in ("text", "varchar", "bpchar")},
}


@pytest.mark.parametrize("name", SCALARS)
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu", "America/St_Johns", "Africa/Monrovia"])
def test_what_the_server_prints_is_never_declined(server: Server, name: str, zone: str) -> None:
    server.cursor.execute("SELECT set_config('TimeZone', %s, false)", (zone,))
    for text, (printed, sent) in zip(VALUES[name], server.read(VALUES[name]), strict=True):
        assert printed is not None, text
        assert ours(types.SCALARS[name], printed) == sent, (text, printed)


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_that_the_server_prints_are_never_declined(server: Server, name: str) -> None:
    codec = types.find(name, server.element_oid)
    assert codec is not None
    members = [*map(quoted, VALUES[name[1:]]), "NULL"]
    texts = ["{}", listed(members), twice(listed(members)), f"[-1:0]={twice(quoted(VALUES[name[1:]][0]))}"]
    for text, (printed, sent) in zip(texts, server.read(texts), strict=True):
        assert printed is not None, text
        assert ours(codec, printed) == sent, (text, printed)


@pytest.mark.parametrize("name", ["bytea"])
def test_a_bytea_in_the_older_form_is_known_too(server: Server, name: str) -> None:
    server.cursor.execute("SET bytea_output = 'escape'")
    ((printed, sent),) = server.read(["\\x00615c5c27ff"])
    assert printed == "\\000a\\\\\\\\'\\377"
    assert ours(types.SCALARS["bytea"], printed) == sent
