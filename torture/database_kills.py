"""kill -9 of the service, of its pg_dump or pg_restore, and of the server, while whole databases go out and come in.

The live database holds the old state or the new one (a merge: each table does), no backend is left, and no database
that is only half filled.
"""

import json
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any

import psutil
import psycopg2
from psycopg2.sql import SQL, Identifier

from common.errors import ServiceError
from data_pipeline.postgres.whole.unfinished import CONNECTIONS, DROPPED
from data_pipeline.stores.pg_database.child import PREFIX
from data_pipeline.stores.pg_database.index import Index
from torture.budget import Budget
from torture.call import Call, Moments
from torture.client import LOCATION, Answer, Client
from torture.figure import Figure
from torture.postgres import Database
from torture.service import Service
from torture.world import World

WANTED = 50
ROWS = 4000
SECONDS = 30
"""Until a service has ended and removed what it found: it does so beside everything else."""

NAME = "database_kills"
EXPORT, IMPORT = "/api/admin/database/export", "/api/admin/database/import"
RESTORE = "/api/v0/data_pipeline/databases"
OPERATIONS = ("export", "merge", "clean", "new_database", "swap")
PROGRAMS = ("pg_dump", "pg_restore")
TABLES = ("authors", "texts", "marks")
MAKE = """
CREATE TABLE authors (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE texts (id int PRIMARY KEY, author int REFERENCES authors, words text);
CREATE TABLE marks (id int PRIMARY KEY, value text);
CREATE INDEX ON texts (words);
"""
FILL = """
TRUNCATE authors, texts, marks;
INSERT INTO authors SELECT n, %(state)s || n FROM generate_series(1, %(rows)s) n;
INSERT INTO texts SELECT n, n, %(state)s || repeat(md5(n::text), 6) FROM generate_series(1, %(rows)s) n;
INSERT INTO marks SELECT n, %(state)s || md5(n::text) FROM generate_series(1, %(rows)s) n
"""
DIGEST = "SELECT count(*), md5(coalesce(string_agg(t::text, ' ' ORDER BY id), '')) FROM {} t"
CHILDREN = "SELECT count(*) FROM pg_stat_activity WHERE starts_with(application_name, %s)"
BESIDE = """
SELECT datname, datconnlimit FROM pg_database WHERE starts_with(datname, %s || '_') ORDER BY datname
"""

UNFINISHED = (CONNECTIONS, DROPPED)

Tables = dict[str, tuple[Any, ...]]
"""By name, the rows and the digest of each; one that isn't there is ()."""


@dataclass(frozen=True)
class Saved:
    """A state of the database, the archive of an export that has it, and the set."""

    tables: Tables
    archive: bytes
    timestamp: str


