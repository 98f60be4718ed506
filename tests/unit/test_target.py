"""A target: what libpq is told, which hosts are allowed, and what may be said about it."""

from pathlib import Path

import pytest

from common.errors import Forbidden
from data_pipeline.postgres import target
from data_pipeline.postgres.connection_url import from_url
from data_pipeline.postgres.target import Target

SECRET = "pa55-word"
URL = f"postgresql://ann:{SECRET}@localhost/docs"


def test_a_password_is_neither_public_nor_in_the_repr() -> None:
    found = from_url(URL, "pg_conn")
    assert found.public() == {"host": "localhost", "port": 5432, "dbname": "docs", "user": "ann", "source": "pg_conn"}
    assert SECRET not in repr(found)


@pytest.mark.parametrize("host", ["/var/run/postgresql", "@abstract"])
def test_the_path_of_a_socket_is_not_public(host: str) -> None:
    assert Target("embedded", host, 5432, "docs", "ann").public()["host"] == "(unix socket)"


def test_parameters_leave_nothing_for_libpq_to_fill_in() -> None:
    parameters = from_url("postgresql://ann@localhost/docs", "pg_conn").parameters()
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
    return from_url(url, "pg_conn").digest


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
