"""PostgreSQL servers of the harness, with PostgreSQL's own settings for durability, and databases on them."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import psycopg2
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

from data_pipeline.postgres_server.cluster import MAJOR, SUPERUSER, Cluster

APPLICATION = "vector-restore"
"""The service's connections, by the application_name it gives them."""

# As langchain_postgres makes them.
TABLES = """
CREATE EXTENSION vector;
CREATE TABLE langchain_pg_collection (uuid uuid PRIMARY KEY, name varchar NOT NULL UNIQUE, cmetadata json);
CREATE TABLE langchain_pg_embedding (
    id varchar PRIMARY KEY, collection_id uuid REFERENCES langchain_pg_collection (uuid) ON DELETE CASCADE,
    embedding vector, document varchar, cmetadata jsonb);
CREATE INDEX ix_cmetadata_gin ON langchain_pg_embedding USING gin (cmetadata jsonb_path_ops);
"""
HNSW = """
ALTER TABLE langchain_pg_embedding ALTER embedding TYPE vector({dimensions});
CREATE INDEX ix_hnsw ON langchain_pg_embedding USING hnsw (embedding vector_l2_ops);
"""
# json, jsonb and text show every difference as text; vectors as the bytes of their floats.
COLLECTIONS_DIGEST = """
SELECT count(*), md5(coalesce(string_agg(md5(t::text), '' ORDER BY uuid), '')) FROM langchain_pg_collection t
"""
EMBEDDINGS_DIGEST = """
SELECT count(*), md5(coalesce(string_agg(md5(
    ROW(id, collection_id, document, cmetadata)::text || coalesce(encode(vector_send(embedding), 'hex'), 'null')
), '' ORDER BY id), '')) FROM langchain_pg_embedding
"""
CONFIGURATION = """
listen_addresses = '127.0.0.1'
port = {port}
max_connections = 200
"""
TEMPLATE = "torture_template"
START_SECONDS = 60
StopMode = Literal["fast", "immediate", "crash"]


@dataclass(frozen=True)
class State:
    """Both tables to the bit: rows and digest of each."""

    collections: tuple[int, str]
    embeddings: tuple[int, str]

    def __str__(self) -> str:
        return f"{self.collections[0]}+{self.embeddings[0]} rows"


