"""Rows as digests, and some rows of a block alone."""

import hashlib
import pickle
import uuid
from dataclasses import replace

import pytest

from data_pipeline.formats import blocks, pgcopy, record_digest, registry
from data_pipeline.formats.blocks import Block, Job
from data_pipeline.formats.byte_range import ByteRange
from data_pipeline.formats.csv_reader import Column, Layout, RowError
from data_pipeline.formats.format import FormatName

OWNER, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)
COLUMNS = (Column("id", "varchar"), Column("collection_id", "uuid"), Column("document", "text"))
OIDS = (1043, 2950, 25)
LAYOUT = Layout(COLUMNS, "copy", b"\n", None)
TEXT = f'a,{OWNER},"x"\nb,{OTHER},\nc,{OWNER},"a ""b""\n"\nd,,""\n'.encode()


def block(name: FormatName) -> bytes:
    return TEXT if name == "csv" else b"".join(registry.of("csv").encode(TEXT, LAYOUT, True).payload)


def job(name: FormatName, *, sha256: str | None = None, layout: Layout = LAYOUT, **more: object) -> Job:
    data = block(name)
    found = Block(0, len(data), sha256=sha256)
    return Job(ByteRange(0, data), found, pickle.dumps(layout), name, True, **more)  # type: ignore[arg-type]


def tuples(data: bytes) -> list[bytes]:
    return pgcopy.tuples_at(data, LAYOUT, range(4))[0]


def test_a_record_is_its_count_of_columns_and_of_each_the_type_and_the_field() -> None:
    row = b"\0\2" + b"\0\0\0\3abc" + b"\xff\xff\xff\xff"
    record = b"\0\0\0\2" + b"\0\0\0\x19" + b"\0\0\0\3abc" + b"\0\0\0\x17" + b"\xff\xff\xff\xff"
    assert record_digest.of_tuples(row * 2, (25, 23)) == 2 * hashlib.sha256(record).digest()
    assert record_digest.of_tuples(b"", (25, 23)) == b""


@pytest.mark.parametrize("name", ["csv", "binary"])
def test_a_block_of_either_format_has_the_same_digests_and_says_what_it_hashes_to(name: FormatName) -> None:
    encoded = blocks.run(job(name, record=OIDS))
    assert b"".join(encoded.payload) == record_digest.of_tuples(block("binary"), OIDS)
    assert encoded.sha256 == hashlib.sha256(block(name)).hexdigest()
    assert (encoded.rows, encoded.dropped) == (4, 0)


@pytest.mark.parametrize("name", ["csv", "binary"])
def test_rows_are_picked_by_their_places_among_those_that_are_wanted(name: FormatName) -> None:
    every = tuples(block("binary"))
    assert b"".join(blocks.run(job(name, kept=(1, 3))).payload) == every[1] + every[3]
    wanted = Layout(COLUMNS, "copy", b"\n", None, wanted=frozenset({OWNER.bytes}))
    picked = blocks.run(job(name, layout=wanted, kept=(1,)))
    assert b"".join(picked.payload) == every[2]
    assert picked.rows - picked.dropped == 1


@pytest.mark.parametrize("name", ["csv", "binary"])
def test_a_block_that_is_another_one_by_now_gives_no_row(name: FormatName) -> None:
    was = blocks.run(job(name, record=OIDS)).sha256
    assert blocks.run(job(name, sha256=was, kept=(0,))).payload
    with pytest.raises(RowError):
        blocks.run(job(name, sha256="0" * 64, kept=(0,)))


def test_rows_of_a_large_block_are_left_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "LARGE_BYTES", 10)
    assert blocks.run(job("csv", record=OIDS)).payload == (4 * record_digest.UNKNOWN,)


def test_of_rows_that_are_digested_only_the_owners_are_checked_and_what_is_picked_is() -> None:
    spoilt = block("binary").replace(b'a "b"', b'a \xffb"')
    layout = Layout(COLUMNS, "copy", b"\n", frozenset({OWNER.bytes, OTHER.bytes}))
    a_job = replace(job("binary"), file=ByteRange(0, spoilt), layout=pickle.dumps(layout))
    assert b"".join(blocks.run(replace(a_job, record=OIDS)).payload) == record_digest.of_tuples(spoilt, OIDS)
    assert blocks.run(replace(a_job, kept=(0, 1, 3))).rows == 4
    with pytest.raises(RowError) as refused:
        blocks.run(replace(a_job, kept=(0, 2)))
    assert (refused.value.line, refused.value.column) == (3, "document")
    unknown = replace(layout, collections=frozenset({OWNER.bytes}))
    with pytest.raises(RowError) as refused:
        blocks.run(replace(a_job, record=OIDS, layout=pickle.dumps(unknown)))
    assert (refused.value.line, refused.value.column) == (2, "collection_id")
