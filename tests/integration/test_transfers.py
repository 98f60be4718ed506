"""Sets that leave as one tar and come back: ranges, damage, and everything a tar should not have."""

import gzip
import http.client
import io
import socket
import tarfile
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from data_pipeline.api import PREFIX
from data_pipeline.api.server import addresses, listen
from data_pipeline.settings import Settings
from tests.conftest import TestDatabase
from tests.integration.conftest import Client
from tests.support.answers import failure
from tests.support.names import COLLECTION, DOCS, EMBEDDING

ROOT = "./data_pipeline/training_data"
STAMP = "20250722_010318"
LOG = "vector_backup_log.txt"
UPLOAD = f"{PREFIX}/backups/upload"
REPLACE = {"truncate_before_restore": True}
FILES = {
    f"{COLLECTION}_{STAMP}.csv": f"uuid,name,cmetadata\r\n{DOCS},docs,\r\n".encode(),
    f"{EMBEDDING}_{STAMP}.csv": f'id,collection_id,embedding,document,cmetadata\r\na,{DOCS},"[1,2,3]",x,\r\n'.encode(),
}


@pytest.fixture
def client(make_client: Callable[..., Client], database: TestDatabase, place: Any) -> Any:
    return make_client(DATABASE_URL=database.url, OUTPUT_DIRECTORY=place.url)


@pytest.fixture
def made(client: Client, database: TestDatabase, fill: Any) -> dict[str, Any]:
    """A set with a manifest."""
    fill(database)
    return dict(client.backup().get_json()["data"])


@pytest.fixture
def download(client: Client) -> Callable[..., Any]:
    """GET a set's tar; the whole answer, its body read."""

    def get(stamp: str = STAMP, **headers: str) -> Any:
        path = f"{PREFIX}/backups/global/{stamp}/download"
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return FlaskClient(client.application).get(path, headers=names, buffered=True)

    return get


def upload(client: Client, data: bytes, query: str = "") -> Any:
    return client.post(UPLOAD + query, data=data, content_type="application/x-tar")


