"""What we encode is to the bit what the server's own COPY ... CSV stores, and we refuse what it refuses.

Every file here goes to the server twice: its text as it is, and our binary encoding of it. Seeds are fixed.
"""

import csv
import io
import json
import random
import struct
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Context, Decimal
from typing import Any

import numpy as np
import psycopg2
import pytest
from psycopg2.extensions import connection as Connection

from data_pipeline.formats import csv_reader, pgcopy, registry
from data_pipeline.formats.csv_reader import Column, Layout, RowError
from tests.conftest import TestDatabase

CSV = registry.of("csv")
Row = tuple[Any, ...]


class Tables:
    """Two tables of the same columns: one filled by the server's CSV reader, one by our encoding."""

    def __init__(self, connection: Connection, types: tuple[str, ...]) -> None:
        self.cursor = connection.cursor()
        self.layout = Layout(tuple(Column(f"c_{type_}", type_) for type_ in types), "copy", b"\n", None)
        self.names = [column.name for column in self.layout.columns]
        columns = ", ".join(f"c_{type_} {type_}" for type_ in types)
        for table in ("theirs", "ours"):
            self.cursor.execute(f"CREATE TEMP TABLE {table} (n integer GENERATED ALWAYS AS IDENTITY, {columns})")

    def differences(self, body: bytes, legacy: bytes | None = None) -> list[Row]:
        """Load a file both ways, or for us the legacy file of the same rows, and return what differs in any bit."""
        layout = replace(self.layout, dialect="python", newline=b"\r\n") if legacy else self.layout
        with self._undone():
            self.cursor.execute("TRUNCATE theirs RESTART IDENTITY")  # identity values are not rolled back
            self._load("theirs", "csv, HEADER", ",".join(self.names).encode() + b"\n" + body)
            for binary in (True, False):
                payload = CSV.encode(legacy or body, layout, binary).payload[0]
                self.cursor.execute("TRUNCATE ours RESTART IDENTITY")
                if binary:
                    self._load("ours", "binary", pgcopy.HEADER + payload + pgcopy.TRAILER)
                else:
                    self._load("ours", "csv", payload)
                self.cursor.execute(
                    "SELECT theirs, ours FROM theirs FULL JOIN ours USING (n) "
                    "WHERE theirs.n IS NULL OR ours.n IS NULL OR theirs.*::record *<> ours.*::record LIMIT 3"
                )
                found = self.cursor.fetchall()
                if found:
                    return found
        return []

    def stored(self, body: bytes, newline: bytes = b"\n") -> list[Row] | None:
        """What the server's CSV reader makes of a file, as text; None if it refuses the file."""
        try:
            with self._undone():
                self._load("theirs", "csv, HEADER", ",".join(self.names).encode() + newline + body)
                self.cursor.execute(f"SELECT {'::text, '.join(self.names)}::text FROM theirs ORDER BY n")
                return self.cursor.fetchall()
        except (psycopg2.DataError, psycopg2.errors.ProgramLimitExceeded):
            return None

    def accepts(self, body: bytes) -> bool:
        return self.stored(body) is not None

    def we_accept(self, body: bytes) -> bool:
        try:
            CSV.encode(body, self.layout, True)
        except RowError:
            return False
        return True

    def _load(self, table: str, file_format: str, data: bytes) -> None:
        self.cursor.copy_expert(
            f"COPY {table} ({', '.join(self.names)}) FROM STDIN (FORMAT {file_format})", io.BytesIO(data)
        )

    @contextmanager
    def _undone(self) -> Iterator[None]:
        self.cursor.execute("SAVEPOINT before")
        try:
            yield
        finally:
            self.cursor.execute("ROLLBACK TO before; RELEASE before")


@pytest.fixture
def tables(empty_database: TestDatabase) -> Callable[..., Tables]:
    return lambda *types: Tables(empty_database.connect(), types)


def quoted(text: str) -> bytes:
    return b'"' + text.replace('"', '""').encode() + b'"\n'


def vectors_of(tokens: list[str], size: int) -> bytes:
    return b"".join(quoted(f"[{','.join(tokens[at : at + size])}]") for at in range(0, len(tokens), size))


def float4(bits: int) -> float:
    return float(np.uint32(bits).view(np.float32))


def some_float4(random_: random.Random) -> float:
    return float4(random_.randrange(0x7F7FFFFF) | random_.choice([0, 1 << 31]))


# Numbers

SPECIAL = (
    "0 -0 -0.0 +0 00 -00. 1e-400 -1e-400 0e99999999999 1e-99999999999 .5 5. +1 01 -.5e3 5.e-2 1E5 1e+5 1e-0 "
    "3.4028235677973366e38 3.4028235e38 1.17549435e-38 7.0064923216240854e-46 7.006492321624085e-46 "
    "1.0000000596046448 1.00000005960464477539062499999 16777217 -16777217.0000000000000000000000001 "
    "0x1p3 0X.8P-1 0x1. 0xA.8 -0x1.000001p0 0x1.0000010000000000001p0 0x1p-150 0x1.8p-150 0x1p-999999 "
    "9007199254740993 18446744073709551617 123456789012345678901234567890"
)

