"""What a crash leaves of restores of objects: finished by another process, as was written down before the first change.

A bucket has no transaction: what is half written is completed, since the set is there and what was before it is saved.
"""

import json

import structlog

from common.errors import InvalidBackup, InvalidParams, NotFound, ServiceError
from data_pipeline.engine import Engine
from data_pipeline.operations.objects.operation import FAMILY, ObjectsRestoreOperation
from data_pipeline.operations.objects.requests import ObjectsRestoreRequest

log = structlog.get_logger("objects")


def recover(engine: Engine) -> list[str]:
    """Finish every restore whose process is gone; the targets. One whose bucket can't be reached is left for later.
    Raises ServiceUnavailable where intents can't be read."""
    finished = []
    for intent in engine.intents.store.abandoned():
        if intent.family != FAMILY:
            continue
        if intent.stage == "planning":
            engine.intents.store.end(intent)
            continue
        try:
            ObjectsRestoreOperation(engine).finish(ObjectsRestoreRequest.read(json.loads(intent.request)))
            finished.append(intent.target)
            log.warning("an interrupted restore was finished", target=intent.target)
        except (InvalidBackup, InvalidParams, NotFound) as error:
            log.error("an interrupted restore can't be finished", target=intent.target, why=error.error_type)
        except ServiceError as error:
            log.warning("an interrupted restore can't be finished yet", target=intent.target, why=error.error_type)
            continue
        engine.intents.store.end(intent)
    return finished
