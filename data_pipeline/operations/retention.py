"""Which backup sets of the whole system are old, and their removal. Sets of tasks, and sets that nothing vouches for,
are left alone."""

from collections.abc import Callable, Container, Sequence
from datetime import datetime, timedelta
from typing import TypeAlias

import structlog

from common.errors import EncryptionKeyMissing, InvalidBackup, NotFound, OrphanRows, ServiceError
from data_pipeline.engine import Engine
from data_pipeline.operations import read_back
from data_pipeline.sets.held_set import AnySet
from data_pipeline.sets.manifest import Manifest
from data_pipeline.storage.location import Location
from data_pipeline.storage.naming import manifest_name

Named: TypeAlias = tuple[Location, str]
"""A set, by its location and timestamp."""

audit = structlog.get_logger("audit")


class Retention:
    """keep_days: sets younger than that stay; keep_last: so many of the newest good ones stay. 0: no such rule.

    A set goes when no rule keeps it. The newest set that verifies to the byte always stays. Neither a
    set of chosen rows nor one that a restore took first is a substitute for a backup of everything: they aren't
    counted, and go when they are old enough and older than all of these that stay.
    """

    def __init__(self, engine: Engine, keep_days: int, keep_last: int) -> None:
        self._engine = engine
        self._keep_days = keep_days
        self._keep_last = keep_last

    def retire(self, besides: Container[Named] = frozenset()) -> None:
        """Remove what no rule keeps, except what is in use. besides: sets that another rule is for."""
        if not self.has_rule:
            return
        ours = [one for one in self._vouched_for() if (one.location, one.timestamp) not in besides]
        for alike in _grouped(ours, _source).values():
            outdated = self._outdated(alike)
            for server, own in _grouped(alike, _server).items():
                if server is None:  # which of the servers they are of is unknown: they count together with all
                    self._retire(alike, [one for one in outdated if one in own])
                else:  # what goes has to be outdated among all of that name, too: a name shared keeps more, never less
                    self._retire(own, [one for one in self._outdated(own) if one in outdated])

    @property
    def has_rule(self) -> bool:
        return bool(self._keep_days or self._keep_last)

    def missing(self, sets: Sequence[Named]) -> set[Named]:
        """Those of them that are not there any more. What is in a storage that can't be reached is not missing, nor is
        all of one that seems empty: it may not be mounted."""
        gone: set[Named] = set()
        for where in dict.fromkeys(where for where, _ in sets):
            try:
                names = self._engine.storages.of(where).files(where)
            except ServiceError:
                continue
            gone |= {named for named in sets if names and named[0] == where and manifest_name(named[1]) not in names}
        return gone

    def retire_chosen(self, alike: Sequence[Named], outdated: Sequence[Named]) -> set[Named]:
        """Remove some of one storage's sets, all made alike, as long as a newer one verifies; those still there.

        alike: newest first, the outdated among them. Raises ServiceError if the storage can't be reached.
        """
        good = [one for named in alike if (one := self._found(*named)) and one.manifest is not None]
        old = [one for one in good if (one.location, one.timestamp) in set(outdated)]
        self._retire(good, old[::-1], whole=lambda _one: True)
        return set(outdated) - self.missing(outdated)

    def _found(self, where: Location, timestamp: str) -> AnySet | None:
        """None for one that is gone, or damaged."""
        try:
            return self._engine.catalog.find_any(where, timestamp)
        except (InvalidBackup, NotFound, EncryptionKeyMissing):
            return None

    def _outdated(self, good: list[AnySet]) -> list[AnySet]:
        """What is old of one database's sets of the same tables."""
        main = [one for one in good if _is_main(one)]
        old = self._old(main)
        oldest_kept = min((one.timestamp for one in main if one not in old), default="")
        beside = [one for one in good if not _is_main(one) and self._is_old_enough(one)]
        return [*old, *(one for one in beside if not oldest_kept or one.timestamp < oldest_kept)]

    def _retire(
        self, good: list[AnySet], outdated: list[AnySet], whole: Callable[[AnySet], bool] | None = None
    ) -> None:
        """Remove what is outdated of one database's sets, as long as a newer one verifies.

        whole: which sets are a substitute for others; those of everything, if not said.
        """
        safe = next(filter(self._verifies, filter(whole or _is_main, good)), None) if outdated else None
        if safe is None:
            return
        gone = [one for one in outdated if one is not safe and (one.timestamp < safe.timestamp or _is_bad(one))]
        with self._engine.catalog.locked_any(safe.location, safe.timestamp):
            for one in gone:
                self._remove(one)

    def _vouched_for(self) -> list[AnySet]:
        """The sets with a manifest that agrees with their files, newest first."""
        found = []
        for listed in self._engine.catalog.scan(global_only=True, task_id=None, everything=True).locations:
            for one in listed.sets:
                try:
                    backup_set = self._engine.catalog.find_any(listed.location, one.timestamp)
                except ServiceError:
                    continue  # damaged, or just removed: nothing that could be counted on
                if backup_set.manifest is not None:
                    found.append(backup_set)
        return found

    def _old(self, good: list[AnySet]) -> list[AnySet]:
        """What no rule keeps, oldest first. Without keep_days only the number counts, without keep_last the age."""
        return [one for one in good[self._keep_last :] if self._is_old_enough(one)][::-1]

    def _is_old_enough(self, backup_set: AnySet) -> bool:
        limit = datetime.now() - timedelta(days=self._keep_days)
        return not self._keep_days or backup_set.timestamp < limit.strftime(self._engine.settings.timestamp_format)

    def _verifies(self, backup_set: AnySet) -> bool:
        """Whether a restore would take it: then what is older may go.

        Raises what says nothing about the set: a storage out of reach for a moment. Then nothing may go.
        """
        if backup_set.manifest is None or _obstacles(backup_set):
            return False
        try:
            read_back.through(self._engine, backup_set)
        except (InvalidBackup, OrphanRows, NotFound, EncryptionKeyMissing):
            return False
        return True

    def _remove(self, backup_set: AnySet) -> None:
        where, timestamp = backup_set.location, backup_set.timestamp
        try:
            self._engine.catalog.delete(where, timestamp)
            outcome = "SUCCESS"
        except ServiceError as error:  # it is in use, or another process was faster
            outcome = error.error_type
        audit.info("retire", who="retention", backup_path=where.relative_path, timestamp=timestamp, outcome=outcome)