class Server:
    """A server of our own on TCP, with a password."""

    def __init__(self, home: Path, major: int = MAJOR) -> None:
        self.port = free_port()
        self._cluster = Cluster(home)
        self._cluster.create(major)
        with open(self._cluster.data / "postgresql.conf", "a", encoding="utf-8") as configuration:
            configuration.write(CONFIGURATION.format(port=self.port))
        self._cluster.start()
        self._execute("postgres", f"CREATE DATABASE {TEMPLATE}")
        self._execute(TEMPLATE, TABLES)

    @property
    def password(self) -> str:
        return self._cluster.password

    @property
    def owner(self) -> tuple[int, int]:
        """User and group that the server's files belong to."""
        status = self._cluster.data.stat()
        return status.st_uid, status.st_gid

    def url(self, dbname: str, port: int | None = None) -> str:
        """postgresql://…, by `port` through a proxy."""
        return f"postgresql://{SUPERUSER}:{self.password}@127.0.0.1:{port or self.port}/{dbname}"

    @contextmanager
    def database(self, name: str, hnsw: int | None = None, options: str = "") -> Iterator["Database"]:
        """A database with LangChain's tables, empty; `hnsw`: with an HNSW index of that many dimensions."""
        self._execute("postgres", f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} {options}")
        database = Database(self, name)
        if hnsw:
            database.execute(HNSW.format(dimensions=hnsw))
        try:
            yield database
        finally:
            database.close()
            self.start()
            self._execute("postgres", f"DROP DATABASE {name} WITH (FORCE)")

    def execute(self, sql: str) -> None:
        """Run a statement in no transaction, as the superuser."""
        self._execute("postgres", sql)

    def stop(self, mode: StopMode = "fast") -> None:
        """fast rolls back, immediate leaves it to recovery, crash kills one backend and lets the server recover."""
        pid = int((self._cluster.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()[0])
        if mode == "crash":
            _kill_a_backend(self)
            return
        os.kill(pid, signal.SIGINT if mode == "fast" else signal.SIGQUIT)
        deadline = time.monotonic() + START_SECONDS
        while self._cluster.running() and time.monotonic() < deadline:
            time.sleep(0.01)

    def start(self) -> None:
        """Start the server, unless it runs, and wait until it takes connections."""
        if not self._cluster.running():
            self._cluster.start()
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                psycopg2.connect(self.url("postgres")).close()
                return
            except psycopg2.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def shut_down(self) -> None:
        self._cluster.stop()

    def _execute(self, dbname: str, sql: str) -> None:
        with closing(psycopg2.connect(self.url(dbname))) as connection:
            connection.autocommit = True
            connection.cursor().execute(sql)


class Database:
    """One database and a connection of the harness's own, made again when it was lost."""

    def __init__(self, server: Server, name: str) -> None:
        self.server = server
        self.name = name
        self._connection: Connection | None = None

    @property
    def url(self) -> str:
        return self.server.url(self.name)

    def connect(self) -> Connection:
        """A new psycopg2 connection in autocommit, the caller's to close."""
        connection = psycopg2.connect(self.url)
        connection.autocommit = True
        return connection

    def execute(self, sql: str, params: Any = None) -> int:
        """Run statements; the number of rows the last one touched."""
        cursor = self._cursor()
        cursor.execute(sql, params)
        return cursor.rowcount

    def fetch(self, sql: str, params: Any = None) -> list[tuple[Any, ...]]:
        cursor = self._cursor()
        cursor.execute(sql, params)
        return cursor.fetchall()

    def state(self) -> State:
        """What both tables hold now."""
        (collections,) = self.fetch(COLLECTIONS_DIGEST)
        (embeddings,) = self.fetch(EMBEDDINGS_DIGEST)
        return State(collections, embeddings)

    def state_at_once(self) -> State:
        """What both tables hold at one moment, while others write: on a connection of its own, by any thread.

        Locked first, so that the one snapshot is no older than a TRUNCATE, and in the service's order, so that nobody
        waits in a circle.
        """
        with closing(psycopg2.connect(self.url)) as connection, connection, connection.cursor() as cursor:
            connection.set_session(isolation_level="REPEATABLE READ")
            cursor.execute("LOCK TABLE langchain_pg_embedding, langchain_pg_collection IN ACCESS SHARE MODE")
            cursor.execute(COLLECTIONS_DIGEST)
            (collections,) = cursor.fetchall()
            cursor.execute(EMBEDDINGS_DIGEST)
            (embeddings,) = cursor.fetchall()
            return State(collections, embeddings)

    def truncate(self) -> None:
        self.execute("TRUNCATE langchain_pg_collection, langchain_pg_embedding")

    def terminate(self) -> int:
        """End the service's backends here; how many there were."""
        ended = self.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = %s AND datname = current_database()",
            (APPLICATION,),
        )
        return ended.count((True,))

    def quiet(self, seconds: float) -> bool:
        """Wait until no backend of the service, and no advisory lock, is left here; False if some stay."""
        left = (
            "SELECT (SELECT count(*) FROM pg_stat_activity"
            "    WHERE application_name = %s AND datname = current_database())"
            " + (SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
            "    WHERE l.locktype = 'advisory' AND d.datname = current_database())"
        )
        deadline = time.monotonic() + seconds
        while self.fetch(left, (APPLICATION,)) != [(0,)]:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _cursor(self) -> Cursor:
        """A cursor that works: a connection that a stopped server has cut is noticed only when it is used."""
        if self._connection is not None:
            try:
                self._connection.cursor().execute("SELECT 1")
            except psycopg2.Error:
                self.close()
        if self._connection is None:
            self._connection = self.connect()
        return self._connection.cursor()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _kill_a_backend(server: Server) -> None:
    """kill -9 of one backend: the server ends all others and replays its log."""
    with closing(psycopg2.connect(server.url("postgres"))) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE application_name = %s UNION ALL SELECT pg_backend_pid() LIMIT 1",
            (APPLICATION,),
        )
        ((pid,),) = cursor.fetchall()
        os.kill(pid, signal.SIGKILL)
