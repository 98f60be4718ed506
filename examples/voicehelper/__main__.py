"""A stack backed up, damaged in every store, and brought back by one call: `python -m examples.voicehelper`.

Starts a server of each kind that this machine has, on loopback and in a temporary directory, and says what to install
for the others. Arguments name some of the stores: postgres, cache, vectors, graph, files. The exit status is 0 if every
store is again what it was, else 1. Nothing is left running.
"""

import io
import json
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from data_pipeline.postgres_server.embedded import EmbeddedServerError
from examples.service import Service, Unexpected, running, say
from examples.voicehelper.cache import Cache, program
from examples.voicehelper.files import Files
from examples.voicehelper.graph import Graph
from examples.voicehelper.member import Member
from examples.voicehelper.tables import Tables
from examples.voicehelper.vectors import Vectors

KINDS: tuple[type[Member], ...] = (Tables, Cache, Vectors, Graph, Files)
STACK = "voicehelper"
ROUTE = "/api/v0/data_pipeline/stacks"


def chosen(roles: Sequence[str]) -> list[Member]:
    """The stores of this machine, or those that are named; a line for each that is missing. Raises Unexpected."""
    if unknown := sorted(set(roles) - {kind.role for kind in KINDS}):
        raise Unexpected(f"there is no {unknown[0]}, but {', '.join(kind.role for kind in KINDS)}")
    title("Which stores are on this machine?")
    there: list[Member] = []
    for kind in KINDS:
        if roles and kind.role not in roles:
            continue
        if kind.is_there():
            there.append(kind())
        else:
            say(f"{kind.store} is left out, it is not here: {kind.needs}")
    return there


@contextmanager
def stage(members: Sequence[Member]) -> Iterator[Service]:
    """Servers of these stores and the service in front of them; nothing of it is left at the end."""
    with tempfile.TemporaryDirectory(prefix="stack-") as name:
        directory = Path(name)
        directory.chmod(0o711)  # when root runs this, PostgreSQL runs as another user, who has to get through
        try:
            targets = {member.role: _started(member, directory) for member in members}
            with running(directory, ROUTE, **_settings(targets)) as service:
                yield service
        finally:
            for member in members:
                member.stop()


def _started(member: Member, directory: Path) -> str:
    home = directory / member.role
    home.mkdir()
    url = member.start(home)
    say(f"{member.store} runs, as the target `{member.role}`")
    return url


def _settings(targets: Mapping[str, str]) -> dict[str, str]:
    """A role is called as its target is."""
    binary = program()
    return {
        "TARGETS": json.dumps(targets),
        "STACKS": json.dumps({STACK: {role: role for role in targets}}),
        **({"REDIS_SERVER_BIN": str(binary)} if binary else {}),
    }


def tell(service: Service, members: Sequence[Member]) -> None:
    """The story, one step a line."""
    fill(members)
    named = back_up(service)
    before = {member.role: member.state() for member in members}
    damage(members, before)
    rehearse(service, named)
    bring_back(service, named)
    prove(members, before)


def fill(members: Sequence[Member]) -> None:
    title("Fill them")
    for member in members:
        say(f"{member.store}: {member.fill()}")


def back_up(service: Service) -> dict[str, str]:
    """Returns the stack's set, as a restore names it."""
    title("Back up all of them by one call")
    answer = service.post(f"/{STACK}/backup")
    for role, one in answer["members"].items():
        until = f" to {one['ended_at']}" if one["consistency"] == "live" else ""
        say(f"{role}: {one['consistency']} of {one['started_at']}{until}")
    return {"backup_path": answer["backup_directory"], "timestamp": answer["backup_timestamp"]}


def damage(members: Sequence[Member], before: Mapping[str, Any]) -> None:
    title("Damage every one of them")
    for member in members:
        say(f"{member.store}: {member.damage()}")
        expect(member.state() != before[member.role], f"{member.store} is not damaged")


def rehearse(service: Service, named: Mapping[str, str]) -> None:
    title("Rehearse: every byte is verified, nothing is changed")
    answer = service.post(f"/{STACK}/restore", set=named, dry_run=True)
    for role, one in answer["members"].items():
        say(f"{role}: {one['state']}")


def bring_back(service: Service, named: Mapping[str, str]) -> None:
    title("Bring them back by one call")
    answer = service.post(f"/{STACK}/restore", set=named)
    for role, one in answer["members"].items():
        say(f"{role}: {one['state']}")
        expect(one["state"] == "restored", f"{role}: {one.get('error')}")
    say(f"what was there before is a set too: {answer['undo']['set']['timestamp']}")


def prove(members: Sequence[Member], before: Mapping[str, Any]) -> None:
    title("Compare every row, key, chunk, node and file with what was there before the damage")
    for member in members:
        now = member.state()
        differing = sorted(
            name for name in {**now, **before[member.role]} if now.get(name) != before[member.role].get(name)
        )
        expect(not differing, f"{member.store} is not what it was: {', '.join(differing[:3])}")
        say(f"{member.store}: the same")


def title(text: str) -> None:
    print(f"\n{text}", flush=True)


def expect(condition: bool, otherwise: str) -> None:
    if not condition:
        raise Unexpected(otherwise)


def main(roles: Sequence[str]) -> int:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # not every terminal has Chinese
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    started = time.monotonic()
    try:
        members = chosen(roles)
        with stage(members) as service:
            tell(service, members)
    except KeyboardInterrupt:
        print("\nvoicehelper: interrupted", file=sys.stderr)
        return 1
    except (Unexpected, EmbeddedServerError, OSError) as error:
        print(f"\nvoicehelper: FAILED: {str(error).strip()}", file=sys.stderr)
        return 1
    title(f"Everything is back, after {time.monotonic() - started:.1f} seconds. Nothing is left running.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
