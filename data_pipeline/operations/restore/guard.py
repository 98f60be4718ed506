"""What keeps a restore to its own rows: triggers and rules on the tables it writes, and all tables that it doesn't."""

from collections.abc import Sequence
from typing import Protocol

from common.errors import DependentRows, TriggerChangedRows
from common.messages import say
from data_pipeline.postgres.connection import Session
from data_pipeline.postgres.schema import bystanders, tables, triggers
from data_pipeline.postgres.schema.bystanders import NONE, Before, Rows
from data_pipeline.postgres.schema.tables import Live, LockMode, Table
from data_pipeline.postgres.schema.triggers import Trigger
from data_pipeline.postgres.writing import cycles, staging
from data_pipeline.postgres.writing.cycles import Key
from data_pipeline.postgres.writing.staging import Staged


class Warned(Protocol):
    """What is told of what is worth knowing although nothing failed."""

    def warn(self, text: str) -> None: ...


UNCOUNTED = say("triggers_uncounted")


class Guard:
    """Begun once the tables are locked and before they are written, ended when all is written. Raises ServiceError."""

    def __init__(self, session: Session, live: Live, report: Warned, *, disable: bool) -> None:
        self.firing: list[Trigger] = []
        """Triggers and rules that fire; where there are none, nothing is compared."""
        self.disable = disable
        self._session = session
        self._live = live
        self._report = report
        self.ours: list[Table] = []
        """The tables that are written."""
        self._off: list[Trigger] = []
        self._deferred: list[Key] = []
        self._before = Before({}, frozenset())
        self._expected: dict[int, Rows] = {}

    def look(self, names: Sequence[str]) -> list[Trigger]:
        """What is on the tables, told in warnings. Raises what stands in the way of firing or disabling it."""
        cursor = self._session.cursor
        found = triggers.firing(cursor, [self._live[name] for name in names])
        for name in names:
            listed = ", ".join(one.name for one in found if one.table.name == name)
            if listed and self.disable:
                self._report.warn(say("triggers_disabled", table=name, triggers=listed))
            elif listed:
                self._report.warn(say("triggers_enabled", table=name, triggers=listed))
        if found and self.disable:
            triggers.expect_owned(cursor, found)
        elif found and not bystanders.counted(cursor):
            raise DependentRows(f"{UNCOUNTED}: {', '.join(map(str, found))}", can_retry=False)
        return found

    def begin(self, names: Sequence[str]) -> None:
        """From here on no transaction can put a trigger on these tables, or a reference to them."""
        cursor = self._session.cursor
        mode: LockMode = "SHARE ROW EXCLUSIVE" if self.disable else "ROW EXCLUSIVE"
        tables.lock(cursor, self._live.schema, self._live.layout, mode, names)
        found = self.look(names)
        self._off, self.firing = (found, []) if self.disable else ([], found)
        triggers.switch_off(cursor, self._off)
        self._deferred = cycles.defer(cursor, self._live)
        self.ours = [self._live[name] for name in names]
        self._expected = {}
        self._before = bystanders.watch(cursor)

    def expect_written(self, name: str, inserted: int, updated: int, deleted: int) -> None:
        """So many rows of a table are written by us; any more are a trigger's."""
        oid = self._live[name].oid
        earlier = self._expected.get(oid, NONE)
        self._expected[oid] = (earlier[0] + inserted, earlier[1] + updated, earlier[2] + deleted)

    def settle(self) -> None:
        """Let everything fire that waits for the COMMIT: what it does must be seen before."""
        self._session.cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    def expect_equal(self, one: Staged) -> None:
        """Raise TriggerChangedRows unless the live table has the backup's rows, to the bit."""
        if rows := staging.count_changed(self._session.cursor, one):
            raise self.changed(one.live.name, rows)

    def end(self) -> None:
        """Raise DependentRows if rows of other tables have changed, TriggerChangedRows if further ones of ours."""
        triggers.switch_on(self._session.cursor, self._off)
        cycles.end(self._session.cursor, self._deferred)
        others, own = bystanders.changes(self._session.cursor, self._before, self.ours)
        bystanders.expect_harmless(others)
        if self.firing:
            for table in self.ours:
                self._expect_own(table, own.get(table.oid, NONE))
        for warning in bystanders.additions(others):
            self._report.warn(warning)

    def _expect_own(self, table: Table, found: Rows) -> None:
        expected = self._expected.get(table.oid)
        if expected is not None and found != expected:
            raise self.changed(table.name, max(abs(one - other) for one, other in zip(found, expected, strict=True)))

    def changed(self, table: str, rows: int) -> TriggerChangedRows:
        """The answer for rows that aren't there as they were written."""
        return TriggerChangedRows(table, rows, list(map(str, self.firing)))
