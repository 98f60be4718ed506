"""Which archives may run: one that this service has made is known by its SHA-256, of any other a person has to say so.

What an archive holds is executed with all privileges of the role that restores it: a function behind a CHECK runs while
rows are loaded. A role that is a superuser, or may use programs and files of the server, has more to lose than the
database; then even our own archives need the word, for they hold what others have created in the source.
"""

from typing import Protocol

from common.errors import UntrustedArchive
from common.messages import say
from data_pipeline.postgres.whole.facts import DatabaseFacts


class KnownArchives(Protocol):
    """The SHA-256 of each archive that was made here, as hexadecimal digits."""

    def note(self, sha256: str) -> None:
        """Remember one. Raises nothing."""

    def knows(self, sha256: str) -> bool:
        """Raises ServiceUnavailable where that can't be told now."""


def expect_known(archives: KnownArchives, sha256: str, trusted: bool) -> None:
    """Raise UntrustedArchive unless the archive is ours, or said to be trusted."""
    if not trusted and not archives.knows(sha256):
        raise UntrustedArchive(say("archive_untrusted"), can_retry=False, details={"sha256": sha256})


def expect_harmless(facts: DatabaseFacts, trusted: bool) -> None:
    """Raise UntrustedArchive where the role can do more than the database is worth, unless it was said."""
    if not trusted and facts.may_harm:
        raise UntrustedArchive(say("archive_untrusted_role"), can_retry=False, details={"role": facts.role})
