"""Which archives may run: one that this service has made is known by its SHA-256, of any other a person has to say so.

What an archive holds is executed with all privileges of the role that restores it: a function behind a CHECK runs while
rows are loaded. A role that is a superuser, or may use programs and files of the server, has more to lose than the
database; then even our own archives need the word, for they hold what others have created in the source.
"""

from common.errors import UntrustedArchive
from common.messages import say
from data_pipeline.postgres.whole.facts import DatabaseFacts
from data_pipeline.stores.pg_database.known_archives import KnownArchives


def expect_known(archives: KnownArchives, sha256: str, trusted: bool) -> None:
    """Raise UntrustedArchive unless the archive is ours, or said to be trusted."""
    if not trusted and not archives.knows(sha256):
        raise UntrustedArchive(say("archive_untrusted"), can_retry=False, details={"sha256": sha256})


def expect_harmless(facts: DatabaseFacts, trusted: bool) -> None:
    """Raise UntrustedArchive where the role can do more than the database is worth, unless it was said."""
    if not trusted and facts.may_harm:
        raise UntrustedArchive(say("archive_untrusted_role"), can_retry=False, details={"role": facts.role})