def tar_of(files: dict[str, bytes], change: Callable[[tarfile.TarInfo], Any] = id, **options: Any) -> bytes:
    """A tar that somebody made by himself."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", **options) as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            change(member)
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def stamps(client: Client) -> list[str]:
    found = client.list().get_json()["data"]["backup_locations"]
    return [one["timestamp"] for location in found for one in location["backups"]]


# Downloads


def test_a_download_is_a_tar_of_the_set(place: Any, made: dict[str, Any], download: Any) -> None:
    stamp = made["backup_timestamp"]
    answer = download(stamp)
    assert (answer.status_code, answer.content_type) == (200, "application/x-tar")
    assert answer.headers["Content-Length"] == str(len(answer.data))
    assert answer.headers["Content-Disposition"] == f'attachment; filename="vector_backup_{stamp}.tar"'
    with tarfile.open(fileobj=io.BytesIO(answer.data)) as tar:
        found = {member.name: tar.extractfile(member).read() for member in tar.getmembers()}  # type: ignore[union-attr]
    assert found == {name: place.read(name) for name in place.names() - {LOG}}
    assert next(iter(found)) == f"vector_backup_{stamp}.json"


def test_any_range_of_it_can_be_had(made: dict[str, Any], download: Any) -> None:
    whole = download(made["backup_timestamp"])
    data, size = whole.data, len(whole.data)
    for start, end in ((0, 1), (0, 511), (500, 600), (511, 513), (1000, size - 700), (size - 1, size), (3, size)):
        part = download(made["backup_timestamp"], Range=f"bytes={start}-{end - 1}", If_Range=whole.headers["ETag"])
        assert (part.status_code, part.data) == (206, data[start:end])
        assert part.headers["Content-Range"] == f"bytes {start}-{end - 1}/{size}"
        assert part.headers["Content-Length"] == str(end - start)
    assert download(made["backup_timestamp"], Range="bytes=-100").data == data[-100:]
    assert download(made["backup_timestamp"], Range=f"bytes={size - 9}-").data == data[-9:]
    assert download(made["backup_timestamp"], Range="bytes=0-1", If_Range='"another"').status_code == 200
    assert download(made["backup_timestamp"], Range="rows=0-1").data == data
    assert download(made["backup_timestamp"], Range="bytes=0-1,5-6").data == data
    assert failure(download(made["backup_timestamp"], Range=f"bytes={size}-")) == (416, "RANGE_NOT_SATISFIABLE")


def test_what_is_not_there_is_not_downloaded(client: Client, download: Any) -> None:
    assert failure(download()) == (404, "RESOURCE_NOT_FOUND")
    assert failure(client.get(f"{PREFIX}/backups/global/yesterday/download")) == (400, "INVALID_PARAMS")
    assert failure(client.get(f"{PREFIX}/backups/global/{STAMP}/download?as=zip")) == (400, "INVALID_PARAMS")


def test_a_set_is_not_removed_while_somebody_downloads_it(client: Client, made: dict[str, Any]) -> None:
    path = f"{PREFIX}/backups/global/{made['backup_timestamp']}"
    reader = FlaskClient(client.application).get(f"{path}/download", buffered=False)
    chunks = reader.iter_encoded()
    next(chunks)
    assert failure(client.delete(path)) == (409, "OPERATION_IN_PROGRESS")
    reader.close()
    assert client.delete(path).status_code == 200


def test_only_so_many_may_download_at_a_time(
    make_client: Callable[..., Client], database: TestDatabase, place: Any, made: Any
) -> None:
    client = make_client(DATABASE_URL=database.url, OUTPUT_DIRECTORY=place.url, THREADS="8")
    path = f"{PREFIX}/backups/global/{made['backup_timestamp']}/download"
    raw = FlaskClient(client.application)
    readers = [raw.get(path, buffered=False) for _ in range(2)]
    assert failure(client.get(path)) == (503, "SERVICE_UNAVAILABLE")
    readers[0].close()  # before a byte of it was read
    last = raw.get(path, buffered=True)
    assert last.status_code == 200
    readers[1].close()
    assert raw.head(path, buffered=True).headers["Content-Length"] == str(len(last.data))
    assert raw.get(path, buffered=True).status_code == 200


# Uploads


def test_what_was_downloaded_is_uploaded_elsewhere_and_restores_to_the_bit(
    client: Client,
    make_client: Callable[..., Client],
    database: TestDatabase,
    bits: Any,
    made: dict[str, Any],
    download: Any,
    tmp_path: Any,
) -> None:
    before = bits(database)
    data = download(made["backup_timestamp"]).data
    other = make_client(DATABASE_URL=database.url, OUTPUT_DIRECTORY=str(tmp_path / "elsewhere"))
    answer = upload(other, data).get_json()["data"]
    assert (answer["verified"], answer["tables"][EMBEDDING]["rows"]) == (True, 6)
    info = answer["backup_info"]
    assert stamps(other) == [made["backup_timestamp"]]
    database.execute(f"DELETE FROM {EMBEDDING}")
    body = {"backup_path": info["backup_path"], "timestamp": info["timestamp"]}
    assert other.restore(**body, **REPLACE, require_manifest=True).status_code == 200
    assert bits(database) == before


def test_a_set_goes_into_a_task_where_it_is_told_to(client: Client, place: Any) -> None:
    place.write("anything.txt", b"", "task_1")
    answer = upload(client, tar_of(FILES), "?task_id=task_1").get_json()["data"]
    assert answer["backup_info"]["backup_path"] == f"{ROOT}/task_1/vector_bak"
    assert place.names("task_1/vector_bak") == set(FILES)
    assert upload(client, tar_of(FILES), "?task_id=nonsense").status_code == 404
    assert upload(client, tar_of(FILES), "?task_id=../x").status_code == 400
    assert upload(client, tar_of(FILES), "?storage=nowhere").status_code == 400


@pytest.mark.parametrize("style", ["gnu", "pax", "ustar", "form", "form in another order"])
def test_the_two_files_of_an_old_installation_are_enough(
    client: Client, database: TestDatabase, place: Any, style: str
) -> None:
    if style.startswith("form"):
        order = sorted(FILES, reverse=style != "form")
        data = {f"file {n}": (io.BytesIO(FILES[name]), name) for n, name in enumerate(order)}
        response = client.post(UPLOAD, data=data, content_type="multipart/form-data")
    else:
        formats = {"gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT, "ustar": tarfile.USTAR_FORMAT}
        # What BSD's tar writes of a file's times.
        times: dict[str, Any] = {"pax_headers": {"mtime": "1700000000.25"}} if style == "pax" else {}
        response = upload(client, tar_of(FILES, format=formats[style], **times))
    answer = response.get_json()["data"]
    assert (response.status_code, answer["verified"]) == (200, False)
    assert place.names() == set(FILES)
    assert {name: place.read(name) for name in FILES} == FILES
    assert client.restore(backup_path=f"{ROOT}/vector_bak", timestamp=STAMP).status_code == 200
    assert database.fetch(f"SELECT id FROM {EMBEDDING}") == [("a",)]


def test_a_set_that_is_there_is_not_overwritten(client: Client, place: Any) -> None:
    assert upload(client, tar_of(FILES)).status_code == 200
    other = {name: data.replace(b"docs", b"other") for name, data in FILES.items()}
    assert failure(upload(client, tar_of(other))) == (409, "BACKUP_EXISTS")
    assert {name: place.read(name) for name in place.names()} == FILES


def typed(kind: bytes, target: str = "", data: bool = False) -> Callable[[tarfile.TarInfo], Any]:
    """Members of another kind; with data, their bytes are there all the same."""

    def change(member: tarfile.TarInfo) -> None:
        member.type, member.linkname, member.size = kind, target, member.size if data else 0

    return change


def renamed(name: str) -> dict[str, bytes]:
    """The files, the first of them under another name."""
    return {name: b"", **FILES}


def lying(size: int) -> bytes:
    """A tar whose first member says it is larger than all of it."""
    member = tarfile.TarInfo(FIRST)
    member.size = size
    return member.tobuf(tarfile.GNU_FORMAT) + tar_of(FILES)[512:]


FIRST, SECOND = FILES
WRONG = {
    "nothing": b"",
    "no tar": b"x" * 2048,
    "an empty tar": bytes(10240),
    "a page": b"<html>" + b" " * 4096,
    "half a header": tar_of(FILES)[:300],
    "cut in a member": tar_of(FILES)[:540],
    "cut before the end": tar_of(FILES)[:1024],
    "a gzipped one": gzip.compress(tar_of(FILES)),
    "more after its end": tar_of(FILES) + b"more",
    "a damaged header": tar_of(FILES).replace(b"langchain", b"LANGCHAIN", 1),
    "a path": tar_of(renamed(f"vector_bak/{FIRST}")),
    "a path here": tar_of(renamed(f"./{FIRST}")),
    "an absolute path": tar_of(renamed(f"/tmp/{FIRST}")),
    "a climbing path": tar_of(renamed(f"../{FIRST}")),
    "a backslash": tar_of(renamed(f"..\\{FIRST}")),
    "an odd name": tar_of(renamed("notes.txt")),
    "a claim": tar_of(renamed(f".vector_backup_{STAMP}.claim")),
    "the log": tar_of(renamed(LOG)),
    "a long name": tar_of(renamed("x" * 300), format=tarfile.GNU_FORMAT),
    "a long name in pax": tar_of(renamed("x" * 300), format=tarfile.PAX_FORMAT),
    "a line break in a name": tar_of(renamed(f"{FIRST}\n")),
    "a file twice": tar_of({FIRST: FILES[FIRST]})[:1024] + tar_of(FILES),
    "one file": tar_of({FIRST: FILES[FIRST]}),
    "two sets": tar_of({FIRST: FILES[FIRST], SECOND.replace("2025", "2024"): FILES[SECOND]}),
    "two formats": tar_of({**FILES, FIRST.replace(".csv", ".pgcopy"): b""}),
    "a link": tar_of(FILES, typed(tarfile.SYMTYPE, "/etc/passwd")),
    "a hard link": tar_of(FILES, typed(tarfile.LNKTYPE, FIRST)),
    "a link with data": tar_of(FILES, typed(tarfile.SYMTYPE, "/etc/passwd", data=True)),
    "a device with data": tar_of(FILES, typed(tarfile.BLKTYPE, data=True)),
    "a directory": tar_of(FILES, typed(tarfile.DIRTYPE)),
    "a FIFO": tar_of(FILES, typed(tarfile.FIFOTYPE)),
    "a device": tar_of(FILES, typed(tarfile.CHRTYPE)),
    "a size that is a lie": lying(1 << 40),
    "a manifest that is none": tar_of({**FILES, f"vector_backup_{STAMP}.json": b"{}"}),
    "rows that do not parse": tar_of({**FILES, SECOND: FILES[SECOND].replace(b"[1,2,3]", b"[1,2,x]")}),
    "no rows": tar_of({**FILES, SECOND: b""}),
}


def test_what_is_no_set_is_refused_and_nothing_is_written(client: Client, place: Any) -> None:
    for what, data in WRONG.items():
        response = upload(client, data)
        assert response.status_code == 422, what
        assert failure(response) == (422, "INVALID_BACKUP")
        assert place.names() == set(), what
    assert stamps(client) == []


def test_a_bit_that_changed_on_the_way_is_found(client: Client, place: Any, made: Any, download: Any) -> None:
    stamp = made["backup_timestamp"]
    data = bytearray(download(stamp).data)
    client.delete(f"{PREFIX}/backups/global/{stamp}")
    for text in (b'"database"', b"docs,", b"line\r\nends", f"{EMBEDDING}_{stamp}".encode()):
        where = data.rindex(text)
        data[where] ^= 1
        assert failure(upload(client, bytes(data))) == (422, "INVALID_BACKUP"), text
        data[where] ^= 1
    assert place.names() == {LOG}
    assert upload(client, bytes(data)).status_code == 200


@pytest.mark.parametrize(
    "data",
    [
        {"more": "a field", **{name: (io.BytesIO(data), name) for name, data in FILES.items()}},
        {name: (io.BytesIO(data), "" if name == FIRST else name) for name, data in FILES.items()},
        {name: (io.BytesIO(data), f"../{name}") for name, data in FILES.items()},
    ],
    ids=["a field", "no name", "a path"],
)
def test_a_form_with_anything_else_is_refused(client: Client, place: Any, data: dict[str, Any]) -> None:
    copied = {
        name: (io.BytesIO(one[0].getvalue()), one[1]) if isinstance(one, tuple) else one for name, one in data.items()
    }
    response = client.post(UPLOAD, data=copied, content_type="multipart/form-data")
    assert response.status_code in (400, 422)
    assert place.names() == set()


# Over a real connection


@pytest.fixture
def served(start_server: Any, database: TestDatabase) -> Iterator[http.client.HTTPConnection]:
    """A service that takes small requests, and uploads of a megabyte."""
    server = start_server(
        DATABASE_URL=database.url,
        MAX_BODY_BYTES="1024",
        UPLOAD_MAX_BYTES="1000000",
        API_TOKEN="the-token-for-everything",
        API_READ_TOKEN="the-token-for-reading",
    )
    connection = http.client.HTTPConnection(server.address, timeout=60)
    yield connection
    connection.close()


def send(connection: http.client.HTTPConnection, path: str, size: int, token: str, method: str = "POST") -> int:
    """Say that a body of so many bytes comes, send the beginning of it, and give the status that answers that."""
    host, port = connection.host, connection.port
    with socket.create_connection((host, port), timeout=30) as raw:
        head = f"{method} {path} HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {token}\r\n"
        raw.sendall(f"{head}Content-Length: {size}\r\n\r\n".encode())
        return int(raw.recv(4096).split()[1])


def test_only_an_upload_of_somebody_who_may_can_be_large(served: http.client.HTTPConnection) -> None:
    large: dict[str, Any] = {"path": f"{PREFIX}/restore", "size": 500_000, "token": "the-token-for-everything"}
    assert send(served, **large) == 413
    assert send(served, **{**large, "path": UPLOAD, "token": "the-token-for-reading"}) == 413
    assert send(served, **{**large, "path": UPLOAD, "token": "nonsense"}) == 413
    assert send(served, **{**large, "path": UPLOAD, "size": 1_100_000}) == 413
    headers = {"Authorization": "Bearer the-token-for-everything"}
    big = {**FILES, SECOND: FILES[SECOND].replace(b",x,", b"," + b"x" * 600_000 + b",")}
    served.request("POST", UPLOAD, tar_of(big), headers)
    response = served.getresponse()
    assert (response.status, b'"verified"' in response.read()) == (200, True)


def test_a_token_for_reading_downloads_nothing(served: http.client.HTTPConnection) -> None:
    path = f"{PREFIX}/backups/global/{STAMP}/download"
    for token, status in (("the-token-for-reading", 403), ("nonsense", 401), ("the-token-for-everything", 404)):
        served.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        response = served.getresponse()
        assert (response.read() != b"", response.status) == (True, status)


def test_a_reader_who_vanishes_lets_go_of_the_set(live_server: Any, backups: Any) -> None:
    rows = FILES[SECOND].replace(b",x,", b"," + b"x" * (30 << 20) + b",")
    backups.write(FILES[FIRST], rows)
    host, _, port = live_server.address.partition(":")
    path = f"{PREFIX}/backups/global/{STAMP}"
    connection = http.client.HTTPConnection(live_server.address, timeout=60)

    def remove() -> int:
        connection.request("DELETE", path)
        response = connection.getresponse()
        response.read()
        return response.status

    with socket.create_connection((host, int(port)), timeout=30) as raw:
        raw.sendall(f"GET {path}/download HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        assert raw.recv(100).startswith(b"HTTP/1.1 200")
        assert remove() == 409
    deadline = time.monotonic() + 60
    while (status := remove()) == 409:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    connection.close()
    assert status == 200


def test_a_reader_who_takes_nothing_is_cut_off_and_lets_go_of_the_set(
    client: Client, place: Any, background: Any
) -> None:
    rows = FILES[SECOND].replace(b",x,", b"," + b"x" * (30 << 20) + b",")
    place.write(FIRST, FILES[FIRST])
    place.write(SECOND, rows)
    server = listen(client.application, Settings.load({"PORT": "0"}))
    server.adj.channel_timeout = server.adj.cleanup_interval = 1
    running = background(server.run)
    (host, port), path = addresses(server)[0], f"{PREFIX}/backups/global/{STAMP}"
    with socket.create_connection((host, port), timeout=30) as raw:
        raw.sendall(f"GET {path}/download HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        assert raw.recv(100).startswith(b"HTTP/1.1 200")
        assert client.delete(path).status_code == 409
        deadline = time.monotonic() + 60
        while (status := client.delete(path).status_code) == 409:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert status == 200
    server.close()
    server.task_dispatcher.shutdown()
    running.result()
