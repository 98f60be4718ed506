"""The commands people and CI start everything with."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
MAKEFILE = (PROJECT / "Makefile").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^([a-z0-9-]+):", MAKEFILE, re.MULTILINE)
needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")


def made(*arguments: str) -> str:
    # A make that runs the tests would have its own flags, and its own directory, heard here.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.check_output(["make", *arguments], cwd=PROJECT, env=environment, text=True)


@needs_make
def test_make_help_lists_every_command() -> None:
    assert re.findall(r"^make ([\w-]+)\t", made("help"), re.MULTILINE) == COMMANDS


def test_no_command_is_taken_for_a_file() -> None:
    assert re.findall(r"^\.PHONY: (.*)", MAKEFILE, re.MULTILINE) == [" ".join(COMMANDS)]


@needs_make
def test_make_test_runs_pytest_last() -> None:
    assert made("-n", "test").splitlines()[-1].endswith(" -m pytest -n 4 --dist loadfile --no-loadscope-reorder")


@needs_make
@pytest.mark.parametrize("command", COMMANDS)
def test_every_module_a_command_runs_is_there(command: str) -> None:
    for module in re.findall(r" -m ((?:examples|benchmarks)\.\w+)", made("-n", command)):
        assert (PROJECT / module.replace(".", "/")).with_suffix(".py").is_file()


def test_hooks_before_a_commit_run_what_is_installed_here() -> None:
    hooks = (PROJECT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    assert re.findall(r"repo: (.*)", hooks) == ["local"]
    assert set(re.findall(r"language: (.*)", hooks)) == {"system"}
    assert all(entry.startswith(".venv/bin/python -m ") for entry in re.findall(r"entry: (.*)", hooks))


def test_ci_can_run_its_script() -> None:
    assert os.access(PROJECT / ".ci" / "run", os.X_OK)
