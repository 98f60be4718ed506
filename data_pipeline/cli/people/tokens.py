"""The commands about a user's API tokens."""

import click

from common.messages import say
from data_pipeline.api.answers import accounts as shown
from data_pipeline.api.requests.accounts import NewToken
from data_pipeline.cli import answers, process
from data_pipeline.cli.answers import DONE, Answer
from data_pipeline.cli.command import Command
from data_pipeline.cli.people.records import noted

USER = click.Argument(["name"], metavar="NAME")
TOKEN = click.Argument(["token"], metavar="TOKEN")
DAYS = click.Option(["--days"], type=int, help="It ends after so many days; never if not said.")


def list_tokens(as_json: bool, name: str) -> int:
    with process.engine() as engine, process.jobs(engine) as jobs:
        found = jobs.accounts.tokens.of(jobs.accounts.user(name).name)
    answers.give(shown.TokenList.told(found), as_json, _tell_all)
    return DONE


def create_token(as_json: bool, name: str, token: str, days: int | None) -> int:
    body = NewToken.read({"name": token, "days": days})
    with process.engine() as engine, process.jobs(engine) as jobs:
        made, secret = jobs.accounts.new_token(jobs.accounts.user(name).name, body.name, body.days)
        noted(jobs, "create_token", user=name, name=token)
    created = shown.CreatedToken.of(made, response=say("token_created"), secret=secret)
    answers.give(created, as_json, _tell_secret)
    return DONE


def delete_token(as_json: bool, name: str, token: str) -> int:
    with process.engine() as engine, process.jobs(engine) as jobs:
        jobs.accounts.tokens.remove(name, token)
        noted(jobs, "delete_user_token", user=name, name=token)
    answers.give(shown.DeletedToken(response=say("token_deleted"), name=token), as_json, _tell)
    return DONE


def _tell_all(data: Answer) -> None:
    rows = [(one["name"], one["created_at"], one["used_at"], one["expires_at"]) for one in data["tokens"]]
    if rows:
        answers.table(rows, "token", "created", "used", "ends")
    click.echo(data["response"])


def _tell_secret(data: Answer) -> None:
    """The secret alone on standard output, for a variable of a shell."""
    click.echo(f"{data['response']}: {data['name']}", err=True)
    click.echo(data["secret"])


def _tell(data: Answer) -> None:
    click.echo(f"{data['response']}: {data['name']}")


COMMANDS = [
    Command("tokens", callback=list_tokens, params=[USER], help="List a user's tokens."),
    Command(
        "create-token",
        callback=create_token,
        params=[USER, TOKEN, DAYS],
        help="Create a token for a user; standard output gets its secret, which is told this once.",
    ),
    Command("delete-token", callback=delete_token, params=[USER, TOKEN], help="Delete a user's token."),
]
