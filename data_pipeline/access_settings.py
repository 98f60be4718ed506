"""What the environment says about users: where operators may restore, and how far back it is known what was done."""

from collections.abc import Mapping, Set
from dataclasses import dataclass

DEFAULT_TARGET = "default"
"""What OPERATOR_TARGETS calls the database of requests that name none."""

KEEP_DAYS = "365"
MOST_DAYS = 36500


@dataclass(frozen=True)
class AccessSettings:
    """operator_targets: names of TARGETS that operators may restore into, and DEFAULT_TARGET for the configured
    database. audit_keep_days: how far back the audit log goes."""

    operator_targets: frozenset[str]
    audit_keep_days: int


def read(env: Mapping[str, str], targets: Set[str]) -> AccessSettings:
    """The settings of an environment with these targets. Raises ValueError, its text one clear line."""
    named = frozenset(part.strip() for part in env.get("OPERATOR_TARGETS", "").split(",") if part.strip())
    if not named <= targets | {DEFAULT_TARGET}:
        raise ValueError(f"OPERATOR_TARGETS must be names from TARGETS, or {DEFAULT_TARGET}, separated by commas")
    days = env.get("AUDIT_KEEP_DAYS") or KEEP_DAYS
    if not (days.isascii() and days.isdigit() and 1 <= int(days) <= MOST_DAYS):
        raise ValueError(f"AUDIT_KEEP_DAYS must be a whole number from 1 to {MOST_DAYS}")
    return AccessSettings(named, int(days))
