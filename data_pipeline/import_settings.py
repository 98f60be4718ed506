"""Where schedules may fetch reference data from."""

from collections.abc import Mapping

NAME = "IMPORT_ALLOWED_URLS"


def read(env: Mapping[str, str]) -> tuple[str, ...]:
    """URLs of files, or of directories, which end with a slash. Raises ValueError, its text one clear line."""
    found = tuple(part for part in map(str.strip, env.get(NAME, "").split(",")) if part)
    if wrong := next((one for one in found if not one.startswith(("https://", "http://")) or "@" in one), None):
        raise ValueError(f"{NAME} must be http or https URLs without a user: {wrong!r} is none")
    return found
