"""Reading a connection string, and what may be said about it."""

from pathlib import Path
from typing import Any

import pytest

from common.errors import Forbidden, InvalidParams
from data_pipeline.postgres import target
from data_pipeline.postgres.target import Target

SECRET = "pa55-word"


def public(url: str) -> dict[str, Any]:
    return target.from_url(url, "pg_conn").public()


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg", "postgresql+psycopg2"])
def test_a_url_is_read_whichever_of_the_known_schemes_it_has(scheme: str) -> None:
    found = target.from_url(f"{scheme}://ann:{SECRET}@db.example.com:6543/docs", "pg_conn")
    assert found == Target("pg_conn", "db.example.com", 6543, "docs", "ann", SECRET)


def test_what_may_be_encoded_is_decoded() -> None:
    found = target.from_url("postgresql://a%40b:p%2Fw%3A%25@localhost/%E6%95%B0%E6%8D%AE", "pg_conn")
    assert (found.user, found.password, found.dbname) == ("a@b", "p/w:%", "数据")


def test_a_password_may_hold_an_unencoded_at_sign() -> None:
    found = target.from_url("postgresql://ann:p@ss@localhost/docs", "pg_conn")
    assert (found.host, found.password) == ("localhost", "p@ss")


def test_the_port_is_5432_and_the_database_is_named_like_the_user_unless_given() -> None:
    expected = {"host": "localhost", "port": 5432, "dbname": "ann", "user": "ann", "source": "pg_conn"}
    assert public("postgresql://ann@localhost") == expected
    assert public("postgresql://ann@localhost/") == expected


def test_an_ipv6_address_stands_in_brackets() -> None:
    assert public("postgresql://ann@[::1]:5433/docs")["host"] == "::1"


def test_sslmode_is_the_one_option() -> None:
    found = target.from_url("postgresql://ann@localhost/docs?sslmode=verify-full", "pg_conn")
    assert found.parameters()["sslmode"] == "verify-full"


URL = f"postgresql://ann:{SECRET}@localhost/docs"
REFUSED = {
    "nothing": "",
    "a word": SECRET,
    "another scheme": f"mysql://ann:{SECRET}@localhost/docs",
    "another driver": f"postgresql+asyncpg://ann:{SECRET}@localhost/docs",
    "a keyword string": f"host=localhost dbname=docs user=ann password={SECRET}",
    "one keyword": f"password={SECRET}",
    "service": f"{URL}?service=prod",
    "passfile": f"{URL}?passfile=/root/.pgpass",
    "options": f"{URL}?options=-csearch_path%3Devil",
    "hostaddr": f"{URL}?hostaddr=169.254.169.254",
    "sslkey": f"{URL}?sslkey=/etc/key",
    "sslcert": f"{URL}?sslcert=/etc/cert",
    "sslrootcert": f"{URL}?sslrootcert=/etc/cert",
    "sslkeylogfile": f"{URL}?sslkeylogfile=/tmp/keys",
    "a host among the options": f"{URL}?host=/tmp",
    "a database among the options": f"{URL}?dbname=other",
    "a wrong sslmode": f"{URL}?sslmode=maybe",
    "sslmode twice": f"{URL}?sslmode=disable&sslmode=require",
    "an empty option": f"{URL}?=",
    "an option in capitals": f"{URL}?SSLMODE=disable",
    "a fragment": f"{URL}#x",
    "a socket path": f"postgresql://ann:{SECRET}@%2Fvar%2Frun%2Fpostgresql/docs",
    "no host": "postgresql:///docs",
    "no host but a user": f"postgresql://ann:{SECRET}@/docs",
    "an abstract socket": f"postgresql://ann:{SECRET}@%40socket/docs",
    "two hosts": f"postgresql://ann:{SECRET}@localhost,evil.example.com/docs",
    "two hosts with ports": f"postgresql://ann:{SECRET}@localhost:5432,evil.example.com:5432/docs",
    "a URI as the database": "postgresql://ann@localhost/postgresql:%2F%2Fevil.example.com%2Fdocs",
    "keywords as the database": "postgresql://ann@localhost/host=evil.example.com",
    "encoded keywords as the database": "postgresql://ann@localhost/host%3Devil.example.com",
    "no database and no user": "postgresql://localhost",
    "a user that is keywords": "postgresql://host%3Devil@localhost",
    "a port that is no number": f"postgresql://ann:{SECRET}@localhost:port/docs",
    "port 0": f"postgresql://ann:{SECRET}@localhost:0/docs",
    "port 65536": f"postgresql://ann:{SECRET}@localhost:65536/docs",
    "an unclosed bracket": f"postgresql://ann:{SECRET}@[::1/docs",
    "no IPv6 address": f"postgresql://ann:{SECRET}@[localhost]/docs",
    "a NUL": f"postgresql://ann:{SECRET}%00@localhost/docs",
    "a space": f"postgresql://ann:{SECRET} x@localhost/docs",
    "a line break": f"{URL}\n",
    "bytes that are not UTF-8": f"postgresql://ann%FF:{SECRET}@localhost/docs",
    "a host that is not ASCII": f"postgresql://ann:{SECRET}@löcalhost/docs",
    "a name of 64 bytes": f"postgresql://ann:{SECRET}@localhost/{'x' * 64}",
    "3,000 characters": f"postgresql://ann:{SECRET}@localhost/{'x' * 3000}",
}


