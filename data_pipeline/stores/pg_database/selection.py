"""Which entries of an archive are restored, and in which order: what pg_restore is given as its list.

A list holds only numbers. pg_restore creates in its order and drops in the opposite one, and through a pipe the blocks
of data have to come in it as well.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from data_pipeline.postgres.schema.tables import QUEUE_SCHEMA
from data_pipeline.stores.pg_database.contents import Contents, Entry

TABLE_KINDS = frozenset({"TABLE", "FOREIGN TABLE"})
INDEXES = frozenset({"INDEX", "CONSTRAINT"})
TABLE_DATA = "TABLE DATA"
FOLLOWING = frozenset(
    {
        "ACL",
        "COMMENT",
        "SECURITY LABEL",
        "DEFAULT",
        "ROW SECURITY",
        "SEQUENCE SET",
        "SEQUENCE OWNED BY",
        "STATISTICS DATA",
    }
)
"""They change an object that another entry makes."""

_NAME = r'("(?:[^"]|"")+"|[a-z_\u0080-\uffff][\w$\u0080-\uffff]*)(?=[,; ]|$)'
DEFAULT_OF = re.compile(rf"\bFOR ROLE {_NAME}")
ROLE = re.compile(rf"(?:\b(?:TO|FROM|FOR ROLE) |, ){_NAME}")
"""In the GRANTs, REVOKEs and policies that pg_dump writes."""

NO_ROLES = frozenset({"PUBLIC", "CURRENT_USER", "SESSION_USER", "CURRENT_ROLE"})
OF_ROLES = frozenset({"ACL", "DEFAULT ACL", "POLICY"})
AUTHORIZATION = "SET SESSION AUTHORIZATION "
SEQUENCE_SET = re.compile(r"\w+ pg_catalog\.setval\('.*', (-?\d+), (true|false)\);\s*", re.DOTALL)


@dataclass
class Selection:
    """The entries that go in, in their order, and those that were left out."""

    entries: list[Entry]
    left_out: list[Entry] = field(default_factory=list)

    def without(self, unwanted: Callable[[Entry], bool]) -> "Selection":
        kept = [entry for entry in self.entries if not unwanted(entry)]
        return Selection(kept, [*self.left_out, *(entry for entry in self.entries if unwanted(entry))])

    @property
    def numbers(self) -> list[int]:
        return [entry.id for entry in self.entries]

    def list_file(self) -> str:
        """As `pg_restore --use-list` reads it."""
        return "".join(f"{number};\n" for number in self.numbers)


def whole(contents: Contents) -> Selection:
    """All of an archive but what belongs to the service itself: its queue, and the queue's entries."""
    ours = Selection([*contents.entries]).without(
        lambda entry: entry.schema == QUEUE_SCHEMA or (entry.kind == "SCHEMA" and entry.name == QUEUE_SCHEMA)
    )
    return Selection(ours.entries)


def without_rows(selection: Selection, contents: Contents, names: Collection[str]) -> Selection:
    """Without the rows of these tables, given with or without a schema, and of what inherits from them."""
    logs = _with_children(contents, [entry.id for entry in _tables(contents) if _is_named(entry, names)])
    return selection.without(lambda entry: entry.kind == TABLE_DATA and bool(logs.intersection(entry.depends_on)))


def without_present(selection: Selection, extensions: Collection[str], schemas: Collection[str]) -> Selection:
    """Without extensions and schemas that are there, and what is said of them: their owners are others, and what is in
    them may be in use."""

    def present(entry: Entry) -> bool:
        there = {"EXTENSION": extensions, "SCHEMA": schemas}
        if entry.kind in there:
            return entry.name in there[entry.kind]
        kind, _, name = entry.name.partition(" ")
        return entry.kind in ("COMMENT", "ACL") and kind in there and name.strip('"') in there[kind]

    return selection.without(present)


def without_roles(selection: Selection, present: Collection[str], role: str, superuser: bool) -> Selection:
    """Without privileges and policies of roles that aren't there, or that only a superuser may give in their names.

    role: the one that restores.
    """

    def impossible(entry: Entry) -> bool:
        if entry.kind not in OF_ROLES:
            return False
        owners = set(_names(DEFAULT_OF.findall(entry.definition))) if entry.kind == "DEFAULT ACL" else set()
        in_other_names = AUTHORIZATION in entry.definition or bool(owners - {role})
        return (in_other_names and not superuser) or not roles_of(entry) <= set(present)

    return selection.without(impossible)


def without_following(selection: Selection, contents: Contents, existing: Collection[tuple[str, str]]) -> Selection:
    """Without what would change relations that are there: their privileges, comments, defaults, sequences."""

    def changes(entry: Entry) -> bool:
        about = (contents.by_id.get(number) for number in entry.depends_on)
        return entry.kind in FOLLOWING and any(one is not None and one.relation in existing for one in about)

    return selection.without(changes)


