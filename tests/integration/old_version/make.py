"""How the files beside this were made, by the version of commit 34812af. They stay as they are for ever.

    git worktree add /tmp/old 34812af && mkdir /tmp/old/tests/integration/old_version
    cp tests/integration/old_version/make.py /tmp/old/tests/integration/old_version/
    cd /tmp/old && python -m pytest tests/integration/old_version/make.py

`sets/` are a csv set with probes, a binary set, one of a chosen collection, and a pair of csv files without a manifest.
`jobs.sql` is a job queue as it is left by a process that was killed: @PORT@ and @DBNAME@ stand for the database its
jobs are about. `session.json` has a cookie, and the token that it was given for.
"""

import json
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from data_pipeline.vector.cluster import binaries
from flask.testing import FlaskClient

from unified_api import PREFIX

HERE = Path(__file__).parent
DOCS = "11111111-1111-4111-8111-111111111111"
TOKEN = "the-token-of-an-old-version"
LEGACY = "20250722_010318"
REPLACE = {"truncate_before_restore": True}
LEGACY_FILES = {
    "collection": f"uuid,name,cmetadata\r\n{DOCS},docs,\r\n",
    "embedding": "id,collection_id,embedding,document,cmetadata\r\n"
    f'a,{DOCS},"[1,2,3]",第一,"{{\'n\': None}}"\r\nb,{DOCS},"[4,5,6]",,{{}}\r\n',
}
# What a process leaves that was killed while it cancelled a call: the row of one that runs, but for id and state.
CANCELLING = """
INSERT INTO vector_jobs.jobs (id, kind, state, sync, request, target, request_id, who, client, fingerprint, worker,
                              started_at, version)
SELECT md5('cancelling'), kind, 'CANCELLING', true, request, target, 'cancelling', who, client, fingerprint,
       md5('a process that is gone'), started_at, version + 1
FROM vector_jobs.jobs WHERE state = 'RUNNING'
"""


def test_make_the_sets_and_the_jobs(
    make_client: Any,
    database: Any,
    jobs_database: Any,
    fill: Any,
    background: Any,
    wait_for_lock: Any,
    output_dir: Path,
) -> None:
    fill(database)
    client = make_client(DATABASE_URL=database.url, JOBS_DATABASE_URL=jobs_database.url, PG_LOCK_TIMEOUT="60")
    made = client.backup(probes=3).get_json()["data"]  # SUCCEEDED, as are the next two
    body = {"backup_path": made["backup_directory"], "timestamp": made["backup_timestamp"]}
    client.backup(format="binary")
    client.backup(collections=["docs"])
    for table, text in LEGACY_FILES.items():
        path = output_dir / "vector_bak" / f"langchain_pg_{table}_{LEGACY}.csv"
        path.write_bytes(text.encode())
    database.execute("DELETE FROM langchain_pg_embedding WHERE id = 'plain'")
    database.execute("TRUNCATE langchain_pg_collection CASCADE")
    database.execute("INSERT INTO langchain_pg_embedding (id) VALUES ('plain')")
    assert client.restore(**body).get_json()["data"]["errors"]  # PARTIAL
    assert client.restore(**body).status_code == 409  # FAILED
    holder = database.connect()
    holder.cursor().execute("LOCK TABLE langchain_pg_embedding IN ACCESS SHARE MODE")
    other = make_client(DATABASE_URL=database.url, JOBS_DATABASE_URL=jobs_database.url, PG_LOCK_TIMEOUT="60")
    interrupted = background(lambda: other.restore(**body, **REPLACE))
    wait_for_lock(database)
    other.application.extensions["jobs"].close()
    interrupted.result()  # INTERRUPTED
    running = client.restore(**body, **REPLACE, **{"async": True}).get_json()["data"]["job_id"]
    _until(lambda: client.get(f"{PREFIX}/jobs/{running}").get_json()["data"]["state"] == "RUNNING")
    wait_for_lock(database)
    cancelled = client.restore(**body, **{"async": True}).get_json()["data"]["job_id"]
    client.post(f"{PREFIX}/jobs/{cancelled}/cancel")  # CANCELLED
    client.restore(**body, **REPLACE, backup_before_restore=True, **{"async": True})  # PENDING, as is the next
    client.backup(format="binary", probes=2, **{"async": True})
    jobs_database.execute(CANCELLING)
    (HERE / "jobs.sql").write_text(_dump(jobs_database, database), encoding="utf-8")
    holder.rollback()
    for path in (output_dir / "vector_bak").iterdir():
        (HERE / "sets").mkdir(exist_ok=True)
        (HERE / "sets" / path.name).write_bytes(path.read_bytes())


def test_make_the_session(make_client: Any, database: Any) -> None:
    client = FlaskClient(make_client(DATABASE_URL=database.url, API_TOKEN=TOKEN).application)
    client.post(f"{PREFIX}/session", json={"token": TOKEN})
    cookie = client.get_cookie("vector_session")
    assert cookie is not None
    csrf_token = client.get(f"{PREFIX}/session").get_json()["data"]["csrf_token"]
    made = {"token": TOKEN, "cookie": cookie.value, "csrf_token": csrf_token, "signed_at": int(time.time())}
    (HERE / "session.json").write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")


def _until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _dump(jobs_database: Any, database: Any) -> str:
    """The queue as statements that any client can run, without psql's own commands."""
    command = [binaries() / "pg_dump", "--inserts", "--no-owner", "--schema=vector_jobs", jobs_database.url]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    kept = [line for line in text.splitlines() if line and not line.startswith(("\\", "--", "SELECT pg_catalog.set_c"))]
    text = "\n".join(line for line in kept if not re.match(r"SET (?!check_function_bodies)", line))
    for found, name in {f'"port": {database.server.port}': '"port": @PORT@', database.dbname: "@DBNAME@"}.items():
        assert found in text
        text = text.replace(found, name)
    return text + "\n"
