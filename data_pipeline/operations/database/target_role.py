"""As whom a database is restored: the embedded one as its owner, who is no superuser."""

from data_pipeline.engine import Engine
from data_pipeline.operations.database import locks
from data_pipeline.postgres.target import Target
from data_pipeline.postgres_server import embedded


def of(engine: Engine, target: Target) -> Target:
    """Raises ServiceError: OperationInProgress while another writer has the database."""
    if target.source != "embedded":
        return target
    with locks.documented():
        return embedded.as_owner(target, engine.timeouts)
