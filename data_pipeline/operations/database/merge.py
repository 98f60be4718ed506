"""A merge: the archive's tables are loaded one by one into a database whose objects stay as they are."""

from collections.abc import Callable, Collection, Mapping

from common.messages import Message
from data_pipeline.operations.database.restoring import Report, Restoring
from data_pipeline.postgres.connection import transaction
from data_pipeline.postgres.progress import Progress
from data_pipeline.postgres.whole import facts, objects, relations
from data_pipeline.stores.pg_database import selection
from data_pipeline.stores.pg_database.selection import TABLE_DATA, Selection
from data_pipeline.stores.pg_database.words import Failure


class Merge:
    """A table with a key of the archive's rows stays as it was: its COPY is one statement.

    atomic: one transaction, which such a table undoes; what is there already is left out beforehand then.
    """

    def __init__(self, restoring: Restoring, atomic: bool = False) -> None:
        self._restoring = restoring
        self._atomic = atomic

    def run(self, progress: Progress, tell: Callable[[Message], None]) -> Report:
        """Raises ServiceError at the first error that isn't about what exists, a key or a role; Cancelled.

        Tables that were loaded by then keep their rows.
        """
        restoring = self._restoring
        session, contents = restoring.session, restoring.archive.contents
        existing = relations.existing(session)
        chosen = restoring.chosen()
        restoring.expect_extensions(chosen)
        before = len(chosen.left_out)
        chosen = selection.without_present(chosen, facts.present_extensions(session), facts.schemas(session))
        there = len(chosen.left_out) - before
        chosen = selection.without_following(chosen, contents, existing)
        chosen = selection.referred_first(chosen, contents)
        if self._atomic:
            there += len(chosen.entries)
            chosen = self._without_objects(chosen)
            there -= len(chosen.entries)
        arguments = ("--single-transaction",) if self._atomic else ()
        failures, status = restoring.run(
            chosen, progress, tell, strict=self._atomic, reordered=True, arguments=arguments
        )
        self._advance(selection.sequence_values(chosen.left_out), existing)
        report = Report(status=status, left_out=chosen.left_out)
        report.existing = there + _count(failures, "EXISTS")
        report.missing_roles = _count(failures, "NO_ROLE")
        duplicates = {failure.entry for failure in failures if failure.cause == "DUPLICATE"}
        data = [entry for entry in chosen.entries if entry.kind == TABLE_DATA]
        report.skipped = [entry for entry in data if entry.id in duplicates]
        report.added_to = [entry for entry in data if entry.relation in existing and entry.id not in duplicates]
        return report

    def _without_objects(self, chosen: Selection) -> Selection:
        session = self._restoring.session
        present = objects.present(session)
        named = {name for entry in chosen.entries for name in selection.roles_of(entry)}
        role, known = self._restoring.facts, facts.present_roles(session, named)
        chosen = chosen.without(lambda entry: (entry.kind, entry.schema, entry.name) in present)
        return selection.without_roles(chosen, known, role.role, role.superuser)

    def _advance(self, values: Mapping[relations.Name, tuple[int, bool]], existing: Collection[relations.Name]) -> None:
        """Let sequences that were there give out no number of a row that has come."""
        with transaction(self._restoring.target, self._restoring.timeouts) as session:
            for name in values.keys() & existing:
                relations.advance_sequence(session, name, *values[name])


def _count(failures: list[Failure], cause: str) -> int:
    return sum(failure.cause == cause for failure in failures)
