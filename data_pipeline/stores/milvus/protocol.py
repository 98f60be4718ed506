"""Milvus' protocol messages, pyarrow and gRPC: loaded when they are first used, once a process.

pymilvus ships the generated messages, but importing the package brings pandas along: 60 MB and half a second that
nothing here needs. Its folder of messages is a package of its own, which is loaded by itself.
"""

import os
import sys
from functools import cache
from importlib import util
from pathlib import Path
from typing import Any, NamedTuple

from data_pipeline.stores.extras import needed

EXTRA = "milvus"
PACKAGE = "pymilvus"
MESSAGES = "grpc_gen"
PANDAS = "pandas"


class Protocol(NamedTuple):
    """The modules that pymilvus generates from milvus.proto."""

    common: Any
    milvus: Any
    schema: Any
    stubs: Any


@cache
def protocol() -> Protocol:
    """Raises ExtraMissing."""
    package = _messages()
    names = ("common_pb2", "milvus_pb2", "schema_pb2", "milvus_pb2_grpc")
    return Protocol(*(getattr(package, name) for name in names))


@cache
def arrow() -> Any:
    """pyarrow. Raises ExtraMissing.

    Its memory comes from malloc, which gives it back to the system when it is asked to. Its own pool keeps some for
    each thread that has ever used it; its C++ reads from the environment which pool to use, not from Python.
    """
    os.environ["ARROW_DEFAULT_MEMORY_POOL"] = "system"
    module: Any = needed("pyarrow", extra=EXTRA)
    module.set_memory_pool(module.system_memory_pool())
    _find_no_pandas(module)
    return module


@cache
def parquet() -> Any:
    """pyarrow.parquet. Raises ExtraMissing."""
    arrow()
    return needed("pyarrow.parquet", extra=EXTRA)


@cache
def grpc() -> Any:
    """Raises ExtraMissing.

    Unless told not to, it starts its threads again in every child that is forked. One that only execs another program
    then dies at random before it gets there, such as root's for the server of the embedded PostgreSQL.
    """
    os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
    return needed("grpc", extra=EXTRA)


@cache
def json_format() -> Any:
    """How messages are written as JSON. Raises ExtraMissing."""
    return needed("google.protobuf.json_format", extra=EXTRA)


class _NoPandas:
    """Finds no pandas, wherever else it is."""

    @staticmethod
    def find_spec(name: str, _path: object = None, _target: object = None) -> None:
        if name == PANDAS:
            raise ModuleNotFoundError(name)


def _find_no_pandas(module: Any) -> None:
    """Let pyarrow look for pandas now, and find none: it does so once, with the first array that is made, and the
    import takes 35 MB and half a second."""
    if PANDAS in sys.modules:
        return
    sys.meta_path.insert(0, _NoPandas)
    try:
        module.array([], module.string())
    finally:
        sys.meta_path.remove(_NoPandas)


def _messages() -> Any:
    """pymilvus' folder of messages, without what its package imports beside it."""
    found = util.find_spec(PACKAGE)
    places = found.submodule_search_locations if found else None
    if PACKAGE in sys.modules or not places:
        return needed(f"{PACKAGE}.{MESSAGES}", extra=EXTRA)
    folder = Path(places[0]) / MESSAGES
    name = f"{PACKAGE}_{MESSAGES}"
    spec = util.spec_from_file_location(name, folder / "__init__.py", submodule_search_locations=[str(folder)])
    if spec is None or spec.loader is None:
        return needed(f"{PACKAGE}.{MESSAGES}", extra=EXTRA)
    needed("grpc", extra=EXTRA)
    module = sys.modules[name] = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
