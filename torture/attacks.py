"""Ways somebody would try to get in, each with the answers that keep him out."""

from dataclasses import dataclass

from torture.client import LOCATION, PREFIX, ROOT

# A backup_path: nothing but a plain path below the logical root is one.
PATHS = (
    *("..", "../", "/", "/etc", "//etc", "C:\\Windows", "c:/", "\\\\host\\share", "~", ".", "./", "file:///etc"),
    *(f"{LOCATION}/../../..", f"{LOCATION}/../../../etc", f"{ROOT}/../training_data_evil/vector_bak", f"{ROOT}/.."),
    *(f"{ROOT}_evil/vector_bak", f"{ROOT}/%2e%2e/evil", f"{ROOT}/%252e%252e/evil", f"{ROOT}/..%2fevil"),
    *(f"{ROOT}/..%c0%af..", f"{ROOT}/vector_bak\0", f"{ROOT}/vector_bak\0/../../etc"),
    *(f"{ROOT}/./vector_bak", f"{ROOT}//vector_bak", f"/{ROOT}/vector_bak", f"{ROOT}/vector_bak/.", f"{ROOT}/ "),
    *(
        f"{ROOT}/vector_bak\n",
        f"{ROOT}/..\\evil",
        f"{ROOT}/vector_bak:stream",
        f"{ROOT}/{'a' * 5000}",
        ROOT,
        f"{ROOT}/",
    ),
    *(f"{ROOT}/{'../' * 40}etc/passwd", f"{ROOT}/task_1/../../evil", f"{ROOT}/...", f"{ROOT}/con\\nul", "\ud800"),
)
TIMESTAMPS = (
    *("", "x", "../../../etc", "20240101_00000", "20240101_0000000", "２０２４０１０１_000000", "20240101_000000\n"),
    *("20240101_000000/..", "20240101_000000.csv", "%", "*", "20240101_000000\0", "20240101-000000"),
)
TASK_IDS = ("..", "../evil", "task_1/..", "task_1\n", "task_1\0", "táche", "任务", "a b", "-", "task_1%00", "x" * 300)

# A pg_conn: {} stands for user:password@, so that each of them carries the secret.
OPTIONS = (
    *("service=x", "passfile=/etc/passwd", "options=-c%20work_mem%3D1GB", "hostaddr=10.0.0.1", "sslkey=/etc/shadow"),
    *("sslcert=/etc/passwd", "sslrootcert=/etc/passwd", "sslkeylogfile=/tmp/x", "host=/var/run", "host=10.0.0.1"),
    *("port=1", "dbname=x", "user=x", "application_name=%00", "target_session_attrs=x", "sslmode=bogus", "sslmode="),
    *(
        "sslmode=disable&sslmode=require",
        "requiressl=1",
        "krbsrvname=x",
        "replication=database",
        "load_balance_hosts=x",
    ),
)
PG_CONNS = (
    *(f"postgresql://{{}}127.0.0.1/db?{option}" for option in OPTIONS),
    *(
        "postgresql://{}%2Fvar%2Frun%2Fpostgresql/db",
        "postgresql:///db?host=/tmp",
        "postgresql://{}/db",
        "postgresql://",
    ),
    *(
        "postgresql://{}127.0.0.1,10.0.0.1/db",
        "postgresql://{}127.0.0.1:5432,127.0.0.1:5433/db",
        "postgresql://{}@/tmp",
    ),
    *("postgresql://{}127.0.0.1/postgresql://evil/db", "postgresql://{}127.0.0.1/host=evil%20dbname=x"),
    *("postgresql://{}127.0.0.1/db%20host=evil", "postgresql://{}127.0.0.1/db?#x", "postgresql://{}127.0.0.1:0/db"),
    *("postgresql://{}127.0.0.1:99999/db", "postgresql://{}127.0.0.1:-1/db", "postgresql://{}127.0.0.1:x/db"),
    *("host=127.0.0.1 password={} dbname=x", "mysql://{}127.0.0.1/db", "http://{}127.0.0.1/", "file:///etc/passwd"),
    *("postgresql+pg8000://{}127.0.0.1/db", "POSTGRESQL ://{}x", "postgresql://{}127.0.0.1/db\nhost=x", "jdbc:{}x"),
    *("postgresql://{}127.0.0.1/db\0", "postgresql://{}[::1/db", "postgresql://{}@@h/db"),
    *(
        "postgresql://{}\ud800/db",
        "postgresql://%ff:{}127.0.0.1/db",
        "postgresql://{}127.0.0.1/%00",
        "{}",
        "postgresql:{}",
    ),
    *("postgresql://{}127.0.0.1/" + "d" * 100, "postgresql://{}" + "h" * 3000 + "/db", "postgresql://{}127.0.0.1/?a=b"),
)
# Well formed, but nobody has allowed these hosts.
FOREIGN_HOSTS = (
    *("169.254.169.254", "10.0.0.1", "192.168.0.1", "example.com", "0.0.0.0", "[fd00::1]", "metadata.google.internal"),
    *(
        "127.0.0.1.example.com",
        "localhost.example.com",
        "2130706433",
        "0x7f000001",
        "017700000001",
        "[::ffff:10.0.0.1]",
    ),
)


