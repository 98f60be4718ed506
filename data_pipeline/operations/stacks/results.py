"""What is answered about stacks."""

from typing import Any, Literal

from pydantic import Field
from typing_extensions import Self

from data_pipeline.operations.results.backup import StoredCopy
from data_pipeline.operations.results.backup_sets import ReadTable
from data_pipeline.operations.results.result import (
    Count,
    NamedBackup,
    Part,
    Result,
    Seconds,
    Sometimes,
    Stamp,
    StoreTarget,
    Warnings,
)
from data_pipeline.sets.stack_set import Consistency, MemberFact

MemberState = Literal["restored", "rehearsed", "verified", "failed", "not_begun"]


class MemberSet(Part):
    """A member's set."""

    family: str
    target: str
    database: str
    timestamp: Stamp
    rows: Count
    bytes: Count
    consistency: Consistency = Field(
        description="snapshot: of the moment started_at; paused: the same, while writers stood still; live: each thing "
        "as it was when it was read, until ended_at"
    )
    started_at: str
    ended_at: str

    @classmethod
    def of(cls, fact: MemberFact) -> Self:
        return cls(**{name: value for name, value in fact if name in cls.model_fields})


class StackBackedUp(Result):
    """What a backup of a stack wrote."""

    backup_performed: bool
    stack: str
    backup_directory: str
    backup_timestamp: Stamp = Field(description="Of the stack's set")
    members: dict[str, MemberSet]
    storages: dict[str, StoredCopy]
    errors: list[str]
    warnings: Warnings
    target: StoreTarget
    duration: Seconds


class ListedStackSet(Part):
    """A stack's set. whole: every member's set is there, with the manifest that the stack's set vouches for."""

    backup_path: str
    timestamp: Stamp
    created_at: str
    precaution: bool = Field(description="A restore took it first")
    whole: bool
    members: dict[str, MemberSet]


class StackSetList(Result):
    """The sets of a stack, newest first."""

    sets: list[ListedStackSet]
    damaged: list[str] = Field(description="Timestamps of sets that can't be read")


class ListedMember(Part):
    """A member of a stack."""

    target: str
    family: str | None = Field(description="null: the target isn't configured")
    supported: bool = Field(description="Whether this version can back it up")
    server_version: Sometimes[str] = None
    error: Sometimes[str] = Field(None, description="Why it can't be reached now")


class ListedStack(Part):
    """A stack."""

    name: str
    members: dict[str, ListedMember]


class StackList(Result):
    """The stacks of STACKS."""

    stacks: list[ListedStack]


class VerifiedMember(Part):
    """A member's set that was read to its last byte."""

    timestamp: Stamp
    files: dict[str, ReadTable]


class StackVerified(Result):
    """A stack's set that was read to its last byte."""

    stack: str
    set: NamedBackup
    members: dict[str, VerifiedMember]
    duration: Seconds


class ComparedMember(Part):
    """A member's set beside what the member holds now. answer: of its store's comparison."""

    family: str
    target: str
    timestamp: Stamp
    identical: bool | None = Field(description="null: its store can't be compared with a set")
    answer: Sometimes[dict[str, Any]] = Field(
        None, description="Of its store's comparison; of objects the rehearsal of a mirror"
    )


class StackCompared(Result):
    """Whether members still hold what a stack's set has."""

    stack: str
    set: NamedBackup
    identical: bool = Field(description="Whether each member that can be compared is, and there is one")
    members: dict[str, ComparedMember]
    warnings: Warnings
    target: StoreTarget
    duration: Seconds


class DrilledMember(Part):
    """A member's set, restored into a server of its own."""

    family: str
    timestamp: Stamp
    proven: bool | None = Field(description="null: there is no such server of its store")
    answer: Sometimes[dict[str, Any]] = Field(None, description="Of its drill")


class StackDrilled(Result):
    """What drills of a stack's set have shown."""

    stack: str
    set: NamedBackup
    proven: bool = Field(description="Whether each member that can be drilled is, and there is one")
    members: dict[str, DrilledMember]
    warnings: Warnings
    duration: Seconds


class StackUploaded(Result):
    """A stack's set that came from outside, with those of its members."""

    stack: str
    set: NamedBackup
    members: dict[str, VerifiedMember]
    duration: Seconds


class RestoredMember(Part):
    """What became of a member. answer: of its own restore, or of its rehearsal."""

    family: str
    target: str
    timestamp: Stamp
    state: MemberState
    answer: Sometimes[dict[str, Any]] = None
    error: Sometimes[str] = None
    error_type: Sometimes[str] = None
    rolled_back: Sometimes[bool] = Field(None, description="Of one that failed: whether it holds what it held before")


class StackRestored(Result):
    """What a restore of a stack did."""

    restore_performed: bool
    dry_run: Sometimes[bool] = None
    stack: str
    set: NamedBackup
    members: dict[str, RestoredMember] = Field(description="In the order in which they were restored")
    undo: Sometimes[dict[str, Any]] = Field(None, description="A body that brings back what was there")
    errors: list[str]
    warnings: Warnings
    target: StoreTarget
    duration: Seconds


class DeletedStackSet(Result):
    """A stack's set that is gone, and those of its members."""

    stack: str
    set: NamedBackup
    removed: list[str]
