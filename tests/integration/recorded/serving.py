"""Scenes around the work: tokens and sessions, jobs, transfers, operations, bugs."""

import io
import tarfile
import time
from typing import Any

from tests.integration.recorded.recorder import Form, Recorder, World
from tests.integration.recorded.sets import EMBEDDING, GOOD, files, named

TOKEN, READ_TOKEN = "the-token-that-may-write", "the-token-that-may-read"
PAGES = ("//", "//panel/main.js", "//panel/nothing.js", "//openapi/", "//openapi/explorer/start.js")
CROSS = {"Origin": "http://evil.example"}
SET = f"/backups/global/{GOOD}"


def operations(world: World) -> Recorder:
    """Health, settings, pages, metrics, a bug."""
    call = world.recorder()
    for path in ("//healthz", "//readyz", "/settings", "/session", *PAGES):
        call(f"GET {path}", f"GET {path}")
    call("no token to sign in with", "POST /session", {"token": "anything"})
    metrics = call.client.get("/metrics").text
    call.keep("metrics", sorted({line.split(" ")[2] for line in metrics.splitlines() if line.startswith("# TYPE")}))
    broken = world.plain_client()
    rules = {rule.rule: rule.endpoint for rule in broken.application.url_map.iter_rules()}
    for request in ("GET /restore/list", "POST /restore", "POST /backup", "GET //healthz", f"GET {SET}/download"):
        path = request.partition(" ")[2]
        pattern = path[1:] if path.startswith("//") else f"/api/v0/data_pipeline/vector{path}"
        endpoint = rules[pattern.replace(SET, "/backups/<location>/<timestamp>")]
        broken.application.view_functions[endpoint] = _fail
        call(f"bug: {request}", request, named() if "POST /restore" in request else None, client=broken)
    away = world.plain_client(JOBS_DATABASE_URL="postgresql://postgres@127.0.0.1:1/x")
    for request in ("GET /jobs", "GET //readyz", "POST /backup"):
        call(f"no queue: {request}", request, {"async": True} if "POST" in request else None, client=away)
    return call


def _fail(**_given: Any) -> Any:
    raise RuntimeError("a bug")


def tokens(world: World) -> Recorder:
    """Who may do what, and how a browser signs in."""
    call = world.recorder(API_TOKEN=TOKEN, API_READ_TOKEN=READ_TOKEN, CORS_ORIGINS="http://good.example")
    world.write(files())
    for who, token in {"nobody": "", "reader": READ_TOKEN, "writer": TOKEN, "guesser": "wrong"}.items():
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        for request in (
            "GET /restore/list",
            f"POST {SET}/verify",
            f"GET {SET}/download",
            "POST /backup",
            "GET //healthz",
        ):
            if (who, request) not in {("writer", f"GET {SET}/download"), ("writer", "POST /backup")}:
                call(f"{who}: {request}", request, headers=headers)
    call("cross-site", "POST /backup", headers=CROSS)
    call("wrong host", "GET //healthz", headers={"Host": "evil.example"})
    preflight = {"Origin": "http://good.example", "Access-Control-Request-Method": "POST"}
    call("preflight", "OPTIONS /backup", headers=preflight)
    call("not signed in", "GET /session")
    call("sign in", "POST /session", {"token": TOKEN})
    session = call("signed in", "GET /session")
    call("no csrf token", f"POST {SET}/verify")
    call("csrf token", f"POST {SET}/verify", headers={"X-CSRF-Token": session["csrf_token"]})
    call("sign out", "DELETE /session")
    call("signed out", "GET /session")
    for number in range(11):
        call.client.post("/api/v0/data_pipeline/vector/session", json={"token": f"guess {number}"})
    call("guessed too often", "POST /session", {"token": "guess"})
    return call


