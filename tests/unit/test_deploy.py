"""The files that run the service elsewhere say what the service understands, and nothing that opens it needlessly."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from data_pipeline import config_file
from data_pipeline.cli.command_line import COMMANDS
from data_pipeline.settings import Settings
from unified_api import create_app

PROJECT = Path(__file__).resolve().parents[2]
DEPLOY = PROJECT / "deploy"
DOCKERFILE = (PROJECT / "Dockerfile").read_text(encoding="utf-8")
UNIT = (DEPLOY / "vector-backup.service").read_text(encoding="utf-8")
KNOWN = config_file.names(Settings.load)
SYSTEMS = {"PATH", "PYTHONDONTWRITEBYTECODE"}
IMAGE = "vector-backup"


def processes() -> list[tuple[str, dict[str, Any]]]:
    """The services of the compose files that are made from our image."""
    files = sorted(DEPLOY.glob("compose*.yaml"))
    found = [
        (f"{file.name}: {name}", service)
        for file in files
        for name, service in yaml.safe_load(file.read_text(encoding="utf-8"))["services"].items()
    ]
    return [(name, service) for name, service in found if service.get("image") == IMAGE]


def settings_of(environment: dict[str, str]) -> Settings:
    filled = {name: re.sub(r"\$\{[^}]*\}", "0123456789abcdef" * 2, value) for name, value in environment.items()}
    return Settings.load({**dict(re.findall(r"^ENV (\w+)=(.*)$", DOCKERFILE, re.MULTILINE)), **filled})


def test_compose_files_have_a_service_and_workers() -> None:
    assert [name for name, _ in processes()] == [
        "compose.workers.yaml: backup",
        "compose.workers.yaml: worker",
        "compose.yaml: backup",
    ]


@pytest.mark.parametrize(("name", "service"), processes())
def test_the_settings_of_a_container_can_be_used(name: str, service: dict[str, Any]) -> None:
    names = service["environment"].keys()
    assert [one for one in names if one not in KNOWN and not one.startswith(config_file.BUCKETS)] == []
    found = settings_of(service["environment"])
    assert found.database_named
    assert found.jobs_database
    assert service.get("command", ["serve"])[0] in COMMANDS


@pytest.mark.parametrize(("name", "service"), processes())
def test_a_container_may_no_more_than_it_needs(name: str, service: dict[str, Any]) -> None:
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_an_image_of_others_is_one_version() -> None:
    texts = [file.read_text(encoding="utf-8") for file in [*DEPLOY.glob("compose*.yaml"), PROJECT / "Dockerfile"]]
    images = re.findall(r"^(?: +image:|FROM) (\S+)", "\n".join(texts), re.MULTILINE)
    assert len(images) > 5
    assert [image for image in images if image != IMAGE and not re.search(r":(?!latest)\S", image)] == []


def test_the_image_is_no_roots_and_asks_for_a_route_that_is_there() -> None:
    names = re.findall(r"^ENV (\w+)=", DOCKERFILE, re.MULTILINE)
    assert [name for name in names if name not in KNOWN | SYSTEMS] == []
    assert re.search(r"^USER 10001:10001$", DOCKERFILE, re.MULTILINE)
    asked = re.findall(r"urlopen\(f'http://127\.0\.0\.1:\{os\.environ\[[^]]*\]\}([^']*)'", DOCKERFILE)
    client = create_app(Settings.load({"DATABASE_URL": "embedded", "API_TOKEN": "0123456789abcdef"})).test_client()
    assert [client.get(path).status_code for path in asked] == [200]
    assert 'ENTRYPOINT ["vector-backup"]\nCMD ["serve"]' in DOCKERFILE


def test_what_the_image_is_made_of_is_sent_to_its_build() -> None:
    copied = [
        word for line in re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.MULTILINE) for word in line.split()
    ]
    ignored = (PROJECT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert sorted(line.removeprefix("!") for line in ignored if line.startswith("!")) == sorted(copied)
    assert all((PROJECT / name).exists() for name in copied)


def test_the_unit_has_settings_of_the_service_and_is_nobody_elses() -> None:
    names = re.findall(r"^Environment=(\w+)=", UNIT, re.MULTILINE)
    assert names
    assert set(names) <= KNOWN
    commands = re.findall(r"^ExecStart(?:Pre)?=/opt/vector-backup/bin/vector-backup (\S+)$", UNIT, re.MULTILINE)
    assert commands == ["check-config", "serve"]
    assert {"DynamicUser=yes", "NoNewPrivileges=yes", "ProtectSystem=strict"} <= set(UNIT.splitlines())


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd-analyze")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "vector-backup.service"  # with a program that is there: verify looks for it
    unit.write_text(re.sub(r"/opt/vector-backup/bin/vector-backup", "/bin/echo", UNIT), encoding="utf-8")
    told = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    assert [line for line in told.stderr.splitlines() if "vector-backup.service" in line] == []
