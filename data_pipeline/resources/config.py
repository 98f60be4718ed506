"""The base of all models of resources: what is configured of one, its secrets among it."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field
from typing_extensions import Self

from common.errors import MissingParams
from data_pipeline.operations.requests.request import Request

RESOURCE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)
ResourceName = Annotated[str, Field(pattern=RESOURCE_NAME.pattern.join("^$"))]


class Config(Request):
    """A resource without its name. secrets: fields that are sealed. needed: secrets that there has to be one of.

    A secret may be absent where a resource is changed: then it stays as it is.
    """

    secrets: ClassVar[frozenset[str]] = frozenset()
    needed: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """That of a body which may have further keys, as the name. Raises InvalidParams."""
        known = {field.alias or name for name, field in cls.model_fields.items()}
        return cls.read({name: value for name, value in values.items() if name in known})

    def shown(self) -> dict[str, Any]:
        """Everything but the secrets, as it may be sent back."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude=set(self.secrets))

    def sealed(self) -> dict[str, Any]:
        """The secrets that it has."""
        return self.model_dump(mode="json", exclude_none=True, include=set(self.secrets))

    def completed(self, secrets: Mapping[str, Any]) -> Self:
        """With those of the stored secrets that were not given anew. Raises MissingParams if a needed one is in
        neither."""
        whole = self.model_copy(update={**secrets, **self.sealed()})
        if missing := [name for name in self.needed if getattr(whole, name) is None]:
            raise MissingParams(missing)
        return whole
