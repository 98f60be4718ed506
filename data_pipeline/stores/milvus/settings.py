"""What the environment says about Milvus. What is wrong raises ValueError, its text one clear line."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class MilvusSettings:
    """target: which target of Milvus the milvus-backup API is about; None: the only one there is.

    untried_types: whether vectors of types are backed up and restored that were tried on no real server yet.
    """

    target: str | None
    untried_types: bool


def read(env: Mapping[str, str]) -> MilvusSettings:
    """Raises ValueError."""
    untried = env.get("MILVUS_UNTRIED_TYPES") or "0"
    if untried not in ("0", "1"):
        raise ValueError("MILVUS_UNTRIED_TYPES must be 0 or 1")
    return MilvusSettings(env.get("MILVUS_TARGET") or None, untried == "1")
