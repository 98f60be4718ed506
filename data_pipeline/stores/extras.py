"""Packages that only one store needs: imported when it is used, and named where they are missing."""

from importlib import import_module
from typing import Any

from common.errors import ExtraMissing
from common.messages import say


def needed(package: str, *, extra: str) -> Any:
    """The module of a package, which an extra of ours installs. Raises ExtraMissing."""
    try:
        return import_module(package)
    except ModuleNotFoundError:
        file = f"requirements-{extra}.txt"
        text = say("extra_missing", package=package.partition(".")[0], extra=extra, file=file)
        raise ExtraMissing(text, can_retry=False, details={"extra": extra, "file": file}) from None