def transfers(world: World) -> Recorder:
    """Downloads and uploads."""
    call = world.recorder()
    world.write(files())
    tar = call("download", f"GET {SET}/download")
    call("download: range", f"GET {SET}/download", headers={"Range": "bytes=0-511"})
    call("download: behind the end", f"GET {SET}/download", headers={"Range": "bytes=999999-"})
    call("download: none", "GET /backups/global/20010101_999999/download")
    with tarfile.open(fileobj=io.BytesIO(tar)) as members:
        call.keep("tar", [(member.name, member.size, oct(member.mode)) for member in members])
    (world.directory / "task_up").mkdir()
    call("upload", "POST /backups/upload?task_id=task_up", tar)
    call("upload: twice", "POST /backups/upload?task_id=task_up", tar)
    call("upload: no such task", "POST /backups/upload?task_id=task_none", tar)
    call("upload: no tar", "POST /backups/upload?task_id=task_up", b"x" * 1024)
    call("upload: cut", "POST /backups/upload?task_id=task_up", tar[:700])
    call("upload: form", "POST /backups/upload", Form(files(stamp="20010101_000004")))
    call("upload: one file", "POST /backups/upload", Form({f"{EMBEDDING}_20010101_000005.csv": b""}))
    bad = files(embeddings="id,collection_id,embedding,document,cmetadata\nx\n", stamp="20010101_000006")
    call("upload: damaged", "POST /backups/upload", Form(bad))
    call("list: uploaded", "GET /restore/list")
    return call


def jobs(world: World) -> Recorder:
    """Jobs that end well, badly, by being cancelled, and what is refused meanwhile."""
    call = world.recorder(JOBS_DATABASE_URL=world.databases["jobs"].url)
    world.write(files())
    given = call("submit: backup", "POST /backup", {"async": True}, headers={"Idempotency-Key": "once"})
    call.ended(given["job_id"])
    call("done: backup", f"GET /jobs/{given['job_id']}")
    call("events", f"GET /jobs/{given['job_id']}/events")
    call("cancel: too late", f"POST /jobs/{given['job_id']}/cancel")
    call("key again", "POST /backup", {"async": True}, headers={"Idempotency-Key": "once"})
    call("key with another body", "POST /backup", {"async": True, "probes": 1}, headers={"Idempotency-Key": "once"})
    given = call("submit: append", "POST /restore", {**named(), "async": True})
    call.ended(given["job_id"])
    call("failed: append", f"GET /jobs/{given['job_id']}")
    call("refused at once", "POST /restore", {**named("20010101_999999"), "async": True})
    _while_one_waits(call, world)
    call("list", "GET /jobs")
    call("list: page", "GET /jobs?limit=2&state=SUCCEEDED")
    call("list: by request", "GET /jobs?request_id=done:-nothing")
    call.client.application.extensions["jobs"].close()
    return call


def _while_one_waits(call: Recorder, world: World) -> None:
    """A job that waits for a table holds the writer lock; another one waits behind it."""
    holder = world.databases["main"].connect()
    holder.cursor().execute(f"LOCK TABLE {EMBEDDING} IN ACCESS SHARE MODE")
    body = {**named(truncate_before_restore=True), "async": True}
    first = call("submit: replace", "POST /restore", body)
    second = call("submit: waits", "POST /restore", body)
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    deadline = time.monotonic() + 60
    while world.databases["main"].fetch(waiting) == [(0,)]:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    call("another writer", "POST /restore", named(truncate_before_restore=True))
    call("delete while it is read", f"DELETE {SET}")
    call("cancel: waiting", f"POST /jobs/{second['job_id']}/cancel")
    call("cancel: running", f"POST /jobs/{first['job_id']}/cancel")
    call.ended(first["job_id"])
    call("cancelled", f"GET /jobs/{first['job_id']}")
    quick = world.plain_client(PG_LOCK_TIMEOUT="1")
    call("lock timeout", "POST /restore", named(truncate_before_restore=True), client=quick)
    holder.rollback()
