"""What a crash left of restores into Milvus: finished or reverted, as their intents say."""

import structlog

from common.errors import ServiceError
from data_pipeline.engine import Engine
from data_pipeline.stores.milvus import switch
from data_pipeline.stores.milvus.server import connected
from data_pipeline.stores.milvus.store import FAMILY

log = structlog.get_logger("milvus")


def recover(engine: Engine) -> list[tuple[str, str]]:
    """Settle every intent whose process is gone: each collection, and whether its restore was finished or reverted.

    One whose server can't be reached is left for later. Raises ServiceUnavailable where intents can't be read.
    """
    settled = []
    for intent in engine.intents.store.abandoned():
        if intent.family != FAMILY:
            continue
        try:
            target = engine.store_target(intent.target, "milvus")
            with connected(target) as server:
                outcome = switch.settle(server, intent)
            engine.intents.store.end(intent)
        except ServiceError as error:
            log.warning("an interrupted restore can't be settled yet", target=intent.target, why=error.error_type)
            continue
        log.warning("an interrupted restore was settled", collection=intent.collection, outcome=outcome)
        settled.append((intent.collection, outcome))
    return settled
