"""An encrypted set without the service: one script makes plain files of it, and PostgreSQL's own COPY takes them."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from data_pipeline.engine import Engine
from data_pipeline.settings import Settings
from tests.conftest import TestDatabase
from tests.integration.places import DirectoryPlace
from tests.integration.test_encrypted_backups import (
    KEY,
    NEW_KEY,
    PASSPHRASE,
    body_of,
    document_of,
    files_of,
    manifest_name,
    with_keys,
)
from tests.live_server import PROJECT
from tests.support.answers import data_of, failure
from tests.support.names import TABLES

__all__ = ["with_keys"]
pytestmark = pytest.mark.parametrize("place", ["directory"], indirect=True)
COPY = re.compile(r"\\copy (.+) FROM '(.+)' WITH \((.+)\)")


def recover(place: DirectoryPlace, made: dict[str, Any], to: Path, **env: str) -> "subprocess.CompletedProcess[str]":
    """Run a copy of the script that lies alone, with nothing of the project to import."""
    alone = to.parent / "recover.py"
    alone.write_bytes((PROJECT / "tools" / "recover.py").read_bytes())
    command = [sys.executable, "-I", str(alone), str(place.root / "vector_bak" / manifest_name(made)), str(to)]
    return subprocess.run(
        command, env={**os.environ, **env}, capture_output=True, text=True, cwd=to.parent, check=False
    )


def load(database: TestDatabase, script: Path) -> None:
    """What psql does with the script."""
    for table in reversed(TABLES):
        database.execute(f"DELETE FROM {table}")
    with database.connect() as connection, connection.cursor() as cursor:
        for target, file, options in COPY.findall(script.read_text(encoding="utf-8")):
            with Path(file).open("rb") as data:
                cursor.copy_expert(f"COPY {target} FROM STDIN WITH ({options})", data)


@pytest.mark.parametrize("file_format", ["csv", "binary"])
@pytest.mark.parametrize("compression", ["none", "zstd"])
def test_the_script_and_copy_bring_everything_back(
    with_keys: Any,
    database: TestDatabase,
    place: DirectoryPlace,
    tmp_path: Path,
    fill: Any,
    bits: Any,
    file_format: str,
    compression: str,
) -> None:
    fill(database)
    made, before = data_of(with_keys(KEY).backup(format=file_format, compression=compression)), bits(database)
    done = recover(place, made, tmp_path / "plain", BACKUP_ENCRYPTION_KEY=f"{NEW_KEY},{KEY}")
    assert done.returncode == 0, done.stderr
    load(database, tmp_path / "plain" / "restore.sql")
    assert bits(database) == before


def test_a_passphrase_and_a_set_that_is_not_encrypted_will_do_too(
    with_keys: Any, database: TestDatabase, place: DirectoryPlace, tmp_path: Path, fill: Any, bits: Any
) -> None:
    fill(database)
    secret = {"BACKUP_ENCRYPTION_PASSPHRASE": PASSPHRASE}
    for number, env in enumerate((secret, {})):
        made, before = data_of(with_keys(**env).backup(compression="zstd")), bits(database)
        done = recover(place, made, tmp_path / str(number), **env)
        assert done.returncode == 0, done.stderr
        load(database, tmp_path / str(number) / "restore.sql")
        assert bits(database) == before


def test_the_script_says_what_is_missing_or_wrong(
    with_keys: Any, database: TestDatabase, place: DirectoryPlace, tmp_path: Path, fill: Any
) -> None:
    fill(database)
    made = data_of(with_keys(KEY).backup())
    key = document_of(place, made)["encryption"]["key"]["id"]
    assert f"it needs {key}" in recover(place, made, tmp_path / "no key").stderr
    assert f"it needs {key}" in recover(place, made, tmp_path / "other", BACKUP_ENCRYPTION_KEY=NEW_KEY).stderr
    name = files_of(made)[1]
    whole = place.read(name)
    for number, data in enumerate((whole[:-1], whole + b"x", bytes([whole[0] ^ 1]) + whole[1:])):
        place.write(name, data)
        done = recover(place, made, tmp_path / str(number), BACKUP_ENCRYPTION_KEY=KEY)
        assert done.returncode == 1
        assert name in done.stderr


# Another key


def rewrap(place: DirectoryPlace, *keys: str) -> "subprocess.CompletedProcess[str]":
    env = {"PATH": os.environ["PATH"], "OUTPUT_DIRECTORY": place.url, "BACKUP_ENCRYPTION_KEY": ",".join(keys)}
    env |= {"LC_ALL": "C.UTF-8", "VECTOR_BACKUP_CONFIG": os.devnull}
    command = [sys.executable, "unified_api.py", "--lang", "en", "rewrap", "--storage", "local"]
    return subprocess.run(command, cwd=PROJECT, env=env, capture_output=True, text=True, check=False)


def test_keys_are_changed_and_the_files_stay_as_they_are(
    with_keys: Any, database: TestDatabase, place: DirectoryPlace, fill: Any, bits: Any
) -> None:
    fill(database)
    made, before = data_of(with_keys(KEY).backup()), bits(database)
    files = {name: place.read(name) for name in files_of(made)}
    assert rewrap(place).returncode == 2
    lost = rewrap(place, NEW_KEY)
    assert (lost.returncode, "1 failed" in lost.stdout, "is not configured" in lost.stderr) == (3, True, True)
    done = rewrap(place, NEW_KEY, KEY)
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 backups have the new key now, 0 had it before, 0 failed" in done.stdout
    assert "0 backups have the new key now, 1 had it before" in rewrap(place, NEW_KEY).stdout
    assert {name: place.read(name) for name in files} == files
    database.execute("DELETE FROM langchain_pg_embedding")
    body = {**body_of(made), "truncate_before_restore": True}
    assert failure(with_keys(KEY).restore(**body)) == (409, "ENCRYPTION_KEY_MISSING")
    data_of(with_keys(NEW_KEY).restore(**body))
    assert bits(database) == before


def test_a_set_that_is_read_keeps_its_key(
    with_keys: Any, database: TestDatabase, place: DirectoryPlace, fill: Any
) -> None:
    fill(database)
    made = data_of(with_keys(KEY).backup())
    settings = Settings.load({"OUTPUT_DIRECTORY": place.url, "BACKUP_ENCRYPTION_KEY": KEY})
    catalog = Engine.build(settings).catalog
    with catalog.locked(catalog.location(None), made["backup_timestamp"]):
        done = rewrap(place, NEW_KEY, KEY)
    assert (done.returncode, "1 failed" in done.stdout) == (3, True)
    assert rewrap(place, NEW_KEY, KEY).returncode == 0
