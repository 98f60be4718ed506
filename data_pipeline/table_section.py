"""The section vector_table_management of SCHEMA_TOOLS_CONFIG: what it may say."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from data_pipeline.layouts.registry import DOCUMENTED
from data_pipeline.storage import location

TIMESTAMP_FORMAT = "%Y%m%d_%H%M%S"
MOMENTS = (datetime(2021, 1, 2, 3, 4, 5), datetime(1999, 12, 31, 23, 58, 59), datetime(2020, 2, 29, 0, 30))
"""No two fields of them are alike, and week-based years, twelve-hour clocks and days of the year differ."""


@dataclass(frozen=True)
class TableSection:
    """Where backups lie below a location, and how they are named."""

    backup_directory: str
    timestamp_format: str
    supported_tables: tuple[str, ...]


def read(section: Mapping[str, Any]) -> TableSection:
    """Raises ValueError, its text one clear line, for a value whose backups would never be listed or restored."""
    directory, written, tables = (
        section.get(name) for name in ("backup_directory", "timestamp_format", "supported_tables")
    )
    if not (isinstance(directory, str) and location.is_name(directory)):
        raise ValueError("backup_directory must be the name of one directory, such as vector_bak")
    if not (isinstance(written, str) and _is_listed(written)):
        raise ValueError("timestamp_format must give YYYYMMDD_HHMMSS: %Y%m%d_%H%M%S")
    if not (isinstance(tables, list | tuple) and sorted(map(str, tables)) == sorted(DOCUMENTED.names)):
        raise ValueError(f"supported_tables must be {' and '.join(DOCUMENTED.names)}")
    return TableSection(directory, written, tuple(tables))


def _is_listed(timestamp_format: str) -> bool:
    """Whether sets get the timestamps that the list, requests and retention read."""
    try:
        return all(moment.strftime(timestamp_format) == moment.strftime(TIMESTAMP_FORMAT) for moment in MOMENTS)
    except ValueError:  # half a surrogate, or a directive that the system doesn't know
        return False
