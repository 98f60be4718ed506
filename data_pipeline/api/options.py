"""What a restore was asked to do."""

from dataclasses import dataclass

from data_pipeline.api.schemas import Strategy


@dataclass(frozen=True)
class Options:
    """`tables` are in the order they are written."""

    tables: list[str]
    truncate: bool = False
    atomic: bool = False
    strategy: Strategy = "reload"
    require_manifest: bool = False
    expect_database: str | None = None

    @property
    def all_or_nothing(self) -> bool:
        return self.truncate or self.atomic or self.strategy == "sync"