@dataclass(frozen=True)
class Attack:
    """A request, and the statuses that keep it out."""

    method: str
    path: str
    body: dict[str, object] | None
    refused: tuple[int, ...]
    headers: tuple[tuple[str, str], ...] = ()
    seconds: float = 5.0
    """Until when the answer must have come."""


def all_attacks(password: str, timestamp: str, links: tuple[str, ...], ports: tuple[int, int]) -> list[Attack]:
    """Every attack once. `links`: timestamps and places that lead outside; ports: a trap's and a black hole's."""
    return [
        *_on_paths(timestamp),
        *_on_links(links),
        *_on_connections(password, timestamp, ports),
        *_on_doors(timestamp),
    ]


def _restore(path: object, timestamp: object, **more: object) -> dict[str, object]:
    return {"backup_path": path, "timestamp": timestamp, "truncate_before_restore": True, **more}


def _on_paths(timestamp: str) -> list[Attack]:
    restore, backup, show = f"{PREFIX}/restore", f"{PREFIX}/backup", f"{PREFIX}/backups"
    encoded = (
        "..",
        "%2e%2e",
        "%2e%2e%2fetc",
        "..%2f..%2fetc",
        "%252e%252e",
        "a%00",
        "%5c..",
        "%ff",
        "a%0a",
        "task_1%2f..",
    )
    return [
        *(Attack("POST", restore, _restore(path, timestamp), (400,)) for path in PATHS),
        *(Attack("POST", restore, _restore(LOCATION, moment), (400,)) for moment in TIMESTAMPS),
        *(Attack("POST", backup, {"task_id": task}, (400,)) for task in TASK_IDS),
        *(
            Attack(method, f"{show}/{part}/{timestamp}", None, (400, 404, 405))
            for part in encoded
            for method in ("GET", "DELETE")
        ),
        *(Attack("GET", f"{show}/global/{part}", None, (400, 404)) for part in encoded),
        *(Attack("GET", f"{PREFIX}/restore/list?task_id={part}", None, (400,)) for part in encoded),
        *(Attack("GET", f"/openapi/{part}", None, (400, 404)) for part in encoded),
        *(Attack("GET", f"/openapi/swagger/{part}", None, (400, 404)) for part in ("../../etc/passwd", *encoded)),
    ]


def _on_links(links: tuple[str, ...]) -> list[Attack]:
    """Links, FIFOs and devices in the place of a set's files: noticed at once, never followed."""
    tables = [
        ["langchain_pg_embedding"],
        ["langchain_pg_collection"],
        ["langchain_pg_collection", "langchain_pg_embedding"],
    ]
    return [
        Attack("POST", f"{PREFIX}/restore", _restore(path, timestamp, tables=chosen), (404, 422), seconds=1.5)
        for path, _, timestamp in (place.rpartition("/") for place in links)
        for chosen in tables
    ]


def _on_connections(password: str, timestamp: str, ports: tuple[int, int]) -> list[Attack]:
    user = f"somebody:{password}@"
    named: list[tuple[str, tuple[int, ...]]] = [(url.replace("{}", user), (400, 403)) for url in PG_CONNS]
    named += [(f"postgresql://{user}{host}/db", (400, 403)) for host in FOREIGN_HOSTS]
    named += [
        (f"postgresql://{user}127.0.0.1:1/db", (500,)),
        (f"postgresql://somebody@127.0.0.1:{ports[0]}/db", (500,)),
    ]
    attacks = [
        Attack("POST", f"{PREFIX}/backup", {field: url}, refused)
        for url, refused in named
        for field in ("pg_conn", "db_connection")
    ]
    attacks += [
        Attack("POST", f"{PREFIX}/restore", _restore(LOCATION, timestamp, pg_conn=url), refused)
        for url, refused in named
    ]
    hole = f"postgresql://{user}127.0.0.1:{ports[1]}/db"
    return [*attacks, Attack("POST", f"{PREFIX}/backup", {"pg_conn": hole}, (500,), seconds=8.0)]


def _on_doors(timestamp: str) -> list[Attack]:
    """Browsers of other sites, names that were rebound, and callers without the right token."""
    listing, backup = f"{PREFIX}/restore/list", f"{PREFIX}/backup"
    strangers = [
        *((("Host", host),) for host in ("evil.example", "evil.example:8084", "127.0.0.1.evil.example", "10.0.0.1")),
        *((("Origin", origin),) for origin in ("https://evil.example", "null", "http://localhost.evil.example")),
        (("Sec-Fetch-Site", "cross-site"),),
    ]
    wrong = ("", "Bearer", "Bearer ", "Bearer x", "Basic eDp4", "bearer null", "Bearer é", "Bearer " + "x" * 4000)
    tokens = [(("Authorization", value),) for value in wrong]
    of_set = f"{PREFIX}/backups/global/{timestamp}"
    guarded = [("GET", listing), ("POST", backup), ("DELETE", of_set), ("GET", of_set), ("GET", "/metrics")]
    return [
        *(Attack(method, path, None, (403,), headers) for method, path in guarded for headers in strangers),
        *(Attack(method, path, None, (401, 429), headers) for method, path in guarded for headers in tokens),
    ]
