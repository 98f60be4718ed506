"""Reading a database URL as providers give it; what is refused, and how that is said without repeating it."""

from typing import Any

import pytest

from common.errors import InvalidParams
from data_pipeline.postgres.connection_url import SCHEMES, from_url
from data_pipeline.postgres.target import KEEPALIVES, Defaults, Target

SECRET = "pa55-word"
CA = "/etc/ssl/ca.pem"


def public(url: str) -> dict[str, Any]:
    return from_url(url, "pg_conn").public()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_url_is_read_whichever_of_the_known_schemes_it_has(scheme: str) -> None:
    found = from_url(f"{scheme}://ann:{SECRET}@db.example.com:6543/docs", "pg_conn")
    assert found == Target("pg_conn", "db.example.com", 6543, "docs", "ann", SECRET)


def test_what_may_be_encoded_is_decoded() -> None:
    found = from_url("postgresql://a%40b:p%2Fw%3A%25@localhost/%E6%95%B0%E6%8D%AE", "pg_conn")
    assert (found.user, found.password, found.dbname) == ("a@b", "p/w:%", "数据")


def test_a_password_may_hold_an_unencoded_at_sign() -> None:
    found = from_url("postgresql://ann:p@ss@localhost/docs", "pg_conn")
    assert (found.host, found.password) == ("localhost", "p@ss")


def test_the_port_is_5432_and_the_database_is_named_like_the_user_unless_given() -> None:
    expected = {"host": "localhost", "port": 5432, "dbname": "ann", "user": "ann", "source": "pg_conn"}
    assert public("postgresql://ann@localhost") == expected
    assert public("postgresql://ann@localhost/") == expected


def test_an_ipv6_address_stands_in_brackets() -> None:
    assert public("postgresql://ann@[::1]:5433/docs")["host"] == "::1"


