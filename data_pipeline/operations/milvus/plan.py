"""What a restore into Milvus will do to each collection, found out before anything is changed: what a dry run tells."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from common.errors import InvalidParams, NotFound, ResourceExists, SchemaMismatch, ServiceError
from common.messages import say
from data_pipeline.operations.milvus.backup import shape_of, type_name
from data_pipeline.operations.milvus.requests import LONGEST_NAME, NAME, MilvusRestoreRequest
from data_pipeline.operations.milvus.results import Problem, RestoredCollection
from data_pipeline.stores.intents import Intent
from data_pipeline.stores.milvus import kinds, live
from data_pipeline.stores.milvus.facts import CollectionFact, MilvusFacts
from data_pipeline.stores.milvus.live import LiveCollection
from data_pipeline.stores.milvus.server import Server
from data_pipeline.stores.milvus.table import RowShape
from data_pipeline.stores.target import StoreTarget

Action = Literal["create", "swap", "merge"]
FRESH, OLD = "__restore", "__old"
Note = Callable[[str], None]


@dataclass(frozen=True)
class Step:
    """One collection. name: what it is called afterwards. fresh: where rows are loaded. aliases: of a new collection
    those that are made; of a swap those that are pointed at it."""

    fact: CollectionFact
    shape: RowShape
    action: Action
    name: str
    fresh: str
    live: LiveCollection | None = None
    aliases: tuple[str, ...] = ()
    rows_before: int | None = None
    old: str | None = None

    @property
    def by_alias(self) -> bool:
        return self.action == "swap" and bool(self.aliases)

    @property
    def key(self) -> str:
        return self.shape.key.name

    @property
    def made_by_server(self) -> bool:
        """Whether the server made its keys."""
        return bool(self.shape.key.field.autoID)

    @property
    def planned(self) -> RestoredCollection:
        """What a restore would do."""
        switched_by = "alias" if self.by_alias else "rename"
        return RestoredCollection(
            name=self.fresh if self.by_alias else self.name,
            rows=self.fact.rows,
            success=True,
            action=f"would_{self.action}",
            rows_before=self.rows_before,
            aliases=list(self.aliases),
            old=self.old,
            switched_by=switched_by if self.action == "swap" else None,
        )

    def intent(self, target: StoreTarget, database: str, *, drop_old: bool) -> Intent:
        return Intent(
            id=uuid.uuid4().hex,
            target=target.name,
            digest=digest_of(target, database),
            collection=self.name,
            fresh=self.fresh,
            old=self.old,
            aliases=self.aliases if self.action == "swap" else (),
            drop_old=drop_old,
        )


class Noting:
    """Writes down what would stand in the way, and goes on."""

    def __init__(self, problems: list[Problem], collection: str | None) -> None:
        self._problems, self._collection = problems, collection

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: Any, error: BaseException | None, _trace: Any) -> bool:
        if not isinstance(error, ServiceError):
            return False
        self._problems.append(Problem(error=error.response, error_type=error.error_type, collection=self._collection))
        return True


@dataclass(frozen=True)
class Planner:
    """A server and what was asked of it. note: takes warnings."""

    server: Server
    request: MilvusRestoreRequest
    untried: bool
    note: Note

    def chosen(self, facts: MilvusFacts) -> list[CollectionFact]:
        """The collections that are asked for. Raises NotFound, InvalidParams."""
        names = self.request.collections or [one.name for one in facts.collections]
        found = [in_set(facts, name) for name in names]
        for name in self.request.renames or ():
            in_set(facts, name)
        called = [self.request.called(one.name) for one in found]
        for name in called:
            if not NAME.fullmatch(name) or len(name) > LONGEST_NAME:
                raise InvalidParams(say("milvus_name_invalid", name=name[:64]), details={"field": "renames"})
            if called.count(name) > 1:
                raise InvalidParams(say("milvus_names_meet", name=name), details={"field": "renames"})
        return found

    def expect_meant(self) -> None:
        """Raise what the request's expectations aren't met with."""
        expected = self.request.expect
        if expected is None:
            return
        if expected.database not in (None, self.server.database):
            text = say("milvus_expectation_database", expected=expected.database, found=self.server.database)
            details = {"expected": expected.database, "found": self.server.database}
            raise SchemaMismatch(text, can_retry=False, details=details)
        for name, rows in (expected.rows or {}).items():
            found = self._count(live.describe(self.server, name))
            if found != rows:
                shown = "?" if found is None else found
                text = say("milvus_expectation_rows", name=name, found=shown, expected=rows)
                seen = {"name": name, "found": found, "expected": rows}
                raise SchemaMismatch(text, can_retry=False, details=seen)

    def step(self, fact: CollectionFact) -> Step:
        """Raises what stands in the way of one collection."""
        shape, name = shape_of(fact, untried=self.untried), self.request.called(fact.name)
        found = live.find(self.server, name)
        if self.request.merge:
            return self._merge(fact, shape, name, found)
        if self.request.swap and found is not None:
            return self._swap(fact, shape, name, found)
        if found is not None:
            raise ResourceExists(say("milvus_name_taken", name=name), can_retry=False, details={"name": name})
        return self._create(fact, shape, name)

    def _create(self, fact: CollectionFact, shape: RowShape, name: str) -> Step:
        aliases = tuple(fact.aliases)
        if self.request.moves and aliases:
            self.note(say("milvus_aliases_left", aliases=", ".join(aliases), name=name))
            aliases = ()
        for alias in aliases:
            if live.find(self.server, alias) is not None:
                raise ResourceExists(say("milvus_name_taken", name=alias), can_retry=False, details={"alias": alias})
        self._note_keys(shape, name)
        return Step(fact, shape, "create", name, name, None, aliases)

    def _swap(self, fact: CollectionFact, shape: RowShape, name: str, found: LiveCollection) -> Step:
        if shape.key.field.autoID and self.request.keys == "keep":
            raise SchemaMismatch(say("milvus_auto_id_swap", name=name), can_retry=False, details={"name": name})
        self._note_keys(shape, name)
        fresh = self._free(f"{fact.name if found.name != name else name}{FRESH}")
        rows = self._count(found)
        if found.aliases:
            return Step(fact, shape, "swap", name, fresh, found, found.aliases, rows, found.name)
        old = self._free(f"{name}{OLD}_{datetime.now():%Y%m%d_%H%M%S}")
        return Step(fact, shape, "swap", name, fresh, found, (), rows, old)

    def _merge(self, fact: CollectionFact, shape: RowShape, name: str, found: LiveCollection | None) -> Step:
        if found is None:
            raise NotFound(say("milvus_nothing_to_merge_into", name=name), details={"name": name})
        if shape.key.field.autoID or found.key.autoID:
            raise SchemaMismatch(say("milvus_auto_id_merge", name=name), can_retry=False, details={"name": name})
        if differing := differences(fact.schema, found.schema):
            text = say("milvus_schema_differs", name=name, fields=", ".join(differing))
            raise SchemaMismatch(text, can_retry=False, details={"name": name, "fields": differing})
        return Step(fact, shape, "merge", name, found.name, found, (), self._count(found))

    def _note_keys(self, shape: RowShape, name: str) -> None:
        if not shape.key.field.autoID:
            return
        anew = self.request.keys == "new"
        self.note(say("milvus_keys_new", name=name) if anew else say("milvus_auto_id_off", name=name))

    def _count(self, found: LiveCollection) -> int | None:
        """Rows of a live collection; None where it isn't loaded, and counting would load it."""
        if not live.is_loaded(self.server, found.name):
            return None
        return live.count(self.server, found.name)

    def _free(self, wanted: str) -> str:
        """A name that nothing has."""
        name, number = wanted, 1
        while live.find(self.server, name) is not None:
            number += 1
            name = f"{wanted}_{number}"
        return name


