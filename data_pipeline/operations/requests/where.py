"""Which rows of any tables a request is about."""

from typing import Annotated

from pydantic import Field, StringConstraints

from data_pipeline.operations.requests.fields import Name
from data_pipeline.operations.requests.request import Request

MOST_VALUES = 1000
LONGEST_VALUE = 1024

Value = Annotated[str, StringConstraints(max_length=LONGEST_VALUE, pattern=r"^[^\x00]*$")] | bool | int


class Where(Request):
    """The rows that have one of these values in a column, of every table that it is about. Equality, and no SQL."""

    column: Name = Field(description="A column that each of the tables has")
    values: list[Value] = Field(alias="in", min_length=1, max_length=MOST_VALUES, description="Its values")

    @property
    def texts(self) -> list[str]:
        """The values as PostgreSQL reads them."""
        return [str(value).lower() if isinstance(value, bool) else str(value) for value in self.values]
