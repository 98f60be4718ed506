"""The store of whole databases: what a set of it is, and whether pg_restore would take it."""

import subprocess
from contextlib import suppress
from typing import Any

from common.errors import InvalidBackup
from data_pipeline.postgres.connection import transaction
from data_pipeline.postgres.link.wire import Timeouts
from data_pipeline.postgres.target import Target
from data_pipeline.postgres.whole import facts as database_facts
from data_pipeline.sets.held_set import HeldSet
from data_pipeline.stores.pg_database import contents
from data_pipeline.stores.pg_database.facts import DumpFacts
from data_pipeline.stores.pg_database.index import Span
from data_pipeline.stores.pg_database.set_archive import ARCHIVE, SetArchive
from data_pipeline.stores.pg_database.tools import Tools
from data_pipeline.stores.store import Capabilities, Store

FAMILY = "database"
LIST_SECONDS = 120
PROBING = Timeouts(connect=5, lock=5, statement=30, idle=30, client_check=500)


class DatabaseStore(Store):
    """Archives of pg_dump."""

    family = FAMILY
    capabilities = Capabilities(transactional=True, snapshot=True, diffable=False, indexed=True)
    facts = DumpFacts

    def probe(self, target: Target) -> dict[str, Any]:
        """Raises ServiceError."""
        with transaction(target, PROBING, read_only=True) as session:
            found = database_facts.of(session)
        return {"server_version": found.server_version, "database": found.database, "superuser": found.superuser}

    def verify(self, held: HeldSet) -> None:
        """Every block has its entry, and pg_restore reads the table of contents. Raises InvalidBackup."""
        if ARCHIVE not in held.files:
            raise contents.damaged()
        archive = SetArchive.verified(held, self.facts_of(held), indexing=True)
        tool = Tools(None).reading(archive.contents)
        if tool is None:  # none on this machine is new enough: the bytes are good all the same
            return
        head = b"".join(archive.read(Span(0, archive.contents.size)))
        with suppress(BrokenPipeError):
            listed = subprocess.run(
                [str(tool.path), "--list"], input=head, capture_output=True, timeout=LIST_SECONDS, check=False
            )
            if listed.returncode != 0:
                raise InvalidBackup(contents.damaged().response, can_retry=False)


STORE: Store = DatabaseStore()
