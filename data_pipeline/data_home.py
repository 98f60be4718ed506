"""Where files are kept by default."""

import os
from collections.abc import Mapping
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
ROOTS = Path("/var/lib/vector-backup")
"""Not root's own directory: the embedded PostgreSQL of root belongs to another user, who couldn't reach it there."""


def home(env: Mapping[str, str]) -> Path:
    """The project's directory, or the system's place for data once the package is installed.

    Not beside installed modules: an upgrade may remove what is there.
    """
    if (PROJECT / "Makefile").exists():
        return PROJECT
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return ROOTS
    data = env.get("XDG_DATA_HOME") or env.get("LOCALAPPDATA")
    return (Path(data) if data else _users_home() / ".local" / "share") / "vector-backup"


def _users_home() -> Path:
    """That of the user; the working directory for a user whom the system doesn't know, as in a container."""
    try:
        return Path.home()
    except RuntimeError:
        return Path.cwd()
