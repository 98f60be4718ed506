"""`python unified_api.py schedules`: list, create, run, pause, resume, delete."""

import json
from typing import Any

import click

from common.errors import InvalidParams, ResourceReadOnly
from common.messages import say
from data_pipeline.api.answers.jobs import SubmittedJob
from data_pipeline.api.answers.resources import DeletedResource
from data_pipeline.api.answers.schedules import schedule_list, shown_schedule
from data_pipeline.api.requests.resources import NewSchedule
from data_pipeline.cli import answers, options, process
from data_pipeline.cli.answers import DONE, Answer
from data_pipeline.cli.command import Command
from data_pipeline.cli.schedule import status
from data_pipeline.operations.retention_rule import RetentionRule
from data_pipeline.resources.schedules import ScheduleConfig

HELP = "What is backed up when. The times are looked after by services and workers."
EXAMPLES = """\b
Examples:
  python unified_api.py schedules create nightly "0 3 * * *" --zone Europe/Berlin --keep-daily 7 --keep-weekly 4
  python unified_api.py schedules create hourly-docs hourly --request '{"collections": ["docs"], "format": "binary"}'
  python unified_api.py schedules run nightly
  python unified_api.py schedules pause nightly
"""
NAME = click.Argument(["name"], metavar="NAME")
REQUEST = click.Option(["--request"], help="What is asked each time, as JSON; for backup the body of POST /backup")
KIND = "schedule"


def list_schedules(as_json: bool) -> int:
    with process.engine() as engine, process.jobs(engine) as jobs:
        answers.give(schedule_list(jobs), as_json, status.tell)
    return DONE


def create(as_json: bool, request: str | None, **given: Any) -> int:
    rule = options.body(RetentionRule, given)
    body = {name: given[name] for name in _own() if given.get(name) is not None}
    if rule.model_fields_set:
        body["retention"] = rule.as_sent()
    if request is not None:
        body["request"] = _object(request)
    new = NewSchedule.read(body)
    with process.engine() as engine, process.jobs(engine) as jobs:
        held = jobs.resources.create(KIND, new.name, ScheduleConfig.of(new.as_sent()))
        answers.give(shown_schedule(jobs, held, say("resource_created")), as_json, _tell)
    return DONE


def run(as_json: bool, name: str) -> int:
    with process.engine() as engine, process.jobs(engine) as jobs:
        job = jobs.scheduler.run_now(name, process.origin())
        answers.give(SubmittedJob.of(job), as_json, lambda data: click.echo(f"{data['response']}: {data['job_id']}"))
    return DONE


def pause(as_json: bool, name: str) -> int:
    return _set_paused(as_json, name, True)


def resume(as_json: bool, name: str) -> int:
    """What became due meanwhile is not made up."""
    return _set_paused(as_json, name, False)


def delete(as_json: bool, name: str) -> int:
    with process.engine() as engine, process.jobs(engine) as jobs:
        jobs.delete_resource(KIND, name)
    answers.give(DeletedResource(response=say("resource_deleted"), name=name), as_json, _tell)
    return DONE


def _set_paused(as_json: bool, name: str, paused: bool) -> int:
    with process.engine() as engine, process.jobs(engine) as jobs:
        config = jobs.resources.config(KIND, name)
        if config is None:
            raise ResourceReadOnly(say("resource_read_only", name=name), can_retry=False)
        held = jobs.resources.change(KIND, name, config.model_copy(update={"paused": paused}))
        answers.give(shown_schedule(jobs, held, say("resource_changed")), as_json, _tell)
    return DONE


def _own() -> list[str]:
    """The fields that are options by themselves."""
    return [name for name in NewSchedule.model_fields if name not in ("request", "retention")]


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        text = say("param_invalid", field="request", reason=say("value_invalid"))
        raise InvalidParams(text, details={"field": "request"})
    return value


def _tell(data: Answer) -> None:
    click.echo(f"{data['response']}: {data['name']}")


def _about(name: str, callback: Any, text: str) -> Command:
    return Command(name, callback=callback, params=[NAME], help=text)


def _parameters() -> list[click.Parameter]:
    """NAME and WHEN first; then the schedule's own fields, and those of its retention."""
    given = {parameter.name: parameter for parameter in options.of(NewSchedule)}
    chosen = [given[name] for name in ("name", *(name for name in _own() if name != "name"))]
    return [*chosen, REQUEST, *options.of(RetentionRule)]


COMMAND = click.Group(
    "schedules",
    [
        Command("list", callback=list_schedules, params=[], help="List the schedules, and how each stands."),
        Command("create", callback=create, params=_parameters(), help="Create a schedule."),
        _about("run", run, "Run a schedule now, paused or not, in a service or a worker."),
        _about("pause", pause, "No time is due until it is resumed."),
        _about("resume", resume, "Let times count again; those that passed meanwhile are not made up."),
        _about("delete", delete, "Delete a schedule. Its backup sets stay."),
    ],
    help=HELP,
    short_help="List, create, run, pause or delete schedules.",
    epilog=EXAMPLES,
)
