"""`python unified_api.py stack …`: a stack saved, proven, damaged and brought back at the command line."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import TestDatabase
from tests.integration.redis_server import RedisServer, program
from tests.integration.test_command_line import CommandLine

STACK = "app"


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A path whose sockets have an address."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@pytest.fixture
def cache(short_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(short_path / "redis", "valkey").start()
    yield server
    server.stop()


@pytest.fixture
def run(
    database: TestDatabase, jobs_database: TestDatabase, output_dir: Path, cache: RedisServer, short_path: Path
) -> Iterator[CommandLine]:
    env = {
        "DATABASE_URL": database.url,
        "JOBS_DATABASE_URL": jobs_database.url,
        "OUTPUT_DIRECTORY": str(output_dir),
        "TARGETS": json.dumps({"cache": cache.url()}),
        "STACKS": json.dumps({STACK: {"cache": "cache"}}),
        "REDIS_SERVER_BIN": str(program("valkey")),
        "DRILL_DIRECTORY": str(short_path / "drills"),
        "API_LANGUAGE": "en",
    }
    commands = CommandLine(env, cache.password, short_path)
    yield commands
    commands.close()


def test_a_stack_is_saved_proven_damaged_and_brought_back(run: CommandLine, cache: RedisServer) -> None:
    client = cache.client()
    client.set("session:1", "ann")
    made = run("stack", "backup", STACK, "--json")
    assert made.status == 0, made.err
    named = made.data["backup_directory"], made.data["backup_timestamp"]
    assert named[1] in run("stack", "sets", STACK).out
    verified = run("stack", "verify", STACK, *named)
    assert (verified.status, "cache: redis_" in verified.out) == (0, True)
    drilled = run("stack", "drill", STACK, *named)
    assert (drilled.status, "yes" in drilled.out) == (0, True), drilled.err
    assert run("stack", "compare", STACK, *named).status == 0
    client.set("session:1", "changed")
    compared = run("stack", "compare", STACK, *named)
    assert (compared.status, "no" in compared.out) == (3, True)
    assert run("stack", "restore", STACK, *named).status != 0, "it asks first"
    assert client.get("session:1") == b"changed"
    restored = run("stack", "restore", STACK, *named, "--yes")
    assert (restored.status, "what was there:" in restored.out) == (0, True), restored.err
    assert client.get("session:1") == b"ann"
    refused = run("stack", "upload", str(Path(__file__)))
    assert (refused.status, "INVALID_BACKUP" in refused.err) == (1, True)
