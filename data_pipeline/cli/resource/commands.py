"""The commands of one kind of resource."""

import sys
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import click

from common.messages import say
from data_pipeline.api.answers.resources import DeletedResource, ResourceAnswers, TriedResource
from data_pipeline.api.requests.resources import NEW
from data_pipeline.cli import answers, options, process
from data_pipeline.cli.answers import DONE, Answer
from data_pipeline.cli.command import Command
from data_pipeline.engine import Engine
from data_pipeline.jobs.jobs import Jobs
from data_pipeline.operations.results.result import Result

HELP = "A secret given as - is read from standard input, a line each: other users see the arguments of a process."
FROM_INPUT = "-"
NAME = click.Argument(["name"], metavar="NAME")


class ResourceCommands:
    """kind: as the jobs database calls it. where: what a line of the list says of one beside its name."""

    def __init__(self, kind: str, where: Callable[[Answer], str]) -> None:
        self._kind = kind
        self._where = where

    def group(self, plural: str, about: str, epilog: str) -> click.Group:
        one = self._kind
        named = partial(Command, params=[NAME])
        commands = [
            Command("list", callback=self._list, params=[], help=f"List the {plural}; no secret is shown."),
            Command("create", callback=self._create, params=self._parameters(), help=f"Create a {one}."),
            Command(
                "change",
                callback=self._change,
                params=self._parameters(),
                help=f"Give a {one} another configuration; a secret that is left out stays as it is.",
            ),
            named("test", callback=self._test, help=f"Test a {one}, and say what was seen."),
            named("delete", callback=self._delete, help=f"Delete a {one}. Backup sets stay."),
        ]
        short = f"List, create, change, test or delete {plural}."
        return click.Group(plural, commands, help=f"{about} {HELP}", short_help=short, epilog=epilog)

    def _list(self, as_json: bool) -> int:
        with process.engine() as engine, process.jobs(engine) as jobs:
            held = jobs.resources.all(self._kind)
            answers.give(_answers(engine, jobs).listed(self._kind, held, True), as_json, self._tell_all)
        return DONE

    def _create(self, as_json: bool, **given: Any) -> int:
        return self._store(as_json, given, new=True)

    def _change(self, as_json: bool, **given: Any) -> int:
        return self._store(as_json, given, new=False)

    def _store(self, as_json: bool, given: dict[str, Any], *, new: bool) -> int:
        with process.engine() as engine, process.jobs(engine) as jobs:
            kind = jobs.resources.kinds[self._kind]
            for secret in sorted(kind.config.secrets):
                if given.get(secret) == FROM_INPUT:
                    given[secret] = sys.stdin.readline().rstrip("\r\n")
            body = options.body(NEW[self._kind], given)
            name, config = given["name"], kind.config.of(body.as_sent())
            if new:
                held = jobs.resources.create(self._kind, name, config)
            else:
                held = jobs.resources.change(self._kind, name, config)
            text = say("resource_created") if new else say("resource_changed")
            own = _answers(engine, jobs)
            shown = own.part(self._kind, held, own.shown[self._kind], response=text)
            answers.give(cast("Result", shown), as_json, _tell)
        return DONE

    def _test(self, as_json: bool, name: str) -> int:
        with process.engine() as engine, process.jobs(engine) as jobs:
            seen = jobs.resources.try_out(self._kind, name)
        answers.give(TriedResource(response=say("resource_works"), name=name, seen=seen), as_json, _tell_seen)
        return DONE

    def _delete(self, as_json: bool, name: str) -> int:
        with process.engine() as engine, process.jobs(engine) as jobs:
            jobs.delete_resource(self._kind, name)
        answers.give(DeletedResource(response=say("resource_deleted"), name=name), as_json, _tell)
        return DONE

    def _parameters(self) -> list[click.Parameter]:
        """NAME first."""
        return sorted(options.of(NEW[self._kind]), key=lambda parameter: parameter.name != "name")

    def _tell_all(self, data: Answer) -> None:
        (found,) = [value for value in data.values() if isinstance(value, list)]
        for one in found:
            sealed = "" if one["readable"] else ", its secrets can't be opened"
            click.echo(f"{one['name']}  {self._where(one)}  ({one['source']}{sealed})")


def _answers(engine: Engine, jobs: Jobs) -> ResourceAnswers:
    return ResourceAnswers(engine, jobs.resources, None)


def _tell(data: Answer) -> None:
    click.echo(f"{data['response']}: {data['name']}")


def _tell_seen(data: Answer) -> None:
    _tell(data)
    for name, value in data["seen"].items():
        click.echo(f"  {name}: {value}")
