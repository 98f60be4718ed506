"""What is sealed opens with its key in its place, and nowhere else; keys are wrapped, told apart, and changed."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from common.errors import EncryptionKeyMissing, InvalidBackup
from data_pipeline import packing_settings
from data_pipeline.encryption import envelope
from data_pipeline.encryption.keyring import Keyring, key_id
from data_pipeline.encryption.set_key import OVERHEAD, BlockSeal, SetKey, Unsealable

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
STAMP = "20261127_103000"
NAME = f"vector_backup_{STAMP}.json"
FILE = f"langchain_pg_embedding_{STAMP}.csv.enc"
MANIFEST = b'{"rows": 3}'
KEY = SetKey(bytes(16), bytes(32))


def sealed(keyring: Keyring, key: SetKey = KEY) -> envelope.Envelope:
    return envelope.sealed(MANIFEST, key, keyring, timestamp=STAMP, layout="langchain", files={FILE: 12}, name=NAME)


def read_again(document: dict[str, Any], timestamp: str = STAMP) -> envelope.Envelope:
    found = envelope.found({**document, "sha256": ""}, NAME, timestamp)
    assert found is not None
    return found


def test_the_bytes_of_a_block_are_those_that_are_documented() -> None:
    stored = KEY.block(FILE, 3).seal(b"rows")
    assert len(stored) == 12 + 4 + 16 == 4 + OVERHEAD
    place = b"vector-backup block\0" + bytes(16) + (3).to_bytes(8, "big") + FILE.encode()
    assert AESGCM(bytes(32)).decrypt(stored[:12], stored[12:], place) == b"rows"
    assert KEY.block(FILE, 3).unseal(stored) == b"rows"
    assert KEY.block(FILE, 3).seal(b"rows") != stored


@pytest.mark.parametrize(
    "other",
    [
        KEY.block(FILE, 4),
        KEY.block(FILE.replace("embedding", "collection"), 3),
        SetKey(b"1" * 16, bytes(32)).block(FILE, 3),
        SetKey(bytes(16), b"1" * 32).block(FILE, 3),
    ],
    ids=["another number", "another file", "another set", "another key"],
)
def test_a_block_opens_in_its_own_place_only(other: BlockSeal) -> None:
    with pytest.raises(Unsealable):
        other.unseal(KEY.block(FILE, 3).seal(b"rows"))


def test_no_part_of_a_block_can_be_changed_or_left_out() -> None:
    stored = KEY.block(FILE, 0).seal(b"some rows of a table")
    for place in range(len(stored)):
        damaged = bytearray(stored)
        damaged[place] ^= 1
        for wrong in (bytes(damaged), stored[:place], stored[place + 1 :]):
            with pytest.raises(Unsealable):
                KEY.block(FILE, 0).unseal(wrong)


def test_a_key_is_no_part_of_what_is_printed() -> None:
    secret = bytes([1, 2, 3, 4] * 8)
    shown = repr(SetKey(bytes(16), secret)) + repr(SetKey(bytes(16), secret).block(FILE, 0)) + repr(Keyring([secret]))
    assert repr(secret)[2:-1] not in shown


@pytest.mark.parametrize("keyring", [Keyring([OLD]), Keyring([], ["a long passphrase"])], ids=["key", "passphrase"])
def test_an_envelope_opens_with_its_key(keyring: Keyring) -> None:
    manifest, key = read_again(sealed(keyring).document()).open(keyring)
    assert (manifest, key) == (MANIFEST, KEY)


def test_a_passphrase_makes_its_key_by_scrypt() -> None:
    header = sealed(Keyring([], ["a long passphrase"])).header
    kdf = header.key.kdf
    assert kdf is not None
    made = Scrypt(salt=bytes.fromhex(kdf.salt), length=32, n=1 << 15, r=8, p=1).derive(b"a long passphrase")
    told = json.dumps({"id": "passphrase", "kdf": kdf.model_dump()}, sort_keys=True, separators=(",", ":"))
    wrapped, place = bytes.fromhex(header.key.sealed), b"vector-backup key\0" + bytes(16) + told.encode()
    assert AESGCM(made).decrypt(wrapped[:12], wrapped[12:], place) == bytes(32)


def test_a_header_is_read_without_a_key_and_says_no_more_than_this() -> None:
    header = sealed(Keyring([OLD])).document()["encryption"]
    assert header == {
        "cipher": "AES-256-GCM",
        "set": "00" * 16,
        "timestamp": STAMP,
        "layout": "langchain",
        "files": {FILE: 12},
        "key": {"id": key_id(OLD), "kdf": None, "sealed": header["key"]["sealed"]},
    }


@pytest.mark.parametrize(
    ("written", "there", "said"),
    [
        (Keyring([OLD]), Keyring(), key_id(OLD)),
        (Keyring([OLD]), Keyring([NEW], ["a long passphrase"]), key_id(OLD)),
        (Keyring([], ["a long passphrase"]), Keyring([OLD]), "请设置 BACKUP_ENCRYPTION_PASSPHRASE"),
        (Keyring([], ["a long passphrase"]), Keyring([], ["a longer passphrase"]), "没有它的口令"),
    ],
)
def test_a_missing_key_is_told(written: Keyring, there: Keyring, said: str) -> None:
    with pytest.raises(EncryptionKeyMissing) as caught:
        sealed(written).open(there)
    assert said in str(caught.value.response)


def changed(way: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        *path, last = way.split("/")
        for key in path:
            document = document[key]
        document[last] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        changed("manifest", "AAAA"),
        changed("manifest", "no Base64"),
        changed("manifest", None),
        changed("encryption/set", "11" * 16),
        changed("encryption/layout", "tables"),
        changed("encryption/files", {FILE: 13}),
        changed("encryption/files", {}),
        changed("encryption/cipher", "AES-128-GCM"),
        changed("encryption/more", 1),
        changed("encryption/key/sealed", "00" * 60),
        changed("encryption/key/sealed", "00"),
        changed("encryption/key/kdf", {"name": "scrypt", "salt": "00" * 16, "n": 1 << 30, "r": 8, "p": 1}),
        changed("encryption", None),
        changed("more", 1),
    ],
)
def test_a_changed_envelope_is_damaged(change: Callable[[dict[str, Any]], None]) -> None:
    document = json.loads(json.dumps(sealed(Keyring([OLD])).document()))
    change(document)
    with pytest.raises(InvalidBackup):
        read_again(document).open(Keyring([OLD]))


def test_an_envelope_is_of_its_own_time_only() -> None:
    document = sealed(Keyring([OLD])).document()
    with pytest.raises(InvalidBackup):
        read_again(document, "20261127_103001")
    document["encryption"]["timestamp"] = "20261127_103001"
    with pytest.raises(InvalidBackup):
        read_again(document, "20261127_103001").open(Keyring([OLD]))


def test_parts_of_two_sets_do_not_go_together() -> None:
    ring, other = Keyring([OLD]), SetKey(b"2" * 16, b"3" * 32)
    one, two = sealed(ring).document(), sealed(ring, other).document()
    for part in ("manifest", "encryption"):
        with pytest.raises(InvalidBackup):
            read_again({**one, part: two[part]}).open(ring)
    one["encryption"]["key"] = two["encryption"]["key"]
    with pytest.raises(InvalidBackup):
        read_again(one).open(ring)


def test_a_key_is_changed_without_sealing_anything_again() -> None:
    first, both = sealed(Keyring([OLD])), Keyring([NEW, OLD])
    again = first.rewrapped(both)
    assert again is not None
    assert again.sealed == first.sealed
    assert again.open(Keyring([NEW])) == (MANIFEST, KEY)
    assert again.rewrapped(both) is None
    with pytest.raises(EncryptionKeyMissing):
        again.open(Keyring([OLD]))


def test_a_passphrase_is_changed_for_another_or_for_a_key() -> None:
    first = sealed(Keyring([], ["the first passphrase"]))
    second = first.rewrapped(Keyring([], ["the second passphrase", "the first passphrase"]))
    assert second is not None
    assert second.rewrapped(Keyring([], ["the second passphrase"])) is None
    third = second.rewrapped(Keyring([NEW], ["the second passphrase"]))
    assert third is not None
    assert third.open(Keyring([NEW]))[0] == MANIFEST


def test_keys_are_read_from_the_environment() -> None:
    both = ", ".join(base64.b64encode(key).decode() for key in (NEW, OLD))
    ring = packing_settings.read({"BACKUP_ENCRYPTION_KEY": both, "BACKUP_ENCRYPTION_PASSPHRASE": "a long passphrase"})
    assert (ring.keyring.keys, ring.keyring.passphrases) == ((NEW, OLD), ("a long passphrase",))
    assert ring.keyring.id == key_id(NEW)
    assert not packing_settings.read({}).keyring


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BACKUP_ENCRYPTION_KEY", "no Base64!"),
        ("BACKUP_ENCRYPTION_KEY", base64.b64encode(bytes(31)).decode()),
        ("BACKUP_ENCRYPTION_KEY", f"{base64.b64encode(bytes(32)).decode()},x"),
        ("BACKUP_ENCRYPTION_PASSPHRASE", "too short"),
        ("BACKUP_ENCRYPTION_PASSPHRASE", "a long passphrase,short"),
        ("COMPRESSION_LEVEL", "0"),
        ("COMPRESSION_LEVEL", "20"),
        ("COMPRESSION_LEVEL", "three"),
    ],
)
def test_what_is_no_key_stops_the_start_and_is_not_repeated(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} must ") as caught:
        packing_settings.read({name: value})
    assert value not in str(caught.value) or name == "COMPRESSION_LEVEL"