@pytest.mark.parametrize("url", REFUSED.values(), ids=REFUSED)
def test_anything_else_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(InvalidParams, match=r"^无效的pg_conn: ") as caught:
        target.from_url(url, "pg_conn")
    assert SECRET not in str(caught.value)
    assert caught.value.data == {"details": {"field": "pg_conn"}}
    assert caught.value.__cause__ is None


def test_a_password_is_neither_public_nor_in_the_repr() -> None:
    found = target.from_url(URL, "pg_conn")
    assert found.public() == {"host": "localhost", "port": 5432, "dbname": "docs", "user": "ann", "source": "pg_conn"}
    assert SECRET not in repr(found)


@pytest.mark.parametrize("host", ["/var/run/postgresql", "@abstract"])
def test_the_path_of_a_socket_is_not_public(host: str) -> None:
    assert Target("embedded", host, 5432, "docs", "ann").public()["host"] == "(unix socket)"


def test_parameters_leave_nothing_for_libpq_to_fill_in() -> None:
    parameters = target.from_url("postgresql://ann@localhost/docs", "pg_conn").parameters()
    assert parameters["password"] == ""
    assert parameters["hostaddr"] == parameters["options"] == ""
    assert parameters["passfile"] == parameters["sslcert"] != ""
    assert {"host", "port", "dbname", "user"} <= parameters.keys()


def test_what_a_mapping_leaves_open_is_the_default() -> None:
    assert target.from_mapping({"host": "db"}, "app_config") == Target(
        "app_config", "db", 5432, "postgres", "postgres", None
    )
    assert target.from_mapping({"user": "ann", "port": "6543"}, "app_config") == Target(
        "app_config", "localhost", 6543, "ann", "ann", None
    )


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.8.9.10", "::1", "db.example.com"])
def test_loopback_and_listed_hosts_are_allowed(host: str) -> None:
    target.allow(Target("pg_conn", host, 5432, "docs", "ann"), frozenset({"db.example.com"}))


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "10.0.0.1",
        "0.0.0.0",
        "example.com",
        "evil-db.example.com",
        "db.example.com.evil.com",
        "localhost.evil.com",
        "127.0.0.1.evil.com",
        "::",
        "fe80::1",
    ],
)
def test_any_other_host_is_forbidden(host: str) -> None:
    with pytest.raises(Forbidden) as caught:
        target.allow(Target("pg_conn", host, 5432, "docs", "ann"), frozenset({"db.example.com"}))
    assert caught.value.status == 403


def digest(url: str) -> str:
    return target.from_url(url, "pg_conn").digest


def test_one_database_has_one_digest_whoever_names_it() -> None:
    same = {
        digest("postgresql://ann@localhost/docs"),
        digest("postgres://bob:secret@127.0.0.1:5432/docs?sslmode=disable"),
        digest("postgresql://ann@[::1]/docs"),
        digest("postgresql://ann@LOCALHOST/docs"),
    }
    others = {
        digest("postgresql://ann@localhost/others"),
        digest("postgresql://ann@localhost:5433/docs"),
        digest("postgresql://ann@db.example.com/docs"),
    }
    assert len(same) == 1
    assert len(same | others) == 4


def test_a_socket_directory_has_one_digest_by_whatever_link_and_no_digest_shows_it(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "data")
    found = {
        Target("embedded", str(tmp_path / name), 5432, "docs", "postgres").digest for name in ("data", "link", "./data")
    }
    assert len(found) == 1
    assert found.pop().isalnum()
