"""STACKS: which stores belong together, by the names of their targets."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

TARGET_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
STACK_NAME = re.compile(r"[A-Za-z0-9-]{1,64}")
"""Without `_`, which stands before a set's timestamp in the name of its file."""

ROLE_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
EXAMPLE = 'STACKS must be a JSON object such as {"voicehelper": {"postgres": "main", "cache": "redis"}}'


@dataclass(frozen=True)
class StackSettings:
    """named: by name, the target of each member, by its role. keep_days: how long their sets stay; 0: for ever."""

    named: Mapping[str, Mapping[str, str]]
    keep_days: int


def read(env: Mapping[str, str]) -> StackSettings:
    """Raises ValueError, its text one clear line."""
    days = env.get("STACK_KEEP_DAYS") or "0"
    if not (days.isascii() and days.isdigit() and int(days) <= 36500):
        raise ValueError("STACK_KEEP_DAYS must be a whole number from 0 to 36500")
    return StackSettings(_named(env.get("STACKS")), int(days))


def _named(text: str | None) -> Mapping[str, Mapping[str, str]]:
    try:
        named = json.loads(text or "{}").items()
        found = {name: MappingProxyType(dict(members.items())) for name, members in named}
    except (ValueError, AttributeError):
        raise ValueError(EXAMPLE) from None
    for name, members in found.items():
        if not STACK_NAME.fullmatch(name):
            raise ValueError(f"{EXAMPLE}; a name is up to 64 letters, digits and -")
        if not members or not all(map(ROLE_NAME.fullmatch, members)):
            raise ValueError(f"{EXAMPLE}; the roles of {name} are up to 64 letters, digits, _ and -")
        if not all(isinstance(target, str) and TARGET_NAME.fullmatch(target) for target in members.values()):
            raise ValueError(f"{EXAMPLE}; {name} has a member that is no name of a target")
        if len(set(members.values())) < len(members):
            raise ValueError(f"{EXAMPLE}; two members of {name} are one target")
    return MappingProxyType(found)
