"""Scenes of backups and restores that work."""

from pathlib import Path
from typing import Any

from tests.integration.recorded.recorder import Recorder, World
from tests.integration.recorded.sets import COLLECTION, EMBEDDING, files, named

REPLACE = {"truncate_before_restore": True}
SYNC = {"strategy": "sync"}
MODES: dict[str, dict[str, Any]] = {
    "append": {"collections": ["笔记"], "tables": [COLLECTION, EMBEDDING]},
    "append, clash": {},
    "append, atomic": {"atomic": True},
    "append, one table": {"tables": [EMBEDDING]},
    "replace": REPLACE,
    "replace, one collection": {**REPLACE, "collections": ["docs"]},
    "replace, one table": {**REPLACE, "tables": [EMBEDDING]},
    "replace, parents only": {**REPLACE, "tables": [COLLECTION]},
    "sync": SYNC,
    "sync, one collection": {**SYNC, "collections": ["笔记"]},
    "skip": {"on_conflict": "skip"},
    "update": {"on_conflict": "update"},
    "copy": {"collection_suffix": "_旧"},
    "unknown collection": {"collections": ["nowhere"]},
    "another database": {**REPLACE, "expect_database": "another"},
    "no manifest": {**REPLACE, "require_manifest": True},
    "swap": {"strategy": "swap"},
}
BOTH = f"SELECT (SELECT count(*) FROM {COLLECTION}), (SELECT count(*) FROM {EMBEDDING})"


def every_mode(world: World) -> Recorder:
    """Each mode, rehearsed and done, of a set from outside."""
    call = world.recorder()
    world.write(files())
    for name, fields in MODES.items():
        world.refill()
        call(f"rehearse: {name}", "POST /restore", named(**fields, dry_run=True))
        call(f"restore: {name}", "POST /restore", named(**fields))
        call.keep(f"rows after: {name}", list(world.databases["main"].fetch(BOTH)[0]))
    return call


def made_sets(world: World) -> Recorder:
    """Sets of our own, csv and binary: made, shown, verified, listed, compared, restored, undone."""
    call = world.recorder()
    for kind in ("csv", "binary"):
        world.refill()
        made = call(f"back up: {kind}", "POST /backup", {"format": kind, "probes": 3 if kind == "csv" else 0})
        body = {"backup_path": made["backup_directory"], "timestamp": made["backup_timestamp"]}
        path = f"/backups/global/{made['backup_timestamp']}"
        call(f"show: {kind}", f"GET {path}")
        call(f"verify: {kind}", f"POST {path}/verify")
        call(f"compare: {kind}, nothing changed", "POST /compare", body)
        world.execute(f"DELETE FROM {EMBEDDING} WHERE id = 'plain'; UPDATE {EMBEDDING} SET document = 'other'")
        call(f"compare: {kind}, changed", "POST /compare", body)
        call(f"replace: {kind}", "POST /restore", {**body, **REPLACE, "require_manifest": True})
        world.execute(f"DELETE FROM {COLLECTION}")
        call(f"sync: {kind}", "POST /restore", {**body, **SYNC, "backup_before_restore": True})
        done = call(f"replace with undo: {kind}", "POST /restore", {**body, **REPLACE, "backup_before_restore": True})
        call(f"undo: {kind}", "POST /restore", done["undo"])
    call("back up: one collection", "POST /backup", {"collections": ["docs"]})
    call("back up: unknown collection", "POST /backup", {"collections": ["nowhere"]})
    call("back up: truncating", "POST /backup", {"truncate_vector_tables": True})
    call("list: own sets", "GET /restore/list")
    call.files("files: own sets", world.directory)
    return call


def places(world: World) -> Recorder:
    """Tasks, lists of them, a second storage, deletion."""
    archive: Path = world.directory.parent / "archive"
    call = world.recorder(STORAGES=f'{{"archive": "{archive}", "broken": "{world.directory.parent / "none"}"}}')
    world.write(files())
    world.write(files(stamp="20010101_000001"), "task_20010101")
    world.write(files(stamp="20010101_000002"), "manual_1")
    world.write({"langchain_pg_collection_20010101_000003.csv": b""}, "task_incomplete")
    for query in ("", "?global_only=true", "?task_id=manual_1", "?task_id=none", "?task_id=a-b", "?global_only=1"):
        call(f"list{query}", f"GET /restore/list{query}")
    path = "/backups/task_20010101/20010101_000001"
    call("copy", f"POST {path}/copy", {"to": "archive"})
    call("copy: twice", f"POST {path}/copy", {"to": "archive"})
    call("copy: nowhere", f"POST {path}/copy", {"to": "nowhere"})
    call("copy: no field", f"POST {path}/copy", {})
    for storage in ("archive", "all", "broken", "nowhere"):
        call(f"list: {storage}", f"GET /restore/list?storage={storage}")
    call("show: copy", f"GET {path}?storage=archive")
    body = named("20010101_000001", "task_20010101")
    body["backup_path"] = f"archive:{body['backup_path']}"
    call("compare: two sets", "POST /compare", {**named(), "with": body})
    call("restore: copy", "POST /restore", {**body, **REPLACE})
    call("back up: task and archive", "POST /backup", {"task_id": "manual_1", "storages": ["local", "archive"]})
    call("back up: no such task", "POST /backup", {"task_id": "task_none"})
    call("delete", f"DELETE {path}")
    call("delete: twice", f"DELETE {path}")
    call("show: deleted", f"GET {path}")
    call.files("files: task", world.directory / "manual_1")
    return call


def other_tables(world: World) -> Recorder:
    """Databases without tables, with the old ones, and an outside set that has to be fitted."""
    names = ("empty", "old", "second")
    targets = ", ".join(f'"{name}": "{world.databases[name].url}"' for name in names)
    call = world.recorder(TARGETS=f"{{{targets}}}")
    world.write(files())
    call("restore: no tables", "POST /restore", named(pg_conn="empty"))
    call("rehearse: tables to create", "POST /restore", named(pg_conn="empty", create_tables=True, dry_run=True))
    call("restore: tables created", "POST /restore", named(pg_conn="empty", create_tables=True))
    call("compare: a URL", "POST /compare", named(pg_conn=world.databases["second"].url))
    call("restore: old tables", "POST /restore", named(pg_conn="old"))
    old = f"INSERT INTO {COLLECTION} VALUES ('docs', '{{}}', '11111111-1111-4111-8111-111111111111');"
    old += f"INSERT INTO {EMBEDDING} SELECT uuid, '[1,2,3]', 'text', '{{\"b\": 1}}', 'own', uuid FROM {COLLECTION}"
    world.execute(f"{old}; ANALYZE", "old")
    call("tables: old", "GET /tables?target=old")
    made = call("back up: old tables", "POST /backup", {"pg_conn": "old"})
    body = {"backup_path": made["backup_directory"], "timestamp": made["backup_timestamp"]}
    call("restore: old into new", "POST /restore", {**body, "pg_conn": "second"})
    call("compare: old with new", "POST /compare", {**body, "pg_conn": "second"})
    into = {"layout": "pgvectorstore", "tables": {"docs": "kb.docs"}, "metadata_columns": {"b": "integer"}}
    call("rehearse: into stores", "POST /restore", {**body, "pg_conn": "second", "into": into, "dry_run": True})
    call("restore: into stores", "POST /restore", {**body, "pg_conn": "second", "into": into})
    call("restore: into stores again", "POST /restore", {**body, "pg_conn": "second", "into": into})
    call.files("files: old tables", world.directory)
    return call
