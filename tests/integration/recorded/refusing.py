"""Scenes of what is refused: requests that make no sense, damaged sets, databases that say no."""

import json
from typing import Any

from tests.integration.recorded.recorder import Recorder, World
from tests.integration.recorded.sets import COLLECTION, DAMAGED, EMBEDDING, files, named, stamp_of

CLASHES: dict[str, dict[str, Any]] = {
    "atomic": {"atomic": False},
    "collection_suffix": {"collection_suffix": "_2"},
    "on_conflict": {"on_conflict": "skip"},
    "strategy": {"strategy": "sync"},
    "tables": {"tables": [EMBEDDING]},
    "truncate": {"truncate_before_restore": True},
}
BAD_FIELDS: dict[str, Any] = {
    "backup_path": [
        "",
        "../..",
        "/etc",
        "./elsewhere/vector_bak",
        "nowhere:./data_pipeline/training_data/vector_bak",
        1,
    ],
    "timestamp": ["20010101", "20010101_00000a", "20010101_999999", None],
    "tables": [[], ["pg_class"], [EMBEDDING, EMBEDDING], EMBEDDING],
    "pg_conn": ["nowhere", "postgresql://a:secret-word@db.example/x", "mysql://a@b/c", ""],
    "truncate_before_restore": ["false", 1],
    "strategy": ["prune"],
    "on_conflict": ["ignore"],
    "collections": [[], ["a", "a"], ["a\0"], [1]],
    "collection_suffix": ["", "a\0", "x" * 1025],
    "no_such_field": [True],
}
BAD_BODIES = (b"{", b"[]", b"null", b'"x"', b'{"a": 1, "a": 2}', b"\xff", b"")
BAD_BACKUPS: tuple[dict[str, Any], ...] = (
    {"task_id": "a/b"},
    {"format": "parquet"},
    {"probes": 101},
    {"probes": -1},
    {"probes": "1"},
    {"storages": []},
    {"storages": ["local", "local"]},
    {"storages": ["nowhere"]},
    {"pg_conn": "a", "db_connection": "b"},
    {"collections": ["a"], "truncate_vector_tables": True},
    {"no_such_field": 1},
)
BAD_COMPARES: tuple[dict[str, Any], ...] = (
    {},
    named("20010101_999999"),
    named(collections=[]),
    {**named(), "with": {}},
    {**named(), "with": named("20010101_999999")},
    {**named(), "with": {**named(), "more": 1}},
    named(dry_run=True),
)
BAD_PATHS = (
    *("GET //nothing", "GET /nothing", "PUT /restore", "DELETE /backup", "GET /restore", "HEAD /restore/list"),
    *("GET /restore/list?nothing=1", "GET /restore/list?storage=", "GET /restore/list?task_id=a&task_id=b"),
    *(
        "GET /tables?target=nowhere",
        "GET /tables?target=postgresql://user:password@host/db",
        "GET /jobs?state=DONE",
        "GET /jobs?limit=0",
        "GET /jobs?limit=201",
        "GET /jobs?after=x",
        "GET /jobs?request_id=%20",
    ),
    *("GET /jobs/x", "GET /jobs/00000000000000000000000000000000", "POST /jobs/x/cancel", "GET /jobs/x/events"),
    *("GET /backups/global/2001", "GET /backups/a-b/20010101_000000", "DELETE /backups/global/20010101_999999"),
    *("POST /backups/nowhere/20010101_000000/verify", "GET /backups/global/20010101_000000/download?storage=x"),
    *("POST /backups/global/20010101_000000/copy", "POST /backups/upload?task_id=a-b", "POST /backups/upload"),
)
# What a trigger raises while a row is written, and so the answer for that kind of failure.
SQLSTATES = ("53100", "55P03", "57014", "42501", "57P01", "23514", "0A000", "25006", "P0001")


def requests(world: World) -> Recorder:
    """Wrong fields, clashes, bodies and paths."""
    call = world.recorder(TARGETS='{"main": "postgresql://postgres@127.0.0.1:1/x"}')
    world.write(files())
    for path in ("/restore", "/backup", "/compare"):
        for number, body in enumerate(BAD_BODIES):
            if body or path != "/backup":
                call(f"{path}: body {number}", f"POST {path}", body)
    call("restore: two missing", "POST /restore", {"tables": [EMBEDDING]})
    for name, values in BAD_FIELDS.items():
        for number, value in enumerate(values):
            call(f"restore: {name} {number}", "POST /restore", {**named(), name: value})
    for first in CLASHES:
        for second in list(CLASHES)[list(CLASHES).index(first) + 1 :]:
            clash = named("20010101_999999", **CLASHES[first], **CLASHES[second])
            call(f"clash: {first} {second}", "POST /restore", clash)
    for number, bad in enumerate(BAD_BACKUPS):
        call(f"backup: {number}", "POST /backup", bad)
    for number, bad in enumerate(BAD_COMPARES):
        call(f"compare: {number}", "POST /compare", bad)
    for request in BAD_PATHS:
        call(request, request)
    call("too large", "POST /restore", b" " * ((1 << 20) + 1))
    call("no connection", "POST /restore", named(pg_conn="main"))
    call("no connection: backup", "POST /backup", {"pg_conn": "main"})
    call("no connection: compare", "POST /compare", named(pg_conn="main"))
    return call


