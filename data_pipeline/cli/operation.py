"""A backup or a restore: done at once, or handed over as a job."""

import click

from data_pipeline.cli import answers, process
from data_pipeline.cli.answers import Answer
from data_pipeline.cli.command import program
from data_pipeline.cli.task import Task
from data_pipeline.engine import Engine
from data_pipeline.operations.requests.request import OperationRequest


def perform(engine: Engine, request: OperationRequest, shown: bool | None) -> Answer:
    """The data of the answer. It stands in the history as a call over HTTP does."""
    with process.jobs(engine) as jobs:
        result: Answer = Task(shown).run(lambda meter: jobs.perform(request, process.origin(), meter=meter))
    return result


def hand_over(engine: Engine, request: OperationRequest, as_json: bool) -> int:
    """Queue it, for a service or a worker with the same settings; the exit status."""
    from data_pipeline.api.answers.jobs import SubmittedJob

    with process.jobs(engine) as jobs:
        job = jobs.hand_over(request, process.origin())
    answers.give(SubmittedJob.of(job), as_json, _tell)
    return answers.DONE


def _tell(data: Answer) -> None:
    click.echo(f"{data['response']}: {data['job_id']}")
    click.echo("It runs as soon as a service or a worker is free. Follow it:")
    click.echo(f"  {program()} jobs follow {data['job_id']}")