def roles_of(entry: Entry) -> set[str]:
    """The roles that a privilege or policy names."""
    if entry.kind not in OF_ROLES:
        return set()
    found = {name for line in entry.definition.splitlines() for name in ROLE.findall(_role_part(line, entry.kind))}
    return {name for name in _names(found) if name.upper() not in NO_ROLES}


def _names(printed: Iterable[str]) -> list[str]:
    return [name[1:-1].replace('""', '"') if name.startswith('"') else name for name in printed]


def _role_part(line: str, kind: str) -> str:
    """Of a policy only what stands before its expressions, which may hold anything."""
    if kind == "POLICY":
        return re.split(r" (?:USING|WITH CHECK) \(", line, maxsplit=1)[0]
    return line


def parents_last(selection: Selection) -> Selection:
    """Keys and indexes of partitions before those of the tables they belong to.

    So they are dropped after these, when they are gone already: to drop one of a partition alone is refused.
    """
    chosen = [entry for entry in selection.entries if entry.kind in INDEXES]
    by_id = {entry.id: entry for entry in chosen}
    depths: dict[int, int] = {}

    def depth(entry: Entry) -> int:
        if entry.id not in depths:
            depths[entry.id] = 0  # and so a circle, which no archive has, ends
            above = [by_id[number] for number in entry.depends_on if number in by_id]
            depths[entry.id] = 1 + max(map(depth, above), default=0)
        return depths[entry.id]

    return _arranged(selection, chosen, sorted(chosen, key=depth, reverse=True))


def referred_first(selection: Selection, contents: Contents) -> Selection:
    """The rows of a table behind those of the tables that it refers to: in a merge the foreign keys are there."""
    data = [entry for entry in selection.entries if entry.kind == TABLE_DATA]
    table_of = {entry.id: next(iter(entry.depends_on), 0) for entry in data}
    referred = _references(contents)
    done: list[Entry] = []
    under_way: set[int] = set()
    by_table = {table_of[entry.id]: entry for entry in data}

    def add(entry: Entry) -> None:
        if entry.id in under_way:
            return
        under_way.add(entry.id)
        for table in referred.get(table_of[entry.id], ()):
            if table in by_table:
                add(by_table[table])
        done.append(entry)

    for entry in data:
        add(entry)
    return _arranged(selection, data, done)


def sequence_values(entries: Iterable[Entry]) -> dict[tuple[str, str], tuple[int, bool]]:
    """Where sequences stood, and whether that value had been given out."""
    found = ((entry, SEQUENCE_SET.fullmatch(entry.definition.strip())) for entry in entries)
    return {
        entry.relation: (int(match[1]), match[2] == "true")
        for entry, match in found
        if match and entry.kind == "SEQUENCE SET"
    }


def _arranged(selection: Selection, chosen: Sequence[Entry], order: Sequence[Entry]) -> Selection:
    """The chosen entries in another order, in the places that they have among the others."""
    ids, places = {entry.id for entry in chosen}, iter(order)
    return Selection(
        [next(places) if entry.id in ids else entry for entry in selection.entries], list(selection.left_out)
    )


def _references(contents: Contents) -> Mapping[int, set[int]]:
    """The tables that each table refers to, its partitions and those of the other side included."""
    found: dict[int, set[int]] = {}
    for key in (entry for entry in contents.entries if entry.kind == "FK CONSTRAINT"):
        tables = [contents.by_id[number] for number in key.depends_on if number in contents.by_id]
        tables = [entry for entry in tables if entry.kind in TABLE_KINDS]
        own = [entry.id for entry in tables if entry.schema == key.schema and key.name.startswith(f"{entry.name} ")]
        others = _with_children(contents, [entry.id for entry in tables if entry.id not in own])
        for table in _with_children(contents, own):
            found.setdefault(table, set()).update(others - {table})
    return found


def _with_children(contents: Contents, tables: Iterable[int]) -> set[int]:
    """Tables by their numbers, with their partitions and what else inherits from them."""
    children: dict[int, list[int]] = {}
    for entry in contents.entries:
        if entry.kind == "TABLE ATTACH":
            parts = [number for number in entry.depends_on if number in contents.by_id]
            child = next((number for number in parts if contents.by_id[number].relation == entry.relation), None)
            for parent in parts:
                if child is not None and parent != child:
                    children.setdefault(parent, []).append(child)
        elif entry.kind in TABLE_KINDS:
            for parent in entry.depends_on:
                if parent in contents.by_id and contents.by_id[parent].kind in TABLE_KINDS:
                    children.setdefault(parent, []).append(entry.id)
    found: set[int] = set()
    waiting = [*tables]
    while waiting:
        table = waiting.pop()
        if table not in found:
            found.add(table)
            waiting += children.get(table, [])
    return found


def _tables(contents: Contents) -> list[Entry]:
    return [entry for entry in contents.entries if entry.kind in TABLE_KINDS]


def _is_named(entry: Entry, names: Collection[str]) -> bool:
    return entry.name in names or f"{entry.schema}.{entry.name}" in names