REFUSED = (
    "NaN -nan inf -Infinity 1e39 -3.4028236e38 1e400 0x1p128 0x1p999999 340282366920938463463374607431768211456 "
    "1_0 1e 1e+ 0x 0x.p1 0xp1 --1 +-1 +. . - e5 1f 1d5 0b1 1e5.5 1;2 true null '1' \\1 {1} [1] ½ \u0663 1\u00a0 nan(1)"
)


def halfway(random_: random.Random) -> str:
    """A number exactly between two float4, or off by a tiny part."""
    low = random_.choice([random_.randrange(1 << 23), random_.randrange(0x7F7FFFFF), 0, 0x7FFFFF, 0x7F7FFFFE])
    exact = Context(prec=300)
    middle = exact.divide(exact.add(Decimal(float4(low)), Decimal(float4(low + 1))), Decimal(2))
    tiny = exact.multiply(middle, Decimal(random_.choice([0, 1, -1])).scaleb(-random_.randint(6, 60)))
    text = format(exact.add(middle, tiny), random_.choice(["f", "e"]))
    return random_.choice(["", "-"]) + text


def hexadecimal(random_: random.Random) -> str:
    digits = "".join(random_.choices("0123456789abcDEF", k=random_.randint(1, 14)))
    point = random_.randint(0, len(digits))
    return f"{random_.choice(['', '-', '+'])}0x{digits[:point]}.{digits[point:]}p{random_.randint(-190, 60)}"


def test_numbers_in_every_form_are_rounded_as_the_server_rounds_them(tables: Callable[..., Tables]) -> None:
    random_ = random.Random(11)
    tokens = SPECIAL.split()
    tokens += [f"{some_float4(random_):.{random_.randint(1, 30)}g}" for _ in range(3000)]
    tokens += [format(random_.uniform(-1, 1) * 10 ** random_.randint(-50, 38), ".17g") for _ in range(1000)]
    tokens += [repr(struct.unpack("d", random_.randbytes(7) + b"\x3f")[0]) for _ in range(500)]
    tokens += [str(random_.randint(-(2**size), 2**size)) for size in range(1, 120) for _ in range(5)]
    tokens += [halfway(random_) for _ in range(1500)]
    tokens += [hexadecimal(random_) for _ in range(500)]
    numbers = tables("vector")
    assert numbers.differences(vectors_of(tokens, 1)) == []
    assert numbers.differences(vectors_of(tokens, 100)) == []


def test_ordinary_embeddings_are_rounded_as_the_server_rounds_them(tables: Callable[..., Tables]) -> None:
    """The numbers of real files: printed shortest, or as doubles, a thousand a row."""
    generator = np.random.default_rng(12)
    doubles = generator.standard_normal(100_000) / 32
    shortest = [str(number) for number in doubles.astype(np.float32)]
    assert tables("vector").differences(vectors_of(shortest + list(map(repr, doubles.tolist())), 1000)) == []


def test_zeros_and_subnormals_among_ordinary_numbers_keep_their_bits(tables: Callable[..., Tables]) -> None:
    random_ = random.Random(13)
    numbers = ["0", "-0", "-0.0", "1.5", "-0.25", "1e-40", "-1.4e-45", "1e-0", " -0 ", "-0\n"]
    assert tables("vector").differences(vectors_of(random_.choices(numbers, k=20_000), 200)) == []


def test_numbers_the_server_refuses_are_refused(tables: Callable[..., Tables]) -> None:
    numbers = tables("vector")
    for token in REFUSED.split(" "):
        for body in (vectors_of([token], 1), vectors_of(["1", token, "2"], 3)):
            assert not numbers.accepts(body), token
            assert not numbers.we_accept(body), token


def test_vectors_of_every_shape_are_accepted_or_refused_alike(tables: Callable[..., Tables]) -> None:
    random_ = random.Random(14)
    pieces = ["[", "]", ",", "1", "-0", ".5", " ", "\t", "\n", "\r", "\v", "\f", "\u00a0", "{", "],[", "x"]
    vectors = tables("vector")
    accepted = []
    for _ in range(600):
        texts = ["[" + ",".join(random_.choices(["1", " 2 ", ".5", "\n-0"], k=random_.randint(1, 4))) + "]"] * 2
        at = random_.randrange(len(texts[0]) + 1)
        texts[0] = texts[0][:at] + random_.choice(pieces) + texts[0][at + random_.randint(0, 1) :]
        body = b"".join(map(quoted, texts))
        assert vectors.accepts(body) == vectors.we_accept(body), texts
        if vectors.we_accept(body):
            accepted.append(body)
    assert 100 < len(accepted) < 500
    assert vectors.differences(b"".join(accepted)) == []