def damage(world: World) -> Recorder:
    """Damaged sets, with a manifest and without."""
    call = world.recorder()
    for name, content in DAMAGED.items():
        world.write(content)
        call(f"verify: {name}", f"POST /backups/global/{stamp_of(name)}/verify")
        call(f"restore: {name}", "POST /restore", named(stamp_of(name), truncate_before_restore=True))
    call("append: an orphan", "POST /restore", named(stamp_of("an orphan"), on_conflict="skip"))
    call("rehearse: no vector", "POST /restore", named(stamp_of("no vector"), dry_run=True))
    call("compare: no json", "POST /compare", named(stamp_of("no json")))
    for kind in ("csv", "binary"):
        _damage_own(call, world, kind)
    return call


def _damage_own(call: Recorder, world: World, kind: str) -> None:
    made = call(f"back up: {kind}", "POST /backup", {"format": kind})
    stamp = made["backup_timestamp"]
    body = {"backup_path": made["backup_directory"], "timestamp": stamp, "truncate_before_restore": True}
    place = world.directory / "vector_bak"
    data, manifest = place / made["tables_backed_up"][EMBEDDING]["backup_file"], place / f"vector_backup_{stamp}.json"
    whole, text = data.read_bytes(), manifest.read_text(encoding="utf-8")

    def see(name: str) -> None:
        call(f"{kind}: {name}, verify", f"POST /backups/global/{stamp}/verify")
        call(f"{kind}: {name}, restore", "POST /restore", body)

    data.write_bytes(whole[:-1] + b"\x00")
    see("a byte")
    data.write_bytes(whole[:-9])
    see("cut")
    data.write_bytes(whole)
    manifest.write_text(json.dumps({**json.loads(text), "database": "x"}), encoding="utf-8")
    see("manifest changed")
    manifest.write_text("{", encoding="utf-8")
    see("manifest cut")
    call(f"{kind}: manifest cut, show", f"GET /backups/global/{stamp}")


def databases(world: World) -> Recorder:
    """What a database refuses, in the middle of a restore and before it."""
    call = world.recorder()
    world.write(files())
    act = "CREATE OR REPLACE FUNCTION act() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {} END $$;"
    world.execute(
        act.format("RETURN NEW;")
        + f"CREATE TRIGGER act BEFORE INSERT ON {EMBEDDING} FOR EACH ROW EXECUTE FUNCTION act()"
    )
    for code in SQLSTATES:
        world.execute(act.format(f"RAISE EXCEPTION 'row: %', NEW.document USING ERRCODE = '{code}';"))
        call(f"replace: {code}", "POST /restore", named(truncate_before_restore=True))
    world.execute(act.format("RAISE EXCEPTION 'full' USING ERRCODE = '53100';"))
    call("append: one table fails", "POST /restore", named(collections=["笔记"]))
    world.execute(f"DROP TRIGGER act ON {EMBEDDING}; DROP FUNCTION act()")
    world.refill()
    world.execute(
        f"CREATE TABLE orders (id varchar REFERENCES {EMBEDDING} (id)); INSERT INTO orders VALUES ('no text')"
    )
    call("dependent: replace", "POST /restore", named(truncate_before_restore=True))
    call("dependent: rehearse", "POST /restore", named(truncate_before_restore=True, dry_run=True))
    call("dependent: truncating backup", "POST /backup", {"truncate_vector_tables": True})
    world.execute(f"DROP TABLE orders; ALTER TABLE {EMBEDDING} RENAME document TO texts")
    call("schema: replace", "POST /restore", named(truncate_before_restore=True))
    call("schema: compare", "POST /compare", named())
    world.execute(f"ALTER TABLE {EMBEDDING} RENAME texts TO document; ALTER TABLE {COLLECTION} RENAME TO elsewhere")
    call("missing table: append", "POST /restore", named())
    call("missing table: backup", "POST /backup", {})
    world.execute(f"ALTER TABLE elsewhere RENAME TO {COLLECTION}")
    return call
