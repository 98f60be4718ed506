"""The commands, as they are made from the API's request models."""

import re
import shlex
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner
from pydantic import BaseModel

from common.errors import InvalidParams
from data_pipeline.api.requests.bodies import BackupSetPath, CopyBody, ListQuery, SetQuery, TablesQuery, UploadQuery
from data_pipeline.api.requests.job_schemas import JobPath, JobsQuery
from data_pipeline.cli import answers, backup, compare, completion, jobs, language, options, restore, tables
from data_pipeline.cli.command_line import COMMANDS, SERVICES, Commands
from data_pipeline.cli.sets import copy, delete, download, listing, upload, verify
from data_pipeline.cli.stores import objects, stack
from data_pipeline.operations.objects.requests import ObjectsBackupRequest, ObjectsRestoreRequest
from data_pipeline.operations.requests.backup import BackupRequest
from data_pipeline.operations.requests.compare import CompareRequest
from data_pipeline.operations.requests.request import Request
from data_pipeline.operations.requests.restore import RestoreRequest
from data_pipeline.operations.stacks.requests import StackBackupRequest, StackRestoreRequest

MODELS = [
    (backup.COMMAND, [BackupRequest]),
    (restore.COMMAND, [RestoreRequest]),
    (compare.COMMAND, [CompareRequest]),
    (listing.COMMAND, [ListQuery]),
    (tables.COMMAND, [TablesQuery]),
    (verify.COMMAND, [BackupSetPath, SetQuery]),
    (delete.COMMAND, [BackupSetPath, SetQuery]),
    (copy.COMMAND, [BackupSetPath, CopyBody, SetQuery]),
    (download.COMMAND, [BackupSetPath, SetQuery]),
    (upload.COMMAND, [UploadQuery]),
    (jobs.COMMAND.commands["list"], [JobsQuery]),
    (objects.COMMAND.commands["backup"], [ObjectsBackupRequest]),
    (objects.COMMAND.commands["restore"], [ObjectsRestoreRequest]),
    (stack.COMMAND.commands["backup"], [StackBackupRequest]),
    (stack.COMMAND.commands["restore"], [StackRestoreRequest]),
    *((jobs.COMMAND.commands[name], [JobPath]) for name in ("show", "cancel", "follow")),
]
PROJECT = Path(__file__).resolve().parents[2]
OWN = {"as_json", "progress", "yes", "output", "files"}
SET = ["./data_pipeline/training_data/vector_bak", "20250722_010318"]


def read(model: type[Request], command: click.Command, *arguments: str) -> dict[str, object]:
    """The request that arguments mean."""
    given = command.make_context("test", list(arguments)).params
    return options.body(model, given).as_sent()


@pytest.mark.parametrize(("command", "models"), MODELS, ids=lambda value: getattr(value, "name", ""))
def test_every_field_of_the_api_has_an_option(command: click.Command, models: list[type[BaseModel]]) -> None:
    fields = {field.alias or name for model in models for name, field in model.model_fields.items()}
    assert {parameter.name for parameter in command.params} - OWN == fields


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_examples(name: str) -> None:
    group = Commands(name="test")
    command = group.get_command(click.Context(group), name)
    assert command is not None
    assert command.help
    assert name in SERVICES or f"python unified_api.py {name}" in (command.epilog or "")


