"""Getting in with what providers and operators give: TLS that is checked, sockets, schemas, options, notes, hints."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data_pipeline.api import PREFIX
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.integration.tls_server import PASSWORD, Authority, TlsServer
from tests.support.names import COLLECTION, DOCS, EMBEDDING

REPLACE = {"truncate_before_restore": True}


def answered(response: Any) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    data: dict[str, Any] = response.get_json()["data"]
    return data


def failed(response: Any) -> dict[str, Any]:
    data: dict[str, Any] = response.get_json()["data"]
    return {"status": response.status_code, "error_type": data["error_type"], **data.get("details", {})}


def put(database: TestDatabase, schema: str, name: str) -> None:
    database.execute(
        f"INSERT INTO {schema}.{COLLECTION} VALUES (%s, %s, NULL);"
        f"INSERT INTO {schema}.{EMBEDDING} VALUES (%s, %s, '[1,2,3]', 'text', NULL)",
        (DOCS, name, name, DOCS),
    )


# TLS


@pytest.fixture
def roots(tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Files of certificates: the one that signed, and another; nothing in the home directory."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, one in {"right": authority, "wrong": Authority("another one")}.items():
        (tmp_path / f"{name}.pem").write_bytes(one.pem)
    return {name: str(tmp_path / f"{name}.pem") for name in ("right", "wrong")}


# That server has no pgvector: it is asked for a table, which only a session can miss.
MISSED = {"status": 409, "error_type": "SCHEMA_MISMATCH"}
REFUSED = {"status": 500, "error_type": "DATABASE_ERROR", "cause": "CERTIFICATE"}


def told(response: Any) -> dict[str, Any]:
    found = failed(response)
    return {name: found[name] for name in ("status", "error_type", "cause") if name in found}


def test_a_certificate_is_checked_by_the_services_file_and_for_the_right_name(
    make_client: Callable[..., Client], tls_server: TlsServer, roots: dict[str, str]
) -> None:
    client = make_client(PG_SSL_ROOT_CERT=roots["right"])
    for mode in ("require", "verify-ca", "verify-full"):
        assert told(client.backup(pg_conn=tls_server.url(f"?sslmode={mode}"))) == MISSED
    assert told(client.backup(pg_conn=tls_server.url("?sslmode=verify-ca", "127.0.0.1"))) == MISSED
    misnamed = client.backup(pg_conn=tls_server.url("?sslmode=verify-full", "127.0.0.1"))
    assert told(misnamed) == REFUSED
    assert "主机名" in failed(misnamed)["reason"]
    assert PASSWORD not in misnamed.text
    plain = client.backup(pg_conn=tls_server.url("?sslmode=disable"))
    assert failed(plain)["cause"] == "NO_HBA_ENTRY"


def test_another_authoritys_certificate_is_refused_and_one_that_is_not_checked_is_not(
    make_client: Callable[..., Client], tls_server: TlsServer, roots: dict[str, str]
) -> None:
    client = make_client(PG_SSL_ROOT_CERT=roots["wrong"])
    for mode in ("verify-ca", "verify-full"):
        assert told(client.backup(pg_conn=tls_server.url(f"?sslmode={mode}"))) == REFUSED
    # A file for those that are to be checked is no reason to refuse the others, as libpq by itself would.
    assert told(client.backup(pg_conn=tls_server.url("?sslmode=require"))) == MISSED


def test_without_a_file_the_answer_says_which_setting_is_missing(
    make_client: Callable[..., Client], tls_server: TlsServer, roots: dict[str, str]
) -> None:
    response = make_client().backup(pg_conn=tls_server.url("?sslmode=verify-full"))
    assert told(response) == REFUSED
    assert "PG_SSL_ROOT_CERT" in failed(response)["reason"]


def test_a_target_may_have_a_file_of_its_own_and_readyz_tells_them_apart(
    make_client: Callable[..., Client], database: TestDatabase, tls_server: TlsServer, roots: dict[str, str]
) -> None:
    full, unnamed = tls_server.url("?sslmode=verify-full"), tls_server.url("?sslmode=verify-full", "127.0.0.1")
    entries = {
        "own": {"url": full, "sslrootcert": roots["right"]},
        "misnamed": {"url": unnamed, "sslrootcert": roots["right"]},
        "common": {"url": full},
        "plain": tls_server.url("?sslmode=require"),
        "strict": {"url": tls_server.url("?sslmode=require"), "sslrootcert": roots["wrong"]},
    }
    client = make_client(
        DATABASE_URL=database.url,
        JOBS_DATABASE_URL=f"{full}&sslrootcert={roots['right']}",
        PG_SSL_ROOT_CERT=roots["wrong"],
        TARGETS=json.dumps(entries),
    )
    ready = client.get("/readyz").get_json()["data"]
    assert ready["checks"] == {"database": True, "storage": True, "queue": True}
    assert ready["targets"] == {"own": True, "misnamed": False, "common": False, "plain": True, "strict": False}
    assert told(client.backup(pg_conn="own")) == MISSED
    assert roots["right"] not in client.backup(pg_conn="misnamed").text
    shown = client.get(f"{PREFIX}/settings").get_json()["data"]["settings"]
    assert shown["PG_SSL_ROOT_CERT"] == "file"


def test_channel_binding_is_asked_for(
    make_client: Callable[..., Client], tls_server: TlsServer, roots: dict[str, str]
) -> None:
    client = make_client(PG_SSL_ROOT_CERT=roots["right"])
    bound = "?sslmode=verify-full&channel_binding=require"
    assert told(client.backup(pg_conn=tls_server.url(bound))) == MISSED
    # Without TLS there is nothing to bind to.
    response = client.backup(pg_conn=tls_server.url("?sslmode=disable&channel_binding=require"))
    assert failed(response)["error_type"] == "DATABASE_ERROR"


# Sockets


@pytest.fixture
def socket_directory(database: TestDatabase) -> str:
    ((directories,),) = database.fetch("SHOW unix_socket_directories")
    ((data,),) = database.fetch("SHOW data_directory")
    return str(Path(data) / directories.partition(",")[0])


@pytest.mark.parametrize("encoded", [True, False])
def test_the_operator_may_name_a_sockets_directory_and_a_request_may_not(
    make_client: Callable[..., Client], database: TestDatabase, fill: Any, socket_directory: str, encoded: bool
) -> None:
    fill(database)
    user, port, dbname = database.server.user, database.server.port, database.dbname
    host = socket_directory.replace("/", "%2F") if encoded else ""
    url = f"postgresql://{user}@{host}:{port}/{dbname}" + ("" if encoded else f"?host={socket_directory}")
    client = make_client(DATABASE_URL=url, TARGETS=json.dumps({"local": url}))
    for body, source in (({}, "config"), ({"pg_conn": "local"}, "target")):
        data = answered(client.backup(**body))
        assert data["target"]["host"] == "(unix socket)"
        assert data["target"]["source"] == source
        assert data["tables_backed_up"][EMBEDDING]["row_count"] == 6
        assert socket_directory not in json.dumps(data)
    refused = client.backup(pg_conn=url)
    assert failed(refused)["error_type"] == "INVALID_PARAMS"
    assert socket_directory not in refused.text


# Schemas


@pytest.fixture
def two_schemas(database: TestDatabase) -> Any:
    """The tables in `public` with a collection of that name, and in "App" with another."""
    database.execute(
        f'CREATE SCHEMA "App"; CREATE TABLE "App".{COLLECTION} (LIKE {COLLECTION} INCLUDING ALL);'
        f'CREATE TABLE "App".{EMBEDDING} (LIKE {EMBEDDING} INCLUDING ALL)'
    )
    put(database, "public", "public")
    put(database, '"App"', "app")
    return database


def names(database: TestDatabase, schema: str) -> list[tuple[str]]:
    found: list[tuple[str]] = database.fetch(f"SELECT name FROM {schema}.{COLLECTION} ORDER BY 1")
    return found


@pytest.mark.parametrize("way", ["target", "target_url", "schema", "options"])
def test_every_operation_stays_in_the_schema_that_its_target_names(
    make_client: Callable[..., Client], two_schemas: Any, bits: Any, way: str
) -> None:
    url = two_schemas.url
    entries = {"target": {"url": url, "schema": "App"}, "target_url": f"{url}?schema=App"}
    pg_conn = {"schema": f"{url}?schema=App", "options": f"{url}?options=-csearch_path%3D%22App%22"}.get(way, way)
    client = make_client(DATABASE_URL=url, TARGETS=json.dumps(entries))
    before = bits(two_schemas)
    saved = answered(client.backup(pg_conn=pg_conn))
    assert saved["target"]["schema"] == "App"
    named = {"backup_path": saved["backup_directory"], "timestamp": saved["backup_timestamp"]}
    two_schemas.execute(f"UPDATE \"App\".{COLLECTION} SET name = 'changed'")
    compared = answered(client.post(f"{PREFIX}/compare", data=json.dumps({**named, "pg_conn": pg_conn})))
    assert (compared["identical"], compared["target"]["schema"]) == (False, "App")
    for more in (
        {"dry_run": True, "strategy": "sync"},
        {"strategy": "sync"},
        {**REPLACE, "backup_before_restore": True},
    ):
        done = answered(client.restore(**named, pg_conn=pg_conn, **more))
        assert done["target"]["schema"] == "App"
    assert names(two_schemas, '"App"') == [("app",)]
    undone = answered(client.post(f"{PREFIX}/restore", data=json.dumps({**done["undo"], "pg_conn": pg_conn})))
    assert undone["target"]["schema"] == "App"
    two_schemas.execute(f'DROP TABLE "App".{EMBEDDING}, "App".{COLLECTION}')
    made = answered(client.restore(**named, pg_conn=pg_conn, create_tables=True))
    assert made["created"]["tables"] == [COLLECTION, EMBEDDING]
    assert names(two_schemas, '"App"') == [("app",)]
    assert bits(two_schemas) == before


def test_the_services_own_schema_is_not_named_and_another_is(
    make_client: Callable[..., Client], two_schemas: Any
) -> None:
    url = two_schemas.url
    entries = {"there": {"url": url, "schema": "App"}, "public": f"{url}?schema=public", "default": url}
    client = make_client(DATABASE_URL=url, PGVECTOR_SCHEMA="App", TARGETS=json.dumps(entries))
    found = {name: answered(client.backup(pg_conn=name)) for name in entries} | {"none": answered(client.backup())}
    assert {name: data["target"].get("schema") for name, data in found.items()} == {
        "there": None,
        "public": "public",
        "default": None,
        "none": None,
    }
    shown = client.get(f"{PREFIX}/settings").get_json()["data"]
    assert shown["targets"]["public"]["schema"] == "public"
    assert shown["settings"]["PGVECTOR_SCHEMA"] == "App"


def test_the_search_path_of_a_url_is_the_sessions_too(
    make_client: Callable[..., Client], two_schemas: Any, small_set: Any
) -> None:
    two_schemas.execute(
        f'CREATE TABLE paths (path text); ALTER TABLE "App".{EMBEDDING} ADD path text'
        " DEFAULT pg_catalog.current_setting('search_path'); "
        f'TRUNCATE "App".{EMBEDDING}, "App".{COLLECTION}'
    )
    client = make_client(DATABASE_URL=f"{two_schemas.url}?options=-csearch_path%3D%22App%22")
    answered(client.restore(**small_set))
    assert two_schemas.fetch(f'SELECT DISTINCT path FROM "App".{EMBEDDING}') == [('"App"',)]


# Options


def test_options_reach_the_server_and_ignored_ones_are_told(
    make_client: Callable[..., Client], database: TestDatabase, fill: Any
) -> None:
    fill(database)
    database.execute(
        f"CREATE TABLE seen (who text); CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS"
        f" 'BEGIN INSERT INTO public.seen VALUES (pg_catalog.current_setting(''application_name'')); RETURN NULL; END';"
        f"CREATE TRIGGER see AFTER TRUNCATE ON {EMBEDDING} EXECUTE FUNCTION see()"
    )
    options = "application_name=rag%20backup&target_session_attrs=read-write&connect_timeout=10&keepalives_idle=20"
    client = make_client(DATABASE_URL=database.url)
    url = f"{database.url}?{options}&pgbouncer=true&pool_timeout=20".replace("postgresql:", "postgresql+asyncpg:")
    saved = answered(client.backup(pg_conn=url))
    named = {"backup_path": saved["backup_directory"], "timestamp": saved["backup_timestamp"]}
    restored = answered(client.restore(**named, **REPLACE, pg_conn=url))
    compared = answered(client.post(f"{PREFIX}/compare", data=json.dumps({**named, "pg_conn": url})))
    for data in (saved, restored, compared):
        assert [
            word for word in ("pgbouncer", "pool_timeout") if not any(word in note for note in data["warnings"])
        ] == []
    assert ("rag backup",) in database.fetch("SELECT who FROM seen")


@pytest.mark.parametrize(
    ("option", "cause"),
    [
        ("target_session_attrs=standby", "SESSION_ATTRS"),
        ("channel_binding=require", "CHANNEL_BINDING"),
        ("options=endpoint%3Dep-cool-1", "OPTIONS"),
    ],
)
def test_a_server_that_is_not_what_the_string_asks_for_is_told_as_that(
    make_client: Callable[..., Client], database: TestDatabase, option: str, cause: str
) -> None:
    response = make_client().backup(pg_conn=f"{database.url}?{option}")
    assert failed(response)["cause"] == cause
    assert response.get_json()["data"]["can_retry"] is False


def test_a_password_that_must_be_encoded_is_hinted_at(
    make_client: Callable[..., Client], database: TestDatabase
) -> None:
    response = make_client().backup(pg_conn=f"postgresql://ann:se#cr/et?word@127.0.0.1:{database.server.port}/docs")
    assert failed(response) == {"status": 400, "error_type": "INVALID_PARAMS", "field": "pg_conn", "unencoded": True}
    assert "%23" in response.get_json()["data"]["response"]
    for piece in ("se#", "cr/", "word"):
        assert piece not in response.text
