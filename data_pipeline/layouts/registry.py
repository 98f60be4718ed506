"""The layouts there are, by what requests and manifests call them."""

from collections.abc import Mapping
from types import MappingProxyType

from data_pipeline.layouts import langchain
from data_pipeline.layouts.base import Layout

DOCUMENTED: Layout = langchain.LAYOUT
"""What is meant where nothing names a layout: an old manifest, a pair of files without one, a request."""

LAYOUTS: Mapping[str, Layout] = MappingProxyType({layout.family: layout for layout in (langchain.LAYOUT,)})
