"""What crashes have left of restores of other stores, whether of a stack or of a store alone."""

from data_pipeline.engine import Engine
from data_pipeline.operations.milvus import recovery as milvus
from data_pipeline.operations.objects import recovery as objects


def recover(engine: Engine) -> None:
    """Settle it. Raises ServiceUnavailable where what was about to be done can't be read."""
    milvus.recover(engine)
    objects.recover(engine)
