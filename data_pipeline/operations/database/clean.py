"""A clean restore: what the archive holds is dropped and made anew, in one transaction."""

from collections.abc import Callable, Collection

from common.errors import SchemaMismatch
from common.messages import Message, say
from data_pipeline.operations.database.restoring import Report, Restoring
from data_pipeline.postgres.progress import Progress
from data_pipeline.postgres.whole import facts
from data_pipeline.stores.pg_database import selection
from data_pipeline.stores.pg_database.contents import Entry

ARGUMENTS = ("--clean", "--if-exists", "--single-transaction")

LOCKS_OF_A_TABLE = 6
"""It, its TOAST table and the index of that: once as they are dropped, once as they are made."""

LOCKS_OF_ANOTHER = 2
LOCKED = frozenset({"INDEX", "CONSTRAINT", "SEQUENCE", "VIEW", "MATERIALIZED VIEW", "FK CONSTRAINT"})


class Clean:
    """All or nothing. What isn't in the archive stays; where it depends on something that would be dropped, nothing is
    done."""

    def __init__(self, restoring: Restoring) -> None:
        self._restoring = restoring

    def run(self, progress: Progress, tell: Callable[[Message], None]) -> Report:
        """Raises ServiceError, Cancelled; then nothing was changed."""
        restoring = self._restoring
        session, role = restoring.session, restoring.facts
        chosen = restoring.chosen()
        restoring.expect_extensions(chosen)
        chosen = selection.without_present(chosen, facts.present_extensions(session), facts.schemas(session))
        named = {name for entry in chosen.entries for name in selection.roles_of(entry)}
        present = facts.present_roles(session, named)
        chosen = selection.without_roles(chosen, present, role.role, role.superuser)
        chosen = selection.parents_last(chosen)
        self._expect_locks(chosen.entries)
        _, status = restoring.run(chosen, progress, tell, strict=True, arguments=ARGUMENTS)
        return Report(status=status, left_out=chosen.left_out)

    def _expect_locks(self, entries: Collection[Entry]) -> None:
        """Raise SchemaMismatch where the server can't hold the locks of so many objects in one transaction."""
        tables = sum(entry.kind in selection.TABLE_KINDS for entry in entries)
        needed = LOCKS_OF_A_TABLE * tables + LOCKS_OF_ANOTHER * sum(entry.kind in LOCKED for entry in entries)
        most = self._restoring.facts.locks
        if needed > most:
            text = say("locks_too_few", needed=needed, most=most)
            raise SchemaMismatch(text, can_retry=False, details={"locks_needed": needed, "locks": most})
