"""The answer of GET /collections."""

from data_pipeline.operations.results.result import Part, Result, Target


class NamedCollection(Part):
    """A collection of the live tables."""

    uuid: str
    name: str


class Collections(Result):
    """The collections of a database that have a name, by name."""

    collections: list[NamedCollection]
    target: Target
