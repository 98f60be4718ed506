"""Members at work at the same time: one progress and one cancellation for all of them."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from data_pipeline.operations.stacks.members import Member
from data_pipeline.postgres.link.line import Line
from data_pipeline.postgres.progress import Cancelled, Progress, ProgressPhase
from data_pipeline.postgres.target import Target

T = TypeVar("T")


class Shared:
    """The progress of an operation, for members in threads of their own."""

    def __init__(self, operation: Progress) -> None:
        self.operation = operation
        self.guard = threading.Lock()
        self.given_up = False

    def of(self, role: str) -> "MemberProgress":
        return MemberProgress(self, role)


class MemberProgress(Progress):
    """What one member tells: of its own phases and files no more than that it goes on."""

    def __init__(self, shared: Shared, role: str) -> None:
        self._shared = shared
        self._role = role

    def connected(self, line: Line, target: Target) -> None:
        with self._shared.guard:
            self._shared.operation.connected(line, target)

    def disconnected(self, line: Line) -> None:
        with self._shared.guard:
            self._shared.operation.disconnected(line)

    def enter(self, phase: ProgressPhase, table: str | None) -> None:
        self.expect_wanted()
        with self._shared.guard:
            self._shared.operation.enter(phase, self._role)

    def advance(self, size: int, rows: int) -> None:
        self.expect_wanted()
        with self._shared.guard:
            self._shared.operation.advance(size, rows)

    def expect_wanted(self) -> None:
        if self._shared.given_up:
            raise Cancelled
        self._shared.operation.expect_wanted()

    def settle(self) -> None:
        self.expect_wanted()


def each(
    members: Sequence[Member], work: Callable[[Member], T], shared: Shared | None = None
) -> tuple[dict[str, T], dict[str, BaseException]]:
    """Do it for all at a time: results, and what went wrong, by role, the first failure first.

    shared: told of the first failure, which ends what the others do.
    """
    done: dict[str, T] = {}
    failed: dict[str, BaseException] = {}

    def run(member: Member) -> None:
        try:
            done[member.role] = work(member)
        except BaseException as error:
            failed[member.role] = error
            if shared:
                shared.given_up = True

    with ThreadPoolExecutor(max(1, len(members))) as pool:
        list(pool.map(run, members))
    return done, failed


def first(failed: dict[str, BaseException]) -> BaseException:
    """What to raise: that something failed before that the others were ended."""
    return next((one for one in failed.values() if not isinstance(one, Cancelled)), next(iter(failed.values())))
