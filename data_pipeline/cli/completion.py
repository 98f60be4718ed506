"""`python unified_api.py completion`"""

import click
from click.shell_completion import get_completion_class

from data_pipeline.cli.answers import DONE

HELP = """Print what makes a shell complete the commands and options of vector-backup, the installed command.

\b
bash:  eval "$(vector-backup completion bash)"    in ~/.bashrc
zsh:   eval "$(vector-backup completion zsh)"     in ~/.zshrc, after compinit"""
EXAMPLES = """\b
Examples:
  python unified_api.py completion bash
  python unified_api.py completion zsh
"""
PROGRAM = "vector-backup"
VARIABLE = "_VECTOR_BACKUP_COMPLETE"
"""What a shell asks by."""


def completion(shell: str) -> int:
    made = get_completion_class(shell)
    assert made is not None  # noqa: S101
    click.echo(made(click.Group(PROGRAM), {}, PROGRAM, VARIABLE).source())
    return DONE


COMMAND = click.Command(
    "completion",
    callback=completion,
    params=[click.Argument(["shell"], type=click.Choice(["bash", "zsh"]))],
    help=HELP,
    short_help="Completion for bash and zsh.",
    epilog=EXAMPLES,
)
