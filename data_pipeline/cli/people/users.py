"""`python unified_api.py users`: list, create, change, delete; passwords and sessions."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import click

from common.messages import say
from data_pipeline.accounts.accounts import Accounts
from data_pipeline.accounts.roles import USER_ROLES
from data_pipeline.api.answers import accounts as shown
from data_pipeline.api.requests.accounts import ROLE, ChangedUser, NewPassword, NewUser
from data_pipeline.cli import answers, language, process
from data_pipeline.cli.answers import DONE, Answer
from data_pipeline.cli.command import Command, NamingGroup
from data_pipeline.cli.people import tokens
from data_pipeline.cli.people.records import noted

HELP = """Users of the service, in the jobs database: a name, a password, and a role. A service may run meanwhile; what
is changed holds at once."""
EXAMPLES = """\b
Examples:
  python unified_api.py users create alice --role admin
  python unified_api.py users create bob --role operator --password-stdin
  python unified_api.py users change bob --role viewer
  python unified_api.py users change bob --role viewer --disabled
  python unified_api.py users reset-password bob
  python unified_api.py users create-token bob nightly --days 90
"""
NAME = click.Argument(["name"], metavar="NAME")
WHICH_ROLE = click.Option(["--role"], type=click.Choice(USER_ROLES), required=True, help=ROLE)
FROM_INPUT = click.Option(
    ["--password-stdin", "from_input"],
    is_flag=True,
    help="Read the password from standard input; if not said, it is asked for twice at the terminal.",
)


@contextmanager
def accounts(what: str, **details: str) -> Iterator[Accounts]:
    """Those of the jobs database. What was done without a failure is noted in the audit log."""
    with process.engine() as engine, process.jobs(engine) as jobs:
        if not (engine.settings.api_token or engine.settings.api_read_token):
            click.echo(f"warning: {language.told(say('users_without_a_token'))}", err=True)
        yield jobs.accounts
        noted(jobs, what, **details)


def list_users(as_json: bool) -> int:
    with process.engine() as engine, process.jobs(engine) as jobs:
        users, counts = jobs.accounts.users.all(), jobs.accounts.sessions.counts()
    listed = [shown.CountedUser.of(user, sessions=counts.get(user.name, 0)) for user in users]
    answers.give(shown.UserList(response=say("users_listed", count=len(users)), users=listed), as_json, _tell_all)
    return DONE


def create(as_json: bool, name: str, role: str, from_input: bool) -> int:
    body = NewUser.read({"name": name, "role": role, "password": _password(from_input)})
    with accounts("create_user", name=name, role=role) as held:
        user = held.create(body.name, body.role, body.password)
    answers.give(shown.ShownUser.of(user, response=say("user_created")), as_json, _tell)
    return DONE


def change(as_json: bool, name: str, role: str, disabled: bool) -> int:
    body = ChangedUser.read({"role": role, "disabled": disabled})
    with accounts("change_user", name=name, role=role, disabled=str(disabled)) as held:
        user = held.users.change(name, body.role, body.disabled)
    answers.give(shown.ShownUser.of(user, response=say("user_changed")), as_json, _tell)
    return DONE


def reset_password(as_json: bool, name: str, from_input: bool) -> int:
    body = NewPassword.read({"password": _password(from_input)})
    with accounts("reset_password", name=name) as held:
        user = held.reset_password(name, body.password)
    answers.give(shown.ShownUser.of(user, response=say("password_changed")), as_json, _tell)
    return DONE


def delete(as_json: bool, name: str) -> int:
    with accounts("delete_user", name=name) as held:
        held.users.remove(name)
    answers.give(shown.DeletedUser(response=say("user_deleted"), name=name), as_json, _tell)
    return DONE


def sign_out(as_json: bool, name: str) -> int:
    with accounts("sign_user_out", name=name) as held:
        ended = held.sessions.end_all(held.user(name).name)
    answers.give(shown.EndedSessions(response=say("sessions_ended"), ended=ended), as_json, _tell_ended)
    return DONE


def _password(from_input: bool) -> str:
    """Raises UsageError without a terminal to ask at."""
    if from_input:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise click.UsageError("There is no terminal to ask for the password at. Give it with --password-stdin.")
    asked: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return asked


def _tell_all(data: Answer) -> None:
    rows: list[Any] = [
        (one["name"], one["role"], "disabled" if one["disabled"] else None, one["sessions"], one["signed_in_at"])
        for one in data["users"]
    ]
    if rows:
        answers.table(rows, "name", "role", "state", "sessions", "signed in")
    click.echo(data["response"])


def _tell(data: Answer) -> None:
    click.echo(f"{data['response']}: {data['name']}" + (f" ({data['role']})" if "role" in data else ""))


def _tell_ended(data: Answer) -> None:
    click.echo(f"{data['response']}: {data['ended']}")


named = partial(Command, params=[NAME])
COMMAND = NamingGroup(
    "users",
    [
        Command("list", callback=list_users, params=[], help="List the users."),
        Command("create", callback=create, params=[NAME, WHICH_ROLE, FROM_INPUT], help="Create a user."),
        Command(
            "change",
            callback=change,
            params=[
                NAME,
                WHICH_ROLE,
                click.Option(["--disabled"], is_flag=True, help="Shut the user out; without it the user is let in."),
            ],
            help="Give a user a role, or shut a user out. The last admin stays one.",
        ),
        Command(
            "reset-password",
            callback=reset_password,
            params=[NAME, FROM_INPUT],
            help="Give a user another password: sessions and tokens end, and a lock-out.",
        ),
        named("sign-out", callback=sign_out, help="End every session of a user."),
        named("delete", callback=delete, help="Delete a user. What it has done stays in the audit log."),
        *tokens.COMMANDS,
    ],
    help=HELP,
    short_help="List, create, change or delete users, and their tokens.",
    epilog=EXAMPLES,
)