class Scene:
    """Two states of a database, and the service that brings each in every way."""

    def __init__(self, service: Service, database: Database, figure: Figure, moments: Moments) -> None:
        self.service = service
        self.database = database
        self.figure = figure
        self.moments = moments
        database.execute(MAKE)
        self.saved = [self._made(state) for state in ("first ", "second ")]
        self.now = self.saved[-1]

    @property
    def other(self) -> Saved:
        return next(one for one in self.saved if one is not self.now)

    def ask(self, operation: str, target: Saved) -> Answer:
        client = Client(self.service.port)
        if operation == "export":
            return client.call("GET", EXPORT)
        if operation in ("merge", "clean"):
            body = _form(target.archive, cleanFirst=str(operation == "clean").lower(), trusted="true")
            return client.call("POST", IMPORT, body, {"Content-Type": "multipart/form-data; boundary=x"})
        named = {"backup_path": LOCATION, "timestamp": target.timestamp}
        asked = {"set": named, "mode": "new_database", "swap": operation == "swap", "trusted": True}
        return client.call("POST", f"{RESTORE}/restore", json.dumps(asked).encode())

    def undisturbed(self) -> None:
        """Bring the other state: no lock is left that would keep it out."""
        target = self.other
        answer = self.ask("clean", target)
        found = tables(self.database.url)
        if not succeeded("clean", answer) or found != target.tables:
            self.figure.fault(f"a clean import after a kill: {answer} {_last(answer)}: {_told(found)}")
        self.moments.learn("clean", answer.seconds)
        self.now = target

    def learn(self) -> None:
        for operation in OPERATIONS:
            target = self.other if operation != "export" else self.now
            answer = self.ask(operation, target)
            if not succeeded(operation, answer):
                raise RuntimeError(f"{operation}: {answer} {_last(answer)}")
            self.moments.learn(operation, answer.seconds)
            self.now = target if operation in ("clean", "swap") else self.now
            self.remove_others()

    def look(self, operation: str, before: Tables, target: Saved, what: str, answer: Answer | None) -> None:
        """After a kill of what was to bring `target`."""
        if not self._quiet():
            self.figure.fault(f"{what}: a backend is left after {SECONDS} s")
        done = answer is not None and succeeded(operation, answer)
        found = tables(self.database.url)
        self._look_beside(operation, before, target, found, what)
        old, new = found == before, found == target.tables
        if operation == "merge":
            old = all(found[name] in (before[name], target.tables[name]) for name in TABLES)
        if operation in ("export", "new_database"):
            new = False
        if not (new or (old and not (done and operation in ("merge", "clean", "swap")))):
            self.figure.fault(f"{what}: answer {answer} {_last(answer)}: the database holds {_told(found)}")
        self.figure.note("answered" if done else "new state" if new else "old state")
        self.now = target if new and operation != "merge" else self.now

    def remove_others(self) -> None:
        """What is beside the live database: a whole one of a restore that came to its end."""
        for name, _ in self.database.fetch(BESIDE, (NAME,)):
            self.database.server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    def _quiet(self) -> bool:
        """Wait until no backend of a child is left, and no database that isn't finished."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            marked = [name for name, limit in self.database.fetch(BESIDE, (NAME,)) if limit in UNFINISHED]
            if self.database.fetch(CHILDREN, (PREFIX,)) == [(0,)] and not marked:
                return True
            time.sleep(0.02)
        return False

    def _look_beside(self, operation: str, before: Tables, target: Saved, found: Tables, what: str) -> None:
        """Only whole databases: a restored one, or the one that another took the place of."""
        for name, limit in self.database.fetch(BESIDE, (NAME,)):
            held = tables(self.database.server.url(name))
            kept = name.startswith(f"{NAME}_before_") and operation == "swap" and found == target.tables
            made = name.startswith(f"{NAME}_new_") and operation == "new_database"
            if limit in UNFINISHED or not ((kept and held == before) or (made and held == target.tables)):
                self.figure.fault(f"{what}: {name} is left, and holds {_told(held)}")
        self.remove_others()

    def _made(self, state: str) -> Saved:
        self.database.execute(FILL, {"state": state, "rows": ROWS})
        client = Client(self.service.port)
        archive = client.call("GET", EXPORT)
        made = client.call("POST", f"{RESTORE}/backup", b"{}")
        return Saved(tables(self.database.url), archive.body, str(made.data["backup_timestamp"]))


def run(world: World, budget: Budget) -> Figure:
    figure = Figure(
        "kill -9 in exports, imports and restores of whole databases",
        "neither the old state nor the new one, a backend or half a database left",
        {kind: budget.scaled(WANTED) for kind in ("of the service", "of the child", "of the server")},
    )
    chance = world.chance("database kills")
    with (
        world.output("database-kills") as output,
        world.server().database(NAME) as database,
        world.service(database, output, JOBS_HEARTBEAT_SECONDS="1") as service,
    ):
        scene = Scene(service, database, figure, Moments(chance))
        try:
            scene.learn()
            while any(budget.allows(figure, kind) for kind in figure.wanted):
                whose = min(figure.wanted, key=lambda kind: figure.done[kind])
                _kill(scene, whose, chance.choice(OPERATIONS))
        finally:
            database.server.start()
            scene.remove_others()
    return figure


def _kill(scene: Scene, whose: str, operation: str) -> None:
    """One trial: kill in the middle of it, look at the database, bring another state for good."""
    if operation == "merge":
        scene.database.execute("TRUNCATE authors, texts, marks")
    before, target = tables(scene.database.url), scene.other
    call = Call(lambda: scene.ask(operation, target))
    in_time = scene.moments.within(call, operation)
    if whose == "of the service":
        scene.service.kill()
        scene.service.start()
    elif whose == "of the child":
        in_time = _kill_children(scene.service)
    else:
        scene.database.server.stop("immediate")
        scene.database.server.start()
    answer = call.answer()
    if answer and succeeded(operation, answer):  # how long it takes by now
        scene.moments.learn(operation, answer.seconds)
    scene.figure.did(whose, in_time)
    scene.look(operation, before, target, f"{operation} killed ({whose})", answer)
    scene.undisturbed()


def _kill_children(service: Service) -> bool:
    """Whether there was one."""
    killed = False
    for child in service.children():
        with suppress(psutil.Error):
            if child.name() in PROGRAMS:
                child.kill()
                killed = True
    return killed


def succeeded(operation: str, answer: Answer) -> bool:
    """Whether it said that all was done."""
    if operation == "export":
        return answer.status == 200 and _whole(answer.body)
    if operation in ("merge", "clean"):
        return answer.status == 200 and _last(answer).get("type") == "complete"
    return answer.status == 200


def tables(url: str) -> Tables:
    """What the database of a URL holds."""
    found: Tables = {}
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        for name in TABLES:
            try:
                cursor.execute(SQL(DIGEST).format(Identifier(name)))
                found[name] = cursor.fetchall()[0]
            except psycopg2.ProgrammingError:
                found[name] = ()
    return found


def _whole(archive: bytes) -> bool:
    index = Index()
    try:
        index.feed(archive)
        index.complete()
    except ServiceError:
        return False
    return True


def _last(answer: Answer | None) -> dict[str, Any]:
    """The last event of a stream, {} of anything else."""
    parts = answer.body.split(b"\n\n") if answer else []
    events = [part for part in parts if part.startswith(b"data: ")]
    found: dict[str, Any] = json.loads(events[-1].removeprefix(b"data: ")) if events else {}
    return found


def _told(found: Mapping[str, tuple[Any, ...]]) -> str:
    return ", ".join(f"{name} {rows[:2]}" for name, rows in found.items())


def _form(archive: bytes, **fields: str) -> bytes:
    parts = [
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()
    ]
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.dump"\r\n\r\n'
    return "".join(parts).encode() + head + archive + b"\r\n--x--\r\n"
