"""The answers of /healthz and /readyz."""

from pydantic import BaseModel

from data_pipeline.api.answers.envelope import Data


class Alive(Data):
    """The process answers."""


class Checks(BaseModel):
    """What was tried."""

    database: bool
    storage: bool
    queue: bool


class Ready(Data):
    """Everything works."""

    checks: Checks
