"""What operations on Redis take from the settings."""

from data_pipeline.engine import Engine
from data_pipeline.stores.redis.saving.consistency import Means


def connect_seconds(engine: Engine) -> float:
    return float(engine.timeouts.connect)


def means(engine: Engine) -> Means:
    settings = engine.settings
    return Means(
        directory=settings.drill_directory,
        program=settings.redis.program,
        connect_seconds=connect_seconds(engine),
        pause_seconds=float(settings.redis.pause_seconds),
    )
