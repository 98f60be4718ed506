"""Draw what the commands really print as a picture: `python -m tools.draw_commands` writes docs/commands.svg.

They run at a terminal of their own, on an embedded PostgreSQL and a copy of the shipped backup, both temporary.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.draw_session import COLUMNS, drawing, wrapped

PROJECT = Path(__file__).resolve().parent.parent
PICTURE = PROJECT / "docs" / "commands.svg"
SHIPPED = PROJECT / "data_pipeline" / "training_data"
SET = "./data_pipeline/training_data/vector_bak 20261120_170444"
COMMANDS = (
    "list",
    f"restore {SET} --truncate-before-restore --dry-run",
    f"restore {SET} --truncate-before-restore --yes",
    f"compare {SET} --collections notes",
    "backup --format binary",
    "verify global 20261120_170444",
    "jobs list --limit 3",
)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        home.chmod(0o711)  # the server's own user has to pass through
        shutil.copytree(SHIPPED, home / "training_data")
        env = {
            **os.environ,
            "OUTPUT_DIRECTORY": str(home / "training_data"),
            "EMBEDDED_DATA_DIR": str(home / "pgdata"),
            "COLUMNS": str(COLUMNS),
        }
        lines = [line for command in COMMANDS for line in told(command, env)]
    PICTURE.write_text(drawing(lines, "Output of the commands"), encoding="utf-8")


def told(command: str, env: dict[str, str]) -> list[str]:
    """A command, what it printed, and an empty line."""
    done = subprocess.run(
        [sys.executable, "unified_api.py", *command.split()],
        cwd=PROJECT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    status = [f"     (exit status {done.returncode})"] if done.returncode else []
    printed = [f"     {line}" for line in done.stdout.rstrip().splitlines()]
    return [part for line in (*typed(command), *printed, *status, "") for part in wrapped(line)]


def typed(command: str) -> list[str]:
    """As it is typed: a line that is too long goes on in the next one, at its first option."""
    line = f"$ python unified_api.py {command}"
    if len(line) <= COLUMNS:
        return [line]
    first, rest = line.split(" --", 1)
    return [f"{first} \\", f"    --{rest}"]


if __name__ == "__main__":
    main()
