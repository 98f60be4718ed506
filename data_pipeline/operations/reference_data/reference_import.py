"""ReferenceImport: the entries of a file merged into a table, in one transaction."""

import time
from collections.abc import Sequence

import psycopg2

from common.errors import InvalidParams, SchemaMismatch, ServiceError
from common.messages import say
from data_pipeline.engine import Engine
from data_pipeline.layouts import tables as any_tables
from data_pipeline.operations.reference_data import entries
from data_pipeline.operations.reference_data.column_texts import WrongKind, copy_lines, text_of
from data_pipeline.operations.reference_data.entries import Entries, Entry, Number
from data_pipeline.operations.requests.reference_data import ImportOptions, Scalar
from data_pipeline.operations.restore.guard import Guard
from data_pipeline.operations.results import result as results
from data_pipeline.operations.results.reference_data import ImportedRows
from data_pipeline.postgres import connection, sqlstate, writer_lock
from data_pipeline.postgres.connection import Session, transaction
from data_pipeline.postgres.progress import SILENT, Progress
from data_pipeline.postgres.retries import retrying
from data_pipeline.postgres.schema import analyze, table_choice, tables
from data_pipeline.postgres.schema.tables import Column, Live, Table
from data_pipeline.postgres.target import Target
from data_pipeline.postgres.writing import conflicts, given, references, staging
from data_pipeline.postgres.writing.given import Unkept
from data_pipeline.postgres.writing.sequences import advance
from data_pipeline.postgres.writing.staging import Staged
from data_pipeline.postgres.writing.sync import Counts

PRIVILEGES = {
    "skip": ("INSERT",),
    "update": ("INSERT", "UPDATE"),
    "replace": ("INSERT", "UPDATE", "DELETE"),
}
WITHOUT_EQUALITY = ("json", "xml", "point", "polygon")


