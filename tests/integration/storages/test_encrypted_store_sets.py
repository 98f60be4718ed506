"""Encrypted sets of other stores: their writers and readers know nothing of it."""

from pathlib import Path
from typing import Any

import pytest

from common.errors import EncryptionKeyMissing, InvalidBackup
from data_pipeline.encryption.keyring import Keyring
from data_pipeline.formats.compression import compress
from data_pipeline.sets import rewrapping, verify
from data_pipeline.sets.catalog import Catalog
from data_pipeline.sets.store_draft import StoreDraft
from data_pipeline.storage import registry
from data_pipeline.storage.registry import Storages
from tests.integration.places import Place

STAMP = "20250722_010318"
KEY, NEW_KEY = bytes(32), b"\1" * 32
BLOCKS = [compress(word * 50, 1) for word in (b"first.", b"second", b"third.")]
FILE = f"redis_0_{STAMP}.jsonl.zst.enc"


class Service:
    """A place as a service with these keys has it."""

    def __init__(self, place: Place, *keys: bytes) -> None:
        self.storages = Storages({"local": registry.parse(place.url, Path.cwd())}, Keyring(keys))
        self.catalog = Catalog(self.storages, "vector_bak")
        self.location = self.catalog.location(None)

    def save(self) -> None:
        with self.storages.of(self.location).draft(self.location, iter([STAMP])) as stored:
            draft = StoreDraft(stored, "redis")
            with draft.file("0", "redis_0", "jsonl.zst") as file:
                for block in BLOCKS:
                    file.write(block, 50, raw_bytes=300)
            draft.publish({"keys": 150}, database="cache/0", server_version="7.4")

    def held(self) -> Any:
        return self.catalog.held(self.location, STAMP)


@pytest.fixture
def one(place: Place) -> Service:
    """The service that has made the set."""
    made = Service(place, KEY)
    made.save()
    return made


def test_what_was_written_is_read_in_blocks_and_from_any_place(one: Service, place: Place) -> None:
    whole = b"".join(BLOCKS)
    with one.held() as held:
        assert list(held.blocks("0")) == BLOCKS
        content = held.content("0")
        assert (content.bytes, [block.bytes for block in content.blocks]) == (len(whole), [*map(len, BLOCKS)])
        reader = held.reader("0")
        assert reader.read() == whole
        for block, data in zip(content.blocks, BLOCKS, strict=True):
            reader.seek(block.offset)
            assert reader.read(block.bytes) == data
        assert verify.read_blocks(held)["0"].rows == 150
    assert not [block for block in BLOCKS if block in place.read(FILE)]


@pytest.mark.usefixtures("one")
def test_without_its_key_it_is_listed_and_not_read(place: Place) -> None:
    without = Service(place)
    (listed,) = without.catalog.scan(global_only=True, task_id=None, everything=True).locations
    assert [one.timestamp for one in listed.sets] == [STAMP]
    with pytest.raises(EncryptionKeyMissing), without.held():
        pass
    assert FILE in without.catalog.delete(without.location, STAMP)


def test_blocks_that_change_places_are_found(one: Service, place: Place) -> None:
    data, size = place.read(FILE), len(BLOCKS[0]) + 28
    assert len(BLOCKS[1]) + 28 == size
    place.write(FILE, data[size : 2 * size] + data[:size] + data[2 * size :])
    with one.held() as held, pytest.raises(InvalidBackup):
        list(held.blocks("0"))


@pytest.mark.usefixtures("one")
def test_its_key_is_changed(place: Place) -> None:
    both = Service(place, NEW_KEY, KEY)
    assert rewrapping.rewrap(both.catalog, both.storages, both.location, STAMP)
    assert not rewrapping.rewrap(both.catalog, both.storages, both.location, STAMP)
    with Service(place, NEW_KEY).held() as held:
        assert list(held.blocks("0")) == BLOCKS
