"""BackupSetManager: one backup set looked at, verified to the byte, or removed."""

import time
from collections import deque
from typing import Any

from common.sizes import format_size
from data_pipeline.engine import Engine
from data_pipeline.vector import location, naming
from data_pipeline.vector.catalog import BackupSet
from data_pipeline.vector.loader import Reading
from data_pipeline.vector.location import Location
from data_pipeline.vector.naming import TABLES, backup_date
from data_pipeline.vector.source import unmatched

GLOBAL = "global"


class BackupSetManager:
    """Backup sets by location ("global" or a task id) and timestamp. Every method raises ServiceError."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def show(self, where: str, timestamp: str) -> dict[str, Any]:
        """What the manifest says, and whether the files on disk still look like it."""
        return {**_describe(self._find(where, timestamp)), "response": "备份集信息"}

    def verify(self, where: str, timestamp: str) -> dict[str, Any]:
        """Read every byte of a set. Raises InvalidBackup with file and line at the first that is wrong."""
        started = time.monotonic()
        with self._engine.catalog.hold(self._place(where, timestamp), timestamp, TABLES) as backup_set:
            checked = {name: self._verify(backup_set, name) for name in TABLES}
        vouched = backup_set.manifest is not None
        return {
            "backup_info": _named(backup_set.location, timestamp),
            "response": "备份集校验通过" if vouched else "备份文件可以解析,但没有清单文件,无法校验其完整性",
            "verified": vouched,
            "tables": checked,
            "duration": round(time.monotonic() - started, 3),
        }

    def _verify(self, backup_set: BackupSet, name: str) -> dict[str, Any]:
        """Read a table's file to its end, as a restore would."""
        source = unmatched(backup_set, name)
        reading = Reading(source, None, self._engine.pool)
        deque(reading, maxlen=0)
        return {"file": source.file.name, "rows": reading.rows, "file_bytes": source.file.size}

    def delete(self, where: str, timestamp: str) -> dict[str, Any]:
        """Remove a set. Raises OperationInProgress while a restore reads it."""
        place = self._place(where, timestamp)
        removed = self._engine.catalog.delete(place, timestamp)
        return {"response": "备份集已删除", "backup_info": _named(place, timestamp), "removed": removed}

    def _find(self, where: str, timestamp: str) -> BackupSet:
        return self._engine.catalog.find(self._place(where, timestamp), timestamp, TABLES)

    def _place(self, where: str, timestamp: str) -> Location:
        naming.check_timestamp(timestamp)
        location.check_task_id(where)
        return self._engine.catalog.location(None if where == GLOBAL else where)


def _named(where: Location, timestamp: str) -> dict[str, str]:
    return {
        "backup_path": where.relative_path,
        "timestamp": timestamp,
        "backup_date": backup_date(timestamp),
    }


def _describe(backup_set: BackupSet) -> dict[str, Any]:
    manifest = backup_set.manifest
    return {
        "backup_info": _named(backup_set.location, backup_set.timestamp),
        "format": backup_set.format,
        "has_manifest": manifest is not None,
        "files": {
            name: {"file": file.name, "file_size": format_size(file.size), "file_bytes": file.size}
            for name, file in backup_set.files.items()
        },
        "manifest": _facts(manifest.model_dump()) if manifest else None,
    }


def _facts(manifest: dict[str, Any]) -> dict[str, Any]:
    """The manifest without its lists of blocks and probes, of which there may be thousands; their number instead."""
    probes = manifest.get("probes")
    if probes:
        manifest["probes"] = {**probes, "rows": len(probes["rows"])}
    tables = {name: {**fact, "blocks": len(fact["blocks"])} for name, fact in manifest["tables"].items()}
    return {**manifest, "tables": tables}
