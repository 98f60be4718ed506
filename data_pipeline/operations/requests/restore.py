"""What a restore is asked."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator
from typing_extensions import Self

from data_pipeline.layouts.registry import OPEN
from data_pipeline.operations.requests import fields
from data_pipeline.operations.requests.request import none_of
from data_pipeline.operations.requests.restore_options import RestoreOptions
from data_pipeline.operations.requests.where import Where
from data_pipeline.operations.restore import option_conflicts
from data_pipeline.operations.restore.modes import registry
from data_pipeline.sets.manifest import Manifest


def _known(value: Any) -> Any:
    if value not in registry.strategies():
        raise none_of(registry.strategies())
    return value


Strategy = Annotated[str, BeforeValidator(_known), fields.shown(enum=list(registry.strategies()))]


class RestoreRequest(RestoreOptions):
    """A set, the database it goes into, and how."""

    strategy: Strategy = Field("reload", description=fields.STRATEGY)

    @model_validator(mode="after")
    def _no_clash(self) -> Self:
        option_conflicts.expect_none(self)
        return self

    @property
    def named_target(self) -> str | None:
        return self.into.target if self.into is not None and self.into.to_milvus else self.pg_conn

    @property
    def removes(self) -> bool:
        """Live rows that the backup doesn't have go."""
        return registry.of(self).removes

    @property
    def reads_names(self) -> bool:
        """The collection file is needed, whichever tables are restored: it says which collection is which."""
        reads_all = self.into is not None or registry.of(self).reads_all
        return self.layout not in OPEN and (self.collections is not None or reads_all)

    def limited_to(self, manifest: Manifest | None) -> "RestoreRequest":
        """A set of some rows says nothing about the others: where rows are removed, they are left alone.

        Raises InvalidParams where rows can't be removed so.
        """
        rows = manifest.chosen_rows if manifest else None
        if rows is not None and self.where is None and self.removes:
            return self._limited(where=Where.read({"column": rows.column, "in": rows.values}))
        chosen = manifest.chosen_collections if manifest else None
        if chosen is None or self.collections is not None or not self.removes:
            return self
        return self._limited(collections=chosen)

    def _limited(self, **chosen: Any) -> "RestoreRequest":
        limited = self.model_copy(update=chosen)
        option_conflicts.expect_none(limited)
        return limited

    def with_same_end(self) -> dict[str, "RestoreRequest"]:
        """Other ways after which the tables hold what they hold after this one, by how a request asks for them."""
        ways: dict[str, dict[str, object]] = {}
        if registry.of(self).replaces:
            ways["strategy: sync"] = {"truncate_before_restore": False, "strategy": "sync"}
            ways["truncate_before_restore"] = {"truncate_before_restore": True, "strategy": "reload"}
        asked = {way: self.model_copy(update=fields) for way, fields in ways.items()}
        return {way: one for way, one in asked.items() if registry.of(one) is not registry.of(self)}
