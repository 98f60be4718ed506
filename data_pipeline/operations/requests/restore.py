"""What a restore is asked."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError
from typing_extensions import Self

from data_pipeline.layouts.registry import OPEN
from data_pipeline.operations.requests import fields
from data_pipeline.operations.requests.restore_options import RestoreOptions
from data_pipeline.operations.requests.where import Where
from data_pipeline.operations.restore import option_conflicts
from data_pipeline.operations.restore.modes import registry
from data_pipeline.sets.manifest import Manifest


def _known(value: Any) -> Any:
    if value not in registry.strategies():
        raise PydanticCustomError("literal_error", "no mode has this strategy")
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
    def removes(self) -> bool:
        """Live rows that the backup doesn't have go."""
        return registry.of(self).removes

    @property
    def reads_names(self) -> bool:
        """The collection file is needed, whichever tables are restored: it says which collection is which."""
        reads_all = self.into is not None or registry.of(self).reads_all
        return self.layout not in OPEN and (self.collections is not None or reads_all)

    def limited_to(self, manifest: Manifest | None) -> "RestoreRequest":
        """A set of some rows says nothing about the others: where rows are removed, they are left alone."""
        rows = manifest.chosen_rows if manifest else None
        if rows is not None and self.where is None and self.removes:
            return self.model_copy(update={"where": Where.read({"column": rows.column, "in": rows.values})})
        chosen = manifest.chosen_collections if manifest else None
        if chosen is None or self.collections is not None or not self.removes:
            return self
        return self.model_copy(update={"collections": chosen})

    def as_sync(self) -> "RestoreRequest":
        """The same end without emptying a table first."""
        return self.model_copy(update={"truncate_before_restore": False, "strategy": "sync"})
