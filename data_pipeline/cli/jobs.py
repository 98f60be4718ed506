"""`python unified_api.py jobs`: list, show, cancel, follow."""

from typing import Any

import click

from data_pipeline.api.answers.jobs import JobList, ShownJob
from data_pipeline.api.requests.job_schemas import JobPath, JobsQuery
from data_pipeline.cli import answers, options, process
from data_pipeline.cli.answers import DONE, FAILED, PARTLY, Answer
from data_pipeline.cli.command import Command, NamingGroup
from data_pipeline.cli.task import Bar

HELP = "Running and past backups and restores, those that were answered at once included."
EXAMPLES = """\b
Examples:
  python unified_api.py jobs list --state RUNNING
  python unified_api.py jobs follow 77245a18eaa54833b36522f328de5a47
  python unified_api.py jobs cancel 77245a18eaa54833b36522f328de5a47
"""
STATUSES = {"SUCCEEDED": DONE, "PARTIAL": PARTLY}


def list_jobs(as_json: bool, **given: Any) -> int:
    query = options.query(JobsQuery, given)
    with process.engine() as engine, process.jobs(engine) as jobs:
        found = jobs.list(query.state, query.request_id, query.after, query.limit, query.kind)
    answers.give(JobList.of(found, query.limit), as_json, _tell_all)
    return DONE


def show(as_json: bool, job_id: str) -> int:
    with process.engine() as engine, process.jobs(engine) as jobs:
        answers.give(ShownJob.of(jobs.get(job_id)), as_json, _tell)
    return DONE


def cancel(as_json: bool, job_id: str) -> int:
    with process.engine() as engine, process.jobs(engine) as jobs:
        answers.give(ShownJob.cancelled(jobs.cancel(job_id)), as_json, _tell)
    return DONE


def follow(as_json: bool, progress: bool | None, job_id: str) -> int:
    """Ctrl-C ends the looking, not the job."""
    bar = Bar(progress)
    with process.engine() as engine, process.jobs(engine) as jobs, bar:
        job = jobs.get(job_id)
        for news in jobs.follow(job_id):
            job = news or job
            if news and not news.finished:
                bar.show(news.progress)
    answers.give(ShownJob.of(job), as_json, _tell)
    return STATUSES.get(job.state, FAILED)


def _tell_all(data: Answer) -> None:
    rows = [
        (
            *(one["job_id"], _kind(one), one["state"], (one["target"] or {}).get("dbname"), one["who"]),
            *(one["created_at"], _percent(one)),
        )
        for one in data["jobs"]
    ]
    if rows:
        answers.table(rows, "job", "kind", "state", "database", "who", "created", "done")
    click.echo(data["response"])
    if data["next"]:
        click.echo(f"more: --after {data['next']}")


def _kind(one: dict[str, Any]) -> str:
    return "dry run" if one["request"].get("dry_run") else str(one["kind"])


def _percent(one: dict[str, Any]) -> str:
    return f"{one['progress']['percent']:.0f} %" if one["progress"] else "0 %"


def _tell(data: Answer) -> None:
    for name in ("job_id", "kind", "state", "created_at", "started_at", "finished_at"):
        click.echo(f"{name:12} {data[name] or ''}".rstrip())
    if data["progress"] and not data["finished_at"]:
        click.echo(f"{'progress':12} {_percent(data)} {data['progress']['phase']}")
    if data["result"]:
        click.echo(f"{'result':12} {data['result']['response']}")
    if data["error"]:
        failed = data["error"]["data"]
        click.echo(f"{'error':12} {failed['response']} ({failed['error_type']})")


def _about(name: str, callback: Any, text: str, *more: click.Parameter) -> Command:
    return Command(name, callback=callback, params=[*options.of(JobPath), *more], help=text)


COMMAND = NamingGroup(
    "jobs",
    [
        Command(
            "list",
            callback=list_jobs,
            params=[*options.of(JobsQuery)],
            help="List the jobs, newest first.",
        ),
        _about("show", show, "Show a job: how far it is, and what became of it."),
        _about("cancel", cancel, "Cancel a job, waiting or running; the tables are as before."),
        _about(
            "follow",
            follow,
            "Follow a job to its end, which gives the exit status. Ctrl-C leaves it alone.",
            options.PROGRESS,
        ),
    ],
    help=HELP,
    short_help="List, show, cancel or follow jobs.",
    epilog=EXAMPLES,
)
