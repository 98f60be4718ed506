"""Targets and the buckets of backups, which may not lie within one another."""

from common.errors import InvalidParams, ServiceUnavailable
from common.messages import say
from data_pipeline.engine import Engine
from data_pipeline.storage.s3.bucket_url import BucketUrl
from data_pipeline.stores.target import StoreTarget


def expect_apart(engine: Engine, target: StoreTarget) -> None:
    """Raise InvalidParams for a target that holds backups, or lies within them: they would save, or remove, one
    another."""
    try:
        names = engine.storages.all_names()
    except ServiceUnavailable:
        names = list(engine.storages)
    bucket, _, prefix = target.path.partition("/")
    for name in names:
        place = engine.storages.place(name)
        if isinstance(place, BucketUrl) and place.bucket == bucket and _same_server(place, target):
            one, other = (f"{prefix}/".lstrip("/"), f"{place.prefix}/".lstrip("/"))
            if one.startswith(other) or other.startswith(one):
                text = say("objects_target_holds_backups", storage=name)
                raise InvalidParams(text, details={"field": "target", "storage": name})


def _same_server(place: BucketUrl, target: StoreTarget) -> bool:
    """As far as it can be told: a server that isn't Amazon's may have several names."""
    return (place.endpoint is None) == (target.scheme == "s3")
