"""What milvus-backup's clients ask, as requests of ours. Fields that aren't named here are ignored."""

import json
import re
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from common.errors import InvalidParams
from common.messages import say
from data_pipeline.engine import Engine
from data_pipeline.operations.milvus.backup_api.sets import NamedSet
from data_pipeline.operations.milvus.requests import MilvusBackupRequest, MilvusRestoreRequest
from data_pipeline.stores.milvus.store import FAMILY

BACKUP = MilvusBackupRequest.kind
DEFAULT_DATABASE = "default"
ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
NOT_OF_CREATE = ("rbac", "backup_root_path", "gc_pause_enable", "gc_pause_address", "meta_only")
NOT_OF_RESTORE = ("rbac", "bucket_name", "path", "truncateBinlogByTs", "ezkMapping")


class BadParameter(Exception):
    """Answered with code 400."""


class Unsupported(Exception):
    """Answered with code 1."""


def target(engine: Engine) -> str:
    """The target of Milvus that this API is about. Raises InvalidParams where none is meant for certain."""
    if engine.settings.milvus.target:
        return engine.store_target(engine.settings.milvus.target, FAMILY).name
    named = ((name, engine.stores.find(name)) for name in engine.stores)
    found = [name for name, one in named if one is not None and one.family == FAMILY]
    if len(found) != 1:
        raise InvalidParams(say("milvus_target_unclear", targets=tuple(found)), details={"field": "target"})
    return found[0]


def backup(engine: Engine, body: Mapping[str, Any]) -> MilvusBackupRequest:
    """Raises BadParameter, Unsupported, InvalidParams."""
    _refuse(body, NOT_OF_CREATE)
    if body.get("strategy") == "meta_only":
        raise Unsupported("meta_only is not supported")
    asked: dict[str, Any] = {
        "target": target(engine),
        "name": body.get("backup_name"),
        "collections": _collections(body, "collection_names"),
        "allow_changes": body.get("allow_changes"),
        "async": body.get("async"),
    }
    return MilvusBackupRequest.read({name: value for name, value in asked.items() if value})


def restore(engine: Engine, body: Mapping[str, Any], found: NamedSet) -> MilvusRestoreRequest:
    """Raises BadParameter, Unsupported, InvalidParams."""
    _refuse(body, NOT_OF_RESTORE)
    if body.get("dropExistCollection") and body.get("skipCreateCollection"):
        raise BadParameter("dropExistCollection and skipCreateCollection exclude each other")
    suffix, renames = body.get("collection_suffix"), body.get("collection_renames")
    chosen, planned = _plan(body.get("restorePlan") or {})
    if planned and (suffix or renames):
        raise BadParameter("restorePlan excludes collection_suffix and collection_renames")
    asked: dict[str, Any] = {
        "set": {"backup_path": found.backup_path, "timestamp": found.timestamp},
        "target": target(engine),
        "collections": chosen or _collections(body, "collection_names"),
        "collection_suffix": suffix,
        "renames": planned or ({_plain(old): _plain(new) for old, new in renames.items()} if renames else None),
        "async": body.get("async"),
        "auto_index": body.get("useAutoIndex"),
    }
    switches = {"swap": "dropExistCollection", "drop_old": "dropExistCollection", "merge": "skipCreateCollection"}
    switches["meta_only"] = "metaOnly"
    asked |= {ours: body.get(theirs) for ours, theirs in switches.items()}
    made = {name: value for name, value in asked.items() if value}
    if not body.get("restoreIndex") and not body.get("useAutoIndex"):
        made["indexes"] = False
    return MilvusRestoreRequest.read(made)


def restore_id(body: Mapping[str, Any]) -> str:
    """The client's own, or one as milvus-backup makes it. Raises BadParameter."""
    given = body.get("id")
    if given and not is_id(given):
        raise BadParameter("id has other characters than letters, digits, . _ and -")
    return given or f"restore_{datetime.now():%Y_%m_%d_%H_%M_%S}_{time.time_ns() % 10**9}"


def is_id(text: Any) -> bool:
    return isinstance(text, str) and bool(ID.fullmatch(text))


def _refuse(body: Mapping[str, Any], fields: tuple[str, ...]) -> None:
    """Raise Unsupported for a field that would have to be heeded, and can't be."""
    for field in fields:
        if body.get(field):
            raise Unsupported(f"{field} is not supported")


def _collections(body: Mapping[str, Any], field: str) -> list[str] | None:
    """Names, wherever they stand: in a list, or by database. Raises BadParameter, Unsupported."""
    names = list(body.get(field) or [])
    by_database = body.get("filter") or body.get("db_collections") or {}
    if isinstance(by_database, str):
        try:
            by_database = json.loads(by_database)
        except ValueError:
            raise BadParameter("db_collections is no JSON object") from None
    if not isinstance(by_database, dict):
        raise BadParameter("db_collections is no object")
    for database, inner in by_database.items():
        found = inner.get("colls") or [] if isinstance(inner, dict) else inner or []
        names += [f"{database}.{name}" for name in found if name != "*"]
        if not found or "*" in found:
            _plain(f"{database}.x")
    return [_plain(name) for name in names] or None


def _plan(plan: Mapping[str, Any]) -> tuple[list[str], dict[str, str]]:
    """The collections of a plan, and what they are called where they go."""
    chosen, renames = _collections({"filter": plan.get("filter")}, "collection_names") or [], {}
    for mapping in plan.get("mapping") or []:
        source, goal = mapping.get("source") or DEFAULT_DATABASE, mapping.get("target") or DEFAULT_DATABASE
        for one in mapping.get("colls") or []:
            renames[_plain(f"{source}.{one['source']}")] = _plain(f"{goal}.{one['target']}")
        _plain(f"{source}.x"), _plain(f"{goal}.x")
    return chosen, renames


def _plain(name: Any) -> str:
    """A collection's name without its database. Raises BadParameter, Unsupported for another database: a target has
    one."""
    if not isinstance(name, str):
        raise BadParameter("the name of a collection is no text")
    database, dot, collection = name.rpartition(".")
    if dot and database not in ("", DEFAULT_DATABASE):
        raise Unsupported(f"database {database} is not supported: a target has one")
    return collection