def _grouped(sets: list[AnySet], key: Callable[[AnySet], str | None]) -> dict[str | None, list[AnySet]]:
    """In their order."""
    return {group: [one for one in sets if key(one) == group] for group in dict.fromkeys(map(key, sets))}


def _source(backup_set: AnySet) -> str | None:
    """The database and the tables, or the store: a set of others is no substitute."""
    manifest = backup_set.manifest
    if isinstance(manifest, Manifest):
        return "\0".join([manifest.database, *sorted(manifest.tables)])
    return "\0".join([manifest.layout, manifest.database, ""]) if manifest else None


def _server(backup_set: AnySet) -> str | None:
    return backup_set.manifest.server if backup_set.manifest else None


def _is_bad(backup_set: AnySet) -> bool:
    """Of a backup of everything that is newer than the newest good one: whether it is damaged. What only the tables'
    constraints keep out holds rows that no good one has.
    """
    return _is_main(backup_set) and not _obstacles(backup_set)


def _is_main(backup_set: AnySet) -> bool:
    """Whether it is a backup of everything that was asked for by a client or the schedule."""
    manifest = backup_set.manifest
    return manifest is not None and not manifest.partial and not manifest.precaution


def _obstacles(backup_set: AnySet) -> list[str]:
    """What keeps a set from coming back into its own tables."""
    return backup_set.manifest.obstacles if isinstance(backup_set.manifest, Manifest) else []