def examples() -> list[str]:
    """The lines with a command in help texts and READMEs, without those that only stand for others."""
    group = Commands(name="test")
    context = click.Context(group)
    texts = [command.epilog or "" for name in COMMANDS if (command := group.get_command(context, name))]
    texts += [(PROJECT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-CN.md")]
    lines = re.findall(r"^ *(?:python unified_api\.py|vector-backup) (\w.*)$", "\n".join(texts), re.MULTILINE)
    return sorted({line.replace("SET", " ".join(SET)) for line in lines})


@pytest.mark.parametrize("line", examples())
def test_every_example_can_be_read(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in re.findall(r"\S+\.tar\.gz", line):  # a file that has to be there
        (tmp_path / name).touch()
    group = Commands(name="test")
    context = click.Context(group)
    words = shlex.split(line)
    command = group.get_command(context, words[0])
    while isinstance(command, click.Group):
        command = command.get_command(context, (words := words[1:])[0])
    assert command is not None
    command.make_context("test", words[1:])


def test_the_examples_are_found() -> None:
    assert len(examples()) > 15


def test_arguments_mean_what_the_api_calls_them() -> None:
    request = read(
        RestoreRequest,
        restore.COMMAND,
        *SET,
        *("--tables", "langchain_pg_embedding", "--truncate-before-restore", "--atomic", "--async"),
        *("--collections", "a", "--collections", "b", "--on-conflict", "error"),
    )
    assert request == {
        "backup_path": SET[0],
        "timestamp": SET[1],
        "tables": ["langchain_pg_embedding"],
        "truncate_before_restore": True,
        "atomic": True,
        "async": True,
        "collections": ["a", "b"],
        "on_conflict": "error",
    }
    assert read(CompareRequest, compare.COMMAND, *SET, "--with", *SET)["with"] == dict(
        zip(("backup_path", "timestamp"), SET, strict=True)
    )
    assert read(BackupRequest, backup.COMMAND, "--probes", "3", "--no-backup-vector-tables") == {
        "probes": 3,
        "backup_vector_tables": False,
    }
    assert read(BackupRequest, backup.COMMAND) == {}


def test_what_the_api_refuses_is_refused() -> None:
    with pytest.raises(InvalidParams, match="strategy 与 truncate_before_restore 冲突"):
        read(RestoreRequest, restore.COMMAND, *SET, "--strategy", "sync", "--truncate-before-restore")


def test_an_undo_is_spelled_as_arguments_that_mean_it() -> None:
    undo = {
        "backup_path": SET[0],
        "timestamp": SET[1],
        "collections": ["it's", "b"],
        "strategy": "sync",
        "expect_database": "docs",
        "require_manifest": True,
    }
    assert read(RestoreRequest, restore.COMMAND, *shlex.split(options.spelled(undo))) == undo


def test_objects_are_spelled_as_they_are_given() -> None:
    wanted = {"where": {"column": "tenant", "in": ["1", "b"]}, "rename": {"public.a": "public.b c"}, "layout": "tables"}
    spelled = options.spelled(wanted)
    assert read(RestoreRequest, restore.COMMAND, *SET, *shlex.split(spelled)) == {
        "backup_path": SET[0],
        "timestamp": SET[1],
        **wanted,
    }
    into = {"layout": "pgvectorstore", "metadata_columns": {"page": "integer"}}
    assert read(RestoreRequest, restore.COMMAND, *SET, *shlex.split(options.spelled({"into": into})))["into"] == into


@pytest.mark.parametrize("written", ["", "{", "layout=pgvectorstore"])
def test_what_is_no_json_is_refused(written: str) -> None:
    with pytest.raises(click.BadParameter):
        read(RestoreRequest, restore.COMMAND, *SET, "--into", written)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, "zh"),
        ({"LANG": "en_US.UTF-8"}, "en"),
        ({"LANG": "en"}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "fr_FR.UTF-8"}, "zh"),
        ({"LANG": "C.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "en_GB"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "zh_CN"}, "zh"),
        ({"LANG": "en_US.UTF-8", "LC_ALL": ""}, "en"),
    ],
)
def test_the_language_is_the_locales(environ: dict[str, str], expected: str) -> None:
    assert language.of_locale(environ) == expected


@pytest.mark.parametrize(("chosen", "said"), [("en", "invalid timestamp"), ("zh", "无效"), (None, "无效")])
def test_failures_are_told_in_the_language_that_was_chosen(
    chosen: str | None, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with click.Context(click.Command("test"), obj=chosen), pytest.raises(InvalidParams) as refused:
        read(RestoreRequest, restore.COMMAND, SET[0], "yesterday")
    with click.Context(click.Command("test"), obj=chosen):
        assert answers.fail(refused.value, as_json=True) == 2
    told = capsys.readouterr()
    assert said in told.out
    assert said in told.err
    assert ("无" in told.out) is (chosen != "en")


@pytest.mark.parametrize("program", ["vector-backup", "python unified_api.py"])
@pytest.mark.parametrize("name", [None, "backup", "jobs", "check-config"])
def test_help_shows_commands_as_they_are_called(program: str, name: str | None) -> None:
    group = Commands(name="test", epilog="python unified_api.py list")
    context = click.Context(group, info_name=program)
    command = group.get_command(context, name) if name else group
    assert command is not None
    shown = command.get_help(click.Context(command, context, name) if name else context)
    other = {"vector-backup", "python unified_api.py"} - {program}
    assert f"Usage: {program}" in shown
    assert len(re.findall(rf"^ +{program} ", shown, re.MULTILINE)) > 0
    assert not any(one in shown for one in other)


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_shell_is_told_how_to_complete_the_commands(shell: str) -> None:
    told = CliRunner().invoke(completion.COMMAND, [shell])
    assert told.exit_code == 0
    assert "_VECTOR_BACKUP_COMPLETE" in told.output
    group = Commands(name=completion.PROGRAM)
    found = ShellComplete(group, {}, completion.PROGRAM, completion.VARIABLE).get_completions([], "do")
    assert [one.value for one in found] == ["download", "doctor"]


def test_choices_of_rows_and_new_names_are_given_in_pairs() -> None:
    asked = read(
        RestoreRequest,
        restore.COMMAND,
        *SET,
        *("--where", "tenant", "7", "--where", "tenant", "eight", "--rename", "public.items", "public.items_old"),
    )
    assert asked["where"] == {"column": "tenant", "in": ["7", "eight"]}
    assert asked["rename"] == {"public.items": "public.items_old"}
    with pytest.raises(click.BadParameter, match="tenant and other"):
        read(RestoreRequest, restore.COMMAND, *SET, "--where", "tenant", "7", "--where", "other", "8")


@pytest.mark.parametrize(("given", "meant"), [(["vector"], "vector"), (["vector", "app.b"], ["vector", "app.b"])])
def test_a_word_stands_for_all_tables_only_by_itself(given: list[str], meant: object) -> None:
    words = [word for name in given for word in ("--tables", name)]
    assert read(BackupRequest, backup.COMMAND, "--layout", "tables", *words)["tables"] == meant