def digest_of(target: StoreTarget, database: str) -> str:
    """Tells a database of a server from others."""
    return f"{target.digest}-{database}"


def differences(saved: Any, found: Any) -> list[str]:
    """Fields in which a live schema can't take the rows of a saved one; each with what it is."""
    there = {field.name: field for field in found.fields}
    made = {name for function in saved.functions for name in function.output_field_names}
    texts = []
    for field in saved.fields:
        other = there.pop(field.name, None)
        if field.name in made:
            continue
        if other is None:
            texts.append(f"{field.name} (-)")
        elif _kind(field) != _kind(other) or _length(other) < _length(field):
            texts.append(f"{field.name} ({_shown(field)} / {_shown(other)})")
    texts += [
        f"{field.name} (+)"
        for field in there.values()
        if not (field.nullable or field.HasField("default_value") or field.is_function_output)
    ]
    if saved.enable_dynamic_field and not found.enable_dynamic_field:
        texts.append(f"{kinds.DYNAMIC} (-)")
    return texts


def _kind(field: Any) -> tuple[Any, ...]:
    return field.data_type, field.element_type, kinds.dimensions(field), field.is_primary_key


def _length(field: Any) -> int:
    told = {one.key: one.value for one in field.type_params}
    return int(told.get("max_length", 0))


def _shown(field: Any) -> str:
    size = kinds.dimensions(field) or _length(field)
    return f"{type_name(field.data_type)}({size})" if size else type_name(field.data_type)


def in_set(facts: MilvusFacts, name: str) -> CollectionFact:
    """A collection of a set. Raises NotFound."""
    found = facts.collection(name)
    if found is None:
        raise NotFound(say("milvus_collection_not_in_set", name=name), details={"name": name})
    return found