class ReferenceImport:
    """Every method raises ServiceError; then nothing has changed."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def run(
        self, target: Target, table: str, data: bytes, options: ImportOptions, progress: Progress = SILENT
    ) -> ImportedRows:
        """table: as schema.table, or in the schema that the service is configured for."""
        started = time.monotonic()

        def attempt() -> ImportedRows:
            with transaction(target, self._engine.timeouts, progress=progress) as session:
                return _Import(session, target, table, data, options).run(started)

        try:
            return retrying(attempt)
        except ServiceError as error:
            error.data.setdefault("target", target.public())
            raise


class _Import:
    """One import under way."""

    def __init__(self, session: Session, target: Target, table: str, data: bytes, options: ImportOptions) -> None:
        self._session = session
        self._cursor = session.cursor
        self._target = target
        self._options = options
        self._data = data
        self._warnings: list[str] = []
        layout = table_choice.layout_of(
            session.cursor, session.schema, any_tables.FAMILY, [table], with_references=False
        )
        session.ours = layout.relations(session.schema)
        self._live: Live = tables.inspect(session.cursor, session.schema, layout)
        self._table: Table = self._live[layout.names[0]]

    def warn(self, text: str) -> None:
        self._warnings.append(text)

    def run(self, started: float) -> ImportedRows:
        key = self._key()
        found = entries.read(self._data, key)
        columns = self._columns(found, key)
        writer_lock.take(self._cursor)
        staged = self._staged(found, columns, key)
        tables.lock(self._cursor, self._live.schema, self._live.layout, "SHARE ROW EXCLUSIVE")
        kept = given.count_kept(self._cursor, staged, self._options.mode)
        skipped = given.leave_out(self._cursor, staged, self._options.mode)
        counts = self._write(staged)
        analyze.refresh(self._cursor, self._table)
        if self._options.dry_run:
            connection.undo(self._session)
        return ImportedRows(
            response=say("reference_rehearsed") if self._options.dry_run else say("reference_imported"),
            table=self._table.name,
            format=found.format,
            mode=self._options.mode,
            dry_run=self._options.dry_run or None,
            entries=len(found.each),
            inserted=counts.inserted,
            updated=counts.updated,
            unchanged=counts.unchanged + skipped,
            kept=kept,
            removed=counts.deleted,
            target=results.Target.of(self._target),
            warnings=self._warnings,
            duration=round(time.monotonic() - started, 3),
        )

    def _key(self) -> tuple[str, ...]:
        if self._options.key is not None:
            return tuple(self._options.key)
        primary = staging.primary_key(self._cursor, self._table)
        if primary is None:
            raise SchemaMismatch(say("table_without_key", table=self._table.name), can_retry=False)
        return primary.columns

    def _columns(self, found: Entries, key: Sequence[str]) -> list[str]:
        """Those of the table that the file is about. Raises InvalidParams for one that the table doesn't have, for an
        entry without its key, and for what the table needs and no entry has."""
        known = {column.name: column for column in self._table.columns}
        for entry in found.each:
            for name in entry.values:
                if name not in known:
                    listed = ", ".join(known)
                    shown = entries.shown(name)
                    text = say("reference_unknown_column", entry=entry.place, column=shown, columns=listed)
                    raise _wrong(entry, name, text)
            for name in key:
                if entry.values.get(name) is None:
                    raise _wrong(entry, name, say("reference_without_key", entry=entry.place))
        columns = found.columns
        lacking = [
            one.name for one in known.values() if one.not_null and not one.has_default and one.name not in columns
        ]
        if lacking:
            text = say("reference_columns_missing", columns=", ".join(lacking))
            raise InvalidParams(text, details={"field": "file", "columns": lacking})
        return [name for name in known if name in columns]

    def _staged(self, found: Entries, columns: list[str], key: Sequence[str]) -> Staged:
        try:
            staged = given.stage(self._cursor, self._table, columns, key)
        except SchemaMismatch:
            text = say("reference_key_not_unique", table=self._table.name, columns=", ".join(key))
            raise SchemaMismatch(text, can_retry=False, details={"table": self._table.name}) from None
        _expect_each_once(found, key)
        types = [_column(self._table, name) for name in columns]
        rows = [[_text(entry, column) for column in types] for entry in found.each]
        try:
            given.fill(self._session, staged.table, columns, copy_lines(rows))
        except psycopg2.Error as error:
            raise self._refused(error, found) from None
        staging.index(self._session, staged)
        return Staged(staged.source, staged.live, staged.identity, staged.unique, self._scope(staged))

    def _refused(self, error: psycopg2.Error, found: Entries) -> Exception:
        """The entry and the column that the server complained about, if it says which."""
        where = sqlstate.failed_record(error)
        column = (where[1] if where else None) or error.diag.column_name
        if where is None or column is None or not 1 <= where[0] <= len(found.each):
            return error
        entry = found.each[where[0] - 1]
        if error.pgcode == "23502":
            return _wrong(entry, column, say("reference_value_missing", entry=entry.place, column=column))
        return _wrong(entry, column, say("reference_wrong_type", entry=entry.place, column=column))

    def _scope(self, staged: Staged) -> Unkept:
        """Raises InvalidParams for columns that the table doesn't have, or values that they can't hold."""
        keep, overwrite = self._options.keep, self._options.overwrite
        if keep is None:
            if overwrite is not None:
                raise InvalidParams(say("reference_overwrite_without_keep"), details={"field": "overwrite"})
            return Unkept(None, None)
        types = [self._known(name) for name in keep]
        kept = self._beside("keep", types, [list(keep.values())])
        chosen = None
        if overwrite is not None:
            keys = [_column(self._table, name) for name in staged.key]
            chosen = self._beside("overwrite", keys, [one if isinstance(one, list) else [one] for one in overwrite])
        return Unkept(None, None, None, kept, chosen, staged.identity)

    def _known(self, name: str) -> Column:
        found = self._table.column(name)
        if found is None or found.type in WITHOUT_EQUALITY:
            listed = ", ".join(column.name for column in self._table.columns)
            text = say("reference_keep_unknown", column=name, columns=listed)
            raise InvalidParams(text, details={"field": "keep"})
        return found

    def _beside(self, field: str, types: Sequence[Column], rows: Sequence[Sequence[Scalar]]) -> Table:
        """A temporary table with the values that a field of the request gives for these columns."""
        names = [column.name for column in types]
        wrong = InvalidParams(
            say("param_invalid", field=field, reason=say("reference_values_wrong", columns=", ".join(names))),
            details={"field": field},
        )
        if any(len(row) != len(names) for row in rows):
            raise wrong
        made = given.beside(self._cursor, self._table, names, field)
        try:
            texts = [[text_of(_given(value), column) for value, column in zip(row, types, strict=True)] for row in rows]
            given.fill(self._session, made, names, copy_lines(texts))
        except (WrongKind, ValueError):
            raise wrong from None
        except psycopg2.Error as error:
            if sqlstate.failed_record(error) is None:
                raise
            raise wrong from None
        return made

    def _write(self, staged: Staged) -> Counts:
        mode, name = self._options.mode, self._table.name
        conflicts.expect_privileges(self._cursor, self._table, PRIVILEGES[mode])
        guard = Guard(self._session, self._live, self, disable=False)
        guard.begin([name])
        if mode != "skip":
            conflicts.expect_writable(self._cursor, staged)
            going = references.equalled(staged) if mode == "replace" else references.updated(staged)
            references.expect_none_lost(self._cursor, self._live, [going], lock=True)
        self._session.enter("check")
        counts = given.write(self._cursor, staged, mode)
        again = counts.rewritten
        guard.expect_written(
            name, counts.inserted + again, counts.updated - again + counts.parked, counts.deleted + again
        )
        guard.settle()
        if guard.firing:
            guard.expect_equal(staged)
        guard.end()
        self._warnings += advance(self._cursor, guard.ours)
        return counts


def _column(table: Table, name: str) -> Column:
    found = table.column(name)
    if found is None:
        raise LookupError(name)
    return found


def _given(value: Scalar) -> Scalar | Number:
    """A number of the request as a file's would be."""
    return Number(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _text(entry: Entry, column: Column) -> str | None:
    try:
        found = text_of(entry.values.get(column.name), column)
        (found or "").encode()  # half a surrogate pair is no text
    except (WrongKind, UnicodeEncodeError):
        raise _wrong(entry, column.name, _not_of(entry, column)) from None
    if found is not None and "\0" in found:
        raise _wrong(entry, column.name, _not_of(entry, column))
    return found


def _not_of(entry: Entry, column: Column) -> str:
    return say("reference_wrong_type", entry=entry.place, column=column.name)


def _wrong(entry: Entry, column: str, text: str) -> InvalidParams:
    return InvalidParams(text, details={"field": "file", "entry": entry.place, "column": entries.shown(column)})


def _expect_each_once(found: Entries, key: Sequence[str]) -> None:
    """Raise InvalidParams for a key that two entries have, by its text; what else is the same the server tells."""
    seen: dict[tuple[str, ...], Entry] = {}
    for entry in found.each:
        values = tuple(str(entry.values[name]) for name in key)
        other = seen.setdefault(values, entry)
        if other is not entry:
            text = say("reference_key_twice", entry=entry.place, other=other.place)
            raise _wrong(entry, key[0], text)
