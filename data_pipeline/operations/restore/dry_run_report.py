"""What a restore would do, as its answer says: the shape of a real one, with every problem and what to expect."""

from collections.abc import Iterator
from contextlib import contextmanager

from common.errors import DependentRows, ServiceError
from common.messages import say
from data_pipeline.operations.restore.report import Report
from data_pipeline.operations.results.restore import Expected, Problem, Rehearsed
from data_pipeline.postgres.connection import Session, savepoint
from data_pipeline.postgres.target import Target

NO_PROBLEM = say("dry_run_without_problems")


class DryRunReport:
    """Collects what is found out, into the report of a restore that never happened."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.problems: list[Problem] = []
        self.expected: Expected | None = None

    @contextmanager
    def noting(self, session: Session, table: str | None = None) -> Iterator[None]:
        """Note a failure inside as a problem and go on; of a table, as what its restore would fail with.

        A lost connection is no problem of the restore's: it passes.
        """
        try:
            with savepoint(session, "foreseen"):
                yield
        except ServiceError as error:
            if session.cursor.connection.closed:
                raise
            self.note(error, table)

    def note(self, error: ServiceError, table: str | None = None) -> None:
        """Record a problem, once."""
        details = {key: value for key, value in error.data.items() if key in ("details", "holder")}
        problem = Problem(error_type=error.error_type, error=error.response, table=table, **details)
        if table:
            self.report.failed(table, error)
        if problem not in self.problems:
            self.problems.append(problem)

    def advise(self, ways: tuple[str, ...]) -> None:
        """Add to what stands in the way which other ways would do."""
        self.problems = [
            problem.model_copy(update={"error": say("others_advised", refusal=problem.error, ways=ways)})
            if problem.error_type == DependentRows.error_type
            else problem
            for problem in self.problems
        ]

    def depends(self) -> bool:
        """Whether rows of other tables stand in the way."""
        return any(problem.error_type == DependentRows.error_type for problem in self.problems)

    def describe(self, target: Target, duration: float) -> Rehearsed:
        """The answer."""
        done, count = self.report.describe(target, duration), len(self.problems)
        same = {name: getattr(done, name) for name in done.model_fields_set - {"index_results"}}
        rehearsed = {
            "response": say("dry_run_with_problems", count=count) if count else NO_PROBLEM,
            "restore_performed": False,
            "truncate_performed": False,
        }
        return Rehearsed(
            **same | rehearsed,
            dry_run=True,
            would_succeed=not count,
            problems=self.problems,
            expected=self.expected,
        )