URL = f"postgresql://ann:{SECRET}@localhost/docs"
REFUSED = {
    "nothing": "",
    "a word": SECRET,
    "another scheme": f"mysql://ann:{SECRET}@localhost/docs",
    "another driver": f"postgresql+pg8000://ann:{SECRET}@localhost/docs",
    "a keyword string": f"host=localhost dbname=docs user=ann password={SECRET}",
    "one keyword": f"password={SECRET}",
    "service": f"{URL}?service=prod",
    "passfile": f"{URL}?passfile=/root/.pgpass",
    "settings for the server": f"{URL}?options=-csession_preload_libraries%3Devil",
    "settings behind a search path": f"{URL}?options=-csearch_path%3Dapp%20-crow_security%3Don",
    "settings in a search path": f"{URL}?options=-csearch_path%3Dapp%5C%20-crow_security%3Don",
    "a path with a comma behind it": f"{URL}?options=-csearch_path%3Dapp,",
    "a path whose quotes stay open": f"{URL}?options=-csearch_path%3D%22app",
    "a path with a quote in it": f"{URL}?options=-csearch_path%3Dap%22p",
    "a path of two schemas": f"{URL}?options=-csearch_path%3Dapp,public",
    "a path that depends on the user": f"{URL}?options=-csearch_path%3D%22%24user%22",
    "no options": f"{URL}?options=",
    "another endpoint than Neon has": f"{URL}?options=endpoint%3DEvil!",
    "two schemas": f"{URL}?schema=app&options=-csearch_path%3Dother",
    "a schema without a name": f"{URL}?schema=",
    "a schema of 64 bytes": f"{URL}?schema={'x' * 64}",
    "a schema with a line break": f"{URL}?schema=a%0Ab",
    "channel_binding": f"{URL}?channel_binding=maybe",
    "target_session_attrs": f"{URL}?target_session_attrs=best",
    "no time to connect": f"{URL}?connect_timeout=0",
    "two hours to connect": f"{URL}?connect_timeout=7200",
    "time in other digits": f"{URL}?connect_timeout=%D9%A5",
    "no keepalives": f"{URL}?keepalives=0",
    "keepalives after an hour": f"{URL}?keepalives_idle=3600",
    "a long application_name": f"{URL}?application_name={'x' * 64}",
    "an application_name of two lines": f"{URL}?application_name=a%0Ab",
    "thirty-three options": f"{URL}?{'&'.join(f'pool_{n}=1' for n in range(33))}",
    "an option that is not UTF-8": f"{URL}?application_name=%FF",
    "ssl, which is asyncpg's": f"{URL}?ssl=require",
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
    "no user": "postgresql://localhost/docs",
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
        from_url(url, "pg_conn")
    assert SECRET not in str(caught.value)
    details = caught.value.data["details"]
    assert (details["field"], details.keys() <= {"field", "option", "unencoded"}) == ("pg_conn", True)
    assert SECRET not in str(details)
    assert caught.value.__cause__ is None


def test_every_scheme_of_sqlalchemys_drivers_is_known() -> None:
    drivers = ("psycopg", "psycopg2", "psycopg_async", "asyncpg")
    assert set(SCHEMES) == {"postgresql", "postgres", *(f"postgresql+{driver}" for driver in drivers)}


# As providers' pages give them. Each with what libpq is told beyond the place, the schema, and what is ignored.
PROVIDERS: dict[str, tuple[str, dict[str, str], str, int]] = {
    "Neon": (
        "postgresql://ann:pw@ep-cool-darkness-123456-pooler.us-east-2.aws.neon.tech/neondb"
        "?sslmode=require&channel_binding=require",
        {"sslmode": "require", "channel_binding": "require"},
        "public",
        0,
    ),
    "Neon without SNI": (
        "postgresql://ann:pw@ep-cool-darkness-123456.us-east-2.aws.neon.tech/neondb"
        "?options=endpoint%3Dep-cool-darkness-123456&sslmode=require",
        {"options": "endpoint=ep-cool-darkness-123456", "sslmode": "require"},
        "public",
        0,
    ),
    "Neon for asyncpg": (
        "postgresql+asyncpg://ann:pw@ep-x.us-east-2.aws.neon.tech/neondb?ssl=require&statement_cache_size=0",
        {"sslmode": "require"},
        "public",
        1,
    ),
    "RDS": (
        "postgresql://ann:pw@mydb.123456789012.us-east-1.rds.amazonaws.com:5432/docs"
        "?sslmode=verify-full&connect_timeout=10&application_name=rag%20backup",
        {"sslmode": "verify-full", "connect_timeout": "10", "application_name": "rag backup"},
        "public",
        0,
    ),
    "Azure": (
        "postgresql+psycopg_async://ann%40myserver:pw@myserver.postgres.database.azure.com:5432/docs"
        "?sslmode=require&target_session_attrs=read-write",
        {"sslmode": "require", "target_session_attrs": "read-write"},
        "public",
        0,
    ),
    "Supabase, its pooler": (
        "postgres://postgres.abcdefgh:pw@aws-0-eu-central-1.pooler.supabase.com:6543/postgres"
        "?pgbouncer=true&connection_limit=1&sslmode=require&supa=base-pooler.x",
        {"sslmode": "require"},
        "public",
        3,
    ),
    "Prisma": (
        "postgresql://ann:pw@localhost:5432/docs?schema=App&pool_timeout=20&pool_size=5",
        {},
        "App",
        2,
    ),
    "a search path": (
        "postgresql://ann:pw@localhost/docs?options=-csearch_path%3DApp",
        {"options": "-csearch_path=App"},
        "app",
        0,
    ),
    "a search path with a space, quoted": (
        "postgresql://ann:pw@localhost/docs?options=-c%20search_path%3D%22App%22",
        {"options": '-csearch_path="App"'},
        "App",
        0,
    ),
    "keepalives": (
        "postgresql://ann:pw@localhost/docs?keepalives=1&keepalives_idle=5&keepalives_interval=2&keepalives_count=2",
        {"keepalives": "1", "keepalives_idle": "5", "keepalives_interval": "2", "keepalives_count": "2"},
        "public",
        0,
    ),
}


@pytest.mark.parametrize(("url", "extra", "schema", "ignored"), PROVIDERS.values(), ids=PROVIDERS)
def test_the_strings_of_providers_are_read_as_they_are(
    url: str, extra: dict[str, str], schema: str, ignored: int
) -> None:
    found = from_url(url, "pg_conn")
    assert (dict(found.extra), found.schema, len(found.notes)) == (extra, schema, ignored)
    assert found.parameters() | extra == found.parameters()
    assert found.elsewhere is (schema != "public")


def test_what_a_url_leaves_open_of_keepalives_is_ours() -> None:
    found = from_url("postgresql://ann@localhost/docs?keepalives_idle=5", "pg_conn").parameters()
    assert {name: found[name] for name in KEEPALIVES} == KEEPALIVES | {"keepalives_idle": "5"}


def test_an_ignored_option_is_noted_by_its_name_and_without_its_value() -> None:
    (note,) = from_url(f"postgresql://ann@localhost/docs?pool_mode={SECRET}", "pg_conn").notes
    assert "pool_mode" in note
    assert SECRET not in note


NAMED = ["service", "passfile", "hostaddr", "sslkey", "sslcert", "sslrootcert", "sslkeylogfile", "host", "dbname"]
NAMED += ["user", "password", "sslpassword", "sslcrl", "gssencmode", "krbsrvname", "tcp_user_timeout", "SSLMODE"]


@pytest.mark.parametrize("name", [*NAMED, "options", "schema", "connect_timeout", "keepalives"])
def test_what_is_refused_is_named(name: str) -> None:
    with pytest.raises(InvalidParams) as caught:
        from_url(f"postgresql://ann@localhost/docs?{name}=%00", "pg_conn")
    assert caught.value.data == {"details": {"field": "pg_conn", "option": name}}
    assert name in caught.value.response or name == "schema"


UNENCODED = [
    "pa#55-word",
    "pa/55-word",
    "pa?55-word",
    "pa[55-word",
    "pa]55-word",
    "pa[55]-word",
    "1#55",
    "1/55",
    "1?a=55",
]


@pytest.mark.parametrize("password", UNENCODED)
@pytest.mark.parametrize("source", ["pg_conn", "config"])
def test_what_ends_a_password_too_early_is_hinted_at_without_repeating_it(password: str, source: str) -> None:
    with pytest.raises(InvalidParams) as caught:
        from_url(f"postgresql://ann:{password}@db.example.com/docs", source)
    assert caught.value.data == {"details": {"field": "pg_conn", "unencoded": True}}
    assert "%23" in caught.value.response
    assert "55" not in caught.value.response.replace("%5B", "").replace("%5D", "")


def test_an_at_sign_where_it_means_itself_is_no_mistake() -> None:
    found = from_url("postgresql://ann@localhost/docs?application_name=me@work", "pg_conn")
    assert dict(found.extra) == {"application_name": "me@work"}


# What only the operator may say

SOCKETS = {
    "Cloud SQL": (
        "postgresql+psycopg2://ann:pw@/docs?host=/cloudsql/project:eu-west1:Vectors",
        "project:eu-west1:Vectors",
    ),
    "psql": ("postgresql:///docs?host=/cloudsql/Vectors&sslmode=disable", "Vectors"),
    "encoded": ("postgresql://ann:pw@%2Fcloudsql%2FVectors/docs", "Vectors"),
    "with a port": ("postgresql://ann:pw@%2fcloudsql%2FVectors:5433/docs", "Vectors"),
}


@pytest.mark.parametrize(("url", "name"), SOCKETS.values(), ids=SOCKETS)
@pytest.mark.parametrize("source", ["config", "target", "jobs"])
def test_the_operator_may_name_the_directory_of_a_socket(url: str, name: str, source: str) -> None:
    found = from_url(url, source)
    assert (found.host, found.dbname) == (f"/cloudsql/{name}", "docs")
    assert found.public()["host"] == "(unix socket)"
    with pytest.raises(InvalidParams):
        from_url(url, "pg_conn")


@pytest.mark.parametrize(
    "host", ["tmp", "/a,/b", "/a%00b", "@abstract", f"/{'x' * 92}", "db.example.com", "localhost,evil.example.com", ""]
)
def test_another_host_among_the_options_is_refused_to_the_operator_too(host: str) -> None:
    with pytest.raises(InvalidParams) as caught:
        from_url(f"postgresql://ann@/docs?host={host}", "config")
    assert caught.value.data["details"].get("option", "host") == "host"
    with pytest.raises(InvalidParams):
        from_url("postgresql://ann@localhost/docs?host=/tmp", "config")


def test_certificates_are_given_where_they_are_looked_at() -> None:
    defaults = Defaults(ssl_root_cert=CA)
    for mode, expected in {
        "verify-full": CA,
        "verify-ca": CA,
        "require": None,
        "prefer": None,
        "disable": None,
    }.items():
        found = from_url(f"postgresql://ann@localhost/docs?sslmode={mode}", "pg_conn", defaults)
        assert found.parameters().get("sslrootcert") == expected
    own = from_url("postgresql://ann@localhost/docs?sslmode=require", "target", defaults, sslrootcert="/own.pem")
    assert own.parameters()["sslrootcert"] == "/own.pem"
    own = from_url("postgresql://ann@localhost/docs?sslmode=verify-ca&sslrootcert=/own.pem", "config", defaults)
    assert own.parameters()["sslrootcert"] == "/own.pem"


@pytest.mark.parametrize("query", ["", "?sslmode=prefer", "?sslmode=disable"])
def test_certificates_that_nothing_would_look_at_are_refused(query: str) -> None:
    with pytest.raises(InvalidParams, match="sslrootcert"):
        from_url(f"postgresql://ann@localhost/docs{query}", "target", sslrootcert=CA)


def test_a_schema_may_stand_beside_the_url_and_the_default_is_the_services() -> None:
    defaults = Defaults(schema="rag")
    url = "postgresql://ann@localhost/docs"
    assert [
        (found.schema, found.public().get("schema"))
        for found in (
            from_url(url, "target", defaults),
            from_url(url, "target", defaults, schema="app"),
            from_url(f"{url}?schema=app", "pg_conn", defaults),
            from_url(f"{url}?schema=public", "pg_conn", defaults),
            from_url(f"{url}?schema=rag", "pg_conn", defaults),
        )
    ] == [("rag", None), ("app", "app"), ("app", "app"), ("public", "public"), ("rag", None)]
    with pytest.raises(InvalidParams):
        from_url(f"{url}?schema=other", "target", defaults, schema="app")
