"""Which collections a database has now: what a backup may be limited to."""

from common.messages import say
from data_pipeline.engine import Engine
from data_pipeline.operations.results.collections import Collections, NamedCollection
from data_pipeline.operations.results.result import Target
from data_pipeline.postgres.connection import transaction
from data_pipeline.postgres.reading import owners
from data_pipeline.postgres.schema import tables


def of(engine: Engine, named_target: str | None) -> Collections:
    """Those that have a name, sorted by it. Raises ServiceError."""
    target, layout = engine.databases.resolve(named_target), engine.layout
    with transaction(target, engine.timeouts, read_only=True) as session:
        owner = tables.expect_there(session.cursor, session.schema, layout[layout.owned.owner])
        found = owners.named(session.cursor, owner, layout.owned)
    named = [NamedCollection(uuid=uuid, name=name) for uuid, name in found.items() if name]
    return Collections(
        response=say("collections_listed", count=len(named)),
        collections=sorted(named, key=lambda one: one.name),
        target=Target.of(target),
    )
