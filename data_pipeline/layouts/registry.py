"""The layouts there are, by what requests and manifests call them. A new file in this room is a new layout."""

import pkgutil
from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType

from data_pipeline import layouts
from data_pipeline.layouts import langchain, tables
from data_pipeline.layouts.base import Layout

DOCUMENTED: Layout = langchain.LAYOUT
"""What is meant where nothing names a layout: an old manifest, a pair of files without one, a request."""


def _found() -> dict[str, Layout]:
    """The LAYOUT of each module of this room, but for older shapes, which a layout of their family converts."""
    modules = (import_module(f"{layouts.__name__}.{one.name}") for one in pkgutil.iter_modules(layouts.__path__))
    found: list[Layout] = [module.LAYOUT for module in modules if hasattr(module, "LAYOUT")]
    return {layout.family: layout for layout in found if layout.name == layout.family}


LAYOUTS: Mapping[str, Layout] = MappingProxyType(_found())
"""Those whose tables are known beforehand."""

OPEN: frozenset[str] = frozenset({tables.FAMILY, tables.PGVECTORSTORE})
"""Families whose tables are what a catalog or a manifest says."""

FAMILIES: tuple[str, ...] = (*LAYOUTS, *sorted(OPEN))
"""All, the documented one first."""
