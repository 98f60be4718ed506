"""What a diagnosis is answered."""

from typing import Literal

from data_pipeline.operations.results.result import Part, Result, Sometimes

State = Literal["ok", "warning", "failed", "skipped"]


class Finding(Part):
    """What one check found. about: the storage, where there may be several."""

    check: str
    about: Sometimes[str] = None
    state: State
    text: str


class Diagnosis(Result):
    """Every check, in order; healthy: none has failed."""

    healthy: bool
    findings: list[Finding]
