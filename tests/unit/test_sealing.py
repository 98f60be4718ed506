"""Secrets are sealed for one row, by a key that only its owner may read."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from common.errors import ServiceUnavailable
from data_pipeline.resources.sealing import Key, Sealer

FIRST, SECOND = "f" * 32, "s" * 32
SECRETS = {"url": "postgresql://ann:geheim@db/docs"}
needs_modes = pytest.mark.skipif(sys.platform == "win32", reason="has no modes of files")


def test_what_is_sealed_opens_again_and_shows_nothing() -> None:
    sealed, key_id = Sealer((FIRST,), None).seal("target", "prod", SECRETS)
    assert "geheim" not in sealed
    assert Sealer((FIRST,), None).open("target", "prod", sealed, key_id) == SECRETS


def test_the_same_secret_is_sealed_in_another_way_each_time() -> None:
    sealer = Sealer((FIRST,), None)
    assert sealer.seal("target", "prod", SECRETS) != sealer.seal("target", "prod", SECRETS)


@pytest.mark.parametrize("row", [("target", "other"), ("storage", "prod")])
def test_what_is_sealed_for_one_row_opens_in_no_other(row: tuple[str, str]) -> None:
    sealed, key_id = Sealer((FIRST,), None).seal("target", "prod", SECRETS)
    with pytest.raises(ServiceUnavailable):
        Sealer((FIRST,), None).open(*row, sealed, key_id)


def test_a_new_key_before_the_old_one_opens_both() -> None:
    sealed, key_id = Sealer((FIRST,), None).seal("target", "prod", SECRETS)
    both = Sealer((SECOND, FIRST), None)
    assert both.open("target", "prod", sealed, key_id) == SECRETS
    assert both.seal("target", "prod", SECRETS)[1] == Key.of(SECOND).id != key_id


def test_without_its_key_a_secret_is_out_of_reach_and_the_answer_names_the_key() -> None:
    sealed, key_id = Sealer((FIRST,), None).seal("target", "prod", SECRETS)
    with pytest.raises(ServiceUnavailable, match=key_id) as caught:
        Sealer((SECOND,), None).open("target", "prod", sealed, key_id)
    assert caught.value.data["can_retry"] is False


def test_without_any_key_nothing_is_sealed() -> None:
    with pytest.raises(ServiceUnavailable, match="SECRET_KEY"):
        Sealer((), None).seal("target", "prod", SECRETS)


def test_a_key_is_made_once_by_many_that_need_it_first(tmp_path: Path) -> None:
    file = tmp_path / "pgdata.secret_key"
    sealers = [Sealer((), file) for _ in range(8)]
    with ThreadPoolExecutor(8) as threads:
        sealed = list(threads.map(lambda sealer: sealer.seal("target", "prod", SECRETS), sealers))
    assert len({key_id for _, key_id in sealed}) == 1
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
    for one in sealed:
        assert Sealer((), file).open("target", "prod", *one) == SECRETS


@needs_modes
def test_the_file_of_the_key_is_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "secret_key"
    mask = os.umask(0)
    try:
        Sealer((), file).seal("target", "prod", SECRETS)
    finally:
        os.umask(mask)
    assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o640)
    with pytest.raises(ServiceUnavailable, match="0600"):
        Sealer((), file).seal("target", "prod", SECRETS)


def test_a_file_that_is_cut_short_is_no_key(tmp_path: Path) -> None:
    file = tmp_path / "secret_key"
    file.write_text("short")
    file.chmod(0o600)
    with pytest.raises(ServiceUnavailable):
        Sealer((), file).seal("target", "prod", SECRETS)


def test_nothing_is_made_where_something_is_only_opened(tmp_path: Path) -> None:
    file = tmp_path / "secret_key"
    with pytest.raises(ServiceUnavailable, match="0badf00d"):
        Sealer((), file).open("target", "prod", "", "0badf00d")
    assert not file.exists()