@pytest.mark.parametrize("number", ["1", ".5"])
def test_the_limit_of_dimensions_is_the_servers(tables: Callable[..., Tables], number: str) -> None:
    vectors = tables("vector")
    assert vectors.differences(vectors_of([number] * 16_000, 16_000)) == []
    too_long = vectors_of([number] * 16_001, 16_001)
    assert not vectors.accepts(too_long)
    assert not vectors.we_accept(too_long)


# uuids, text, JSON


def test_uuids_of_every_form_are_accepted_or_refused_alike(tables: Callable[..., Tables]) -> None:
    random_ = random.Random(15)
    uuids = tables("uuid")
    accepted = []
    for _ in range(600):
        digits = f"{random_.getrandbits(128):032x}"
        groups = [digits[at : at + 4] for at in range(0, 32, 4)]
        text = random_.choice([digits, digits.upper(), str(uuid.UUID(digits)), "-".join(groups)])
        if random_.random() < 0.3:
            text = groups[0] + "".join(random_.choice(["", "-"]) + group for group in groups[1:])
        if random_.random() < 0.3:
            text = "{" + text + "}"
        if random_.random() < 0.3:
            at = random_.randrange(len(text))
            text = text[:at] + random_.choice(["", "-", "{", "}", " ", "g", "0", "é"]) + text[at + 1 :]
        assert uuids.accepts(quoted(text)) == uuids.we_accept(quoted(text)), text
        if uuids.we_accept(quoted(text)):
            accepted.append(text)
    assert 300 < len(accepted) < 600
    assert uuids.differences(b"".join(map(quoted, accepted))) == []
    assert uuids.differences(b"".join(quoted(text) for text in accepted if len(text) == 36)) == []


def test_rows_of_all_types_are_stored_alike(tables: Callable[..., Tables]) -> None:
    random_ = random.Random(16)
    texts = ["", "a", "中文", "😀", 'say "hi"', "a,b", "1\n2\r\n3", "\\.", "\\N", "NULL", " ", "\t", "\x7f", "é" * 5000]
    json_texts = ["{}", '{"a" : 1.0, "a":2}', '["中", "\\u4e2d", -0, 1e400]', "null", '"x"', " 1 ", '{"b":{"c":[]}}']

    def field(values: list[str]) -> bytes:
        value = random_.choice([None, *values])
        return b"" if value is None else quoted(value).removesuffix(b"\n")

    body = b"".join(
        b",".join([field(texts), field(texts), field(json_texts), field(json_texts), field([str(uuid.UUID(int=7))])])
        + b","
        + field(["[1,2]", "[-0]", "[0.1,.2]"])
        + b"\n"
        for _ in range(1000)
    )
    assert tables("varchar", "text", "json", "jsonb", "uuid", "vector").differences(body) == []


def test_pythons_repr_is_stored_as_the_json_it_was(tables: Callable[..., Tables]) -> None:
    values: list[Any] = [
        {"q": "it's", "x": None, "中": [1.5, True, {"\n": "\\"}]},
        [],
        {"a": "' and \""},
        [1e100, 10**30],
    ]
    values += [True, -1.5, "text", 'say "hi"', None]
    file = io.StringIO()
    csv.writer(file).writerows([value, value] for value in values)
    as_json = [b"" if value is None else quoted(json.dumps(value, ensure_ascii=False))[:-1] for value in values]
    documents = tables("json", "jsonb")
    assert (
        documents.differences(b"".join(b"%b,%b\n" % (text, text) for text in as_json), file.getvalue().encode()) == []
    )


# Records and fields


def test_csv_is_split_as_the_server_splits_it(tables: Callable[..., Tables]) -> None:
    random_ = random.Random(17)
    table = tables("varchar", "text")
    accepted = 0
    for _ in range(1500):
        newline = random_.choice([b"\n", b"\r\n"])
        body = some_csv(random_, newline)
        stored = table.stored(body, newline)
        assert stored == parsed(body, table.layout, newline), body
        accepted += stored is not None
    assert 500 < accepted < 1200


def some_csv(random_: random.Random, newline: bytes) -> bytes:
    fields = [
        b"",
        b'""',
        b"a b",
        b'"q""q"',
        b'"n\nn"',
        b'"r\rr,\r\n"',
        b'a"b,"c',
        b'"x"y',
        b'"a""b"c"d"e',
        "中".encode(),
    ]
    body = b"".join(
        b",".join(random_.choices(fields, k=2)) + newline for _ in range(random_.randint(0, 4))
    ).removesuffix(random_.choice([newline, b""]))
    for _ in range(random_.randint(0, 1)):
        at = random_.randrange(len(body) + 1)
        damage = random_.choice([b'"', b",", b"\r", b"\n", b"\r\n", b"\0", b"\xe4", b"\xb8\xad", b""])
        body = body[:at] + damage + body[at + random_.randint(0, 1) :]
    return body


def parsed(body: bytes, layout: Layout, newline: bytes) -> list[Row] | None:
    layout = Layout(layout.columns, "copy", newline, None)
    try:
        records = list(csv_reader.parse(body, layout))
    except RowError:
        return None
    return [tuple(value if value is None else value.decode() for value in record) for record in records]
