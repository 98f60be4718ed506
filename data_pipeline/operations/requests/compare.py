"""What a comparison is asked."""

from pydantic import Field

from common.errors import InvalidParams
from common.messages import say
from data_pipeline.formats.dialects.evidence import Dialect
from data_pipeline.layouts.base import Layout
from data_pipeline.layouts.registry import OPEN
from data_pipeline.operations.requests import fields
from data_pipeline.operations.requests.fields import AnyTables, Collections, LayoutName, Text
from data_pipeline.operations.requests.named_set import NamedSet
from data_pipeline.operations.requests.where import Where


class CompareRequest(NamedSet):
    """A set, and what it is compared with."""

    other: NamedSet | None = Field(None, alias="with", description="Another set; the live tables if absent")
    layout: LayoutName | None = Field(None, description=f"{fields.LAYOUT}; the set's own if absent")
    tables: AnyTables | None = Field(None, description="Of any tables: only these; all of the set if absent")
    where: Where | None = Field(None, description=fields.WHERE)
    collections: Collections | None = Field(None, description=fields.COLLECTIONS)
    pg_conn: Text | None = Field(None, description=fields.PG_CONN)
    dialect: Dialect | None = Field(None, description=fields.DIALECT)

    def expect_fitting(self, layout: Layout) -> None:
        """Raise InvalidParams if a set is of another layout than the request says, or for fields that mean nothing in
        it."""
        if self.layout not in (None, layout.family):
            text = say("set_of_another_layout", layout=layout.family)
            raise InvalidParams(text, details={"field": "layout", "layout": layout.family})
        of_any = {"tables": self.tables, "where": self.where}
        for field, given in ({"collections": self.collections} if layout.family in OPEN else of_any).items():
            if given is not None:
                text = say("layout_without_field", layout=layout.family, field=field)
                raise InvalidParams(text, details={"field": field})
