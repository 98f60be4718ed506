"""The configuration file: what it may say, and that the environment wins over it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from data_pipeline import config_file, data_home
from data_pipeline.config_file import ConfigFile
from data_pipeline.settings import Settings, SettingsError

SECRET = "pa55-word"
KNOWN = frozenset({"PORT", "HOST", "STORAGES", "DATABASE_URL", "CORS_ORIGINS"})
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """The file that the environment names, with this text."""

    def put(text: str) -> Path:
        path = tmp_path / "own.toml"
        path.write_text(text, encoding="utf-8")
        monkeypatch.setenv(config_file.VARIABLE, str(path))
        return path

    return put


def test_the_settings_come_from_the_file_and_the_environment_wins(
    write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write(
        f"""
        PORT = 9000
        THREADS = "4"
        CORS_ORIGINS = ["https://a.example", "https://b.example"]
        OUTPUT_DIRECTORY = "{tmp_path}"
        [STORAGES]
        archive = "s3://bucket/prefix"
        [TARGETS.staging]
        url = "postgresql://ann@db/docs"
        schema = "app"
        """
    )
    monkeypatch.setenv("THREADS", "8")
    monkeypatch.setenv("PORT", "")
    found = Settings.load()
    assert (found.port, found.threads, found.output_directory) == (9000, 8, tmp_path)
    assert found.cors_origins == {"https://a.example", "https://b.example"}
    assert list(found.storages) == ["archive"]
    assert found.targets["staging"].schema == "app"


def test_keys_of_buckets_are_where_their_client_looks(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-1")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    write('AWS_ACCESS_KEY_ID = "key"\nAWS_REGION = "us-1"')
    environ = dict(config_file.environment(KNOWN))
    assert (environ["AWS_ACCESS_KEY_ID"], environ["AWS_REGION"]) == ("key", "eu-1")
    assert config_file.os.environ["AWS_ACCESS_KEY_ID"] == "key"
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")


def test_the_file_of_the_working_directory_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert config_file.find({}, KNOWN) == ConfigFile()
    (tmp_path / config_file.NAME).write_text("PORT = 1", encoding="utf-8")
    assert config_file.find({}, KNOWN) == ConfigFile(tmp_path / config_file.NAME, {"PORT": "1"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("PROT = 1", "there is no setting PROT; is PORT meant?"),
        ("port = 1", "there is no setting port; is PORT meant?"),
        ("ANYTHING = 1", "there is no setting ANYTHING"),
        (f'DATABASE_URL = "{SECRET}', "no TOML (at end of document)"),
        (f'PORT = 1\nDATABASE_URL = "{SECRET}"\nPORT = 2', "no TOML (at end of document)"),
        ("PORT = true", "PORT must be a text, a whole number, a list of texts or a table"),
        ("PORT = 1.5", "PORT must be a text, a whole number, a list of texts or a table"),
        ("CORS_ORIGINS = ['a,b']", "CORS_ORIGINS must be a text, a whole number, a list of texts or a table"),
        ("[STORAGES]\na = 2026-01-01", "STORAGES must hold texts"),
    ],
)
def test_a_wrong_file_stops_the_start_with_one_line_that_names_it(write: Write, text: str, said: str) -> None:
    path = write(text)
    with pytest.raises(SettingsError) as failed:
        Settings.load()
    assert str(failed.value).startswith(f"{path}: {said}")
    assert "\n" not in str(failed.value)
    assert SECRET not in str(failed.value)


def test_a_named_file_has_to_be_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(config_file.VARIABLE, str(tmp_path / "none.toml"))
    with pytest.raises(SettingsError, match="VECTOR_BACKUP_CONFIG names no file"):
        Settings.load()
    monkeypatch.setenv(config_file.VARIABLE, str(tmp_path))
    with pytest.raises(SettingsError, match="can't be read"):
        Settings.load()


def test_an_installed_package_keeps_its_files_outside_of_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert data_home.home({}) == data_home.PROJECT
    monkeypatch.setattr(data_home, "PROJECT", tmp_path)
    monkeypatch.setattr(data_home.os, "geteuid", lambda: 0)
    assert data_home.home({"XDG_DATA_HOME": "/x"}) == Path("/var/lib/vector-backup")
    monkeypatch.setattr(data_home.os, "geteuid", lambda: 1000)
    assert data_home.home({"XDG_DATA_HOME": "/x"}) == Path("/x/vector-backup")
    assert data_home.home({}) == Path.home() / ".local" / "share" / "vector-backup"


def test_a_user_whom_the_system_does_not_know_keeps_files_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(data_home, "PROJECT", tmp_path)
    monkeypatch.setattr(data_home.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(data_home.Path, "home", unknown)
    assert data_home.home({}) == Path.cwd() / ".local" / "share" / "vector-backup"
