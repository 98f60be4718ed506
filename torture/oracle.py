"""What holds for every answer, whatever was asked."""

import json
import threading

from torture.canaries import Canaries
from torture.client import Answer, Gone
from torture.description import Request
from torture.figure import Figure

DOWNLOAD, COMPARE, PAGE = "/download", "/compare", "/"
# Not in the envelope, as documented: pages, the API's description, metrics, archives.
WHOLE = "/database"
"""Of routes of whole databases."""
EXPORT, BULK = "/database/export", "/backups/bulk"
OUTSIDE_THE_ENVELOPE = ("openapi", "metrics", DOWNLOAD, EXPORT, "/database/import")
EXPECTED = frozenset({"DATABASE_ERROR", "SERVICE_UNAVAILABLE", "STORAGE_FULL", "TIMEOUT", "EXTRA_MISSING"})
"""Failures of 500 and above that are no bug."""

GIVEN = (200, 206)
INTERNALS = (b"Traceback", b"psycopg2", b'.py"', b"site-packages", b"pydantic")


class Oracle:
    """Looks at answers, from any thread, and reports what is wrong with them."""

    def __init__(self, figure: Figure, secrets: Canaries, paths: tuple[str, ...]) -> None:
        self._figure = figure
        self._secrets = secrets
        self._internals = (*INTERNALS, *(path.encode() for path in paths))
        self._guard = threading.Lock()

    def judge(self, request: Request, answer: Answer) -> None:
        """Count an answer and report what no answer may be."""
        seen = set(self._secrets.seen_in(answer))
        if self._gives_rows(request, answer):
            seen.discard("row")
        found = [*self._wrong(request, answer), *(f"secret seen: {name}" for name in sorted(seen))]
        with self._guard:
            self._figure.did("requests")
            self._figure.note(f"{answer.status // 100}xx")
            for text in found:
                self._figure.fault(f"{request}: {answer}: {text}")

    def judge_raw(self, sent: bytes, received: bytes) -> None:
        """The same for bytes that need not be HTTP."""
        unhandled = received.startswith(b"HTTP/1.1 5") and b'"INTERNAL_ERROR"' in received
        with self._guard:
            self._figure.did("requests")
            self._figure.note("raw")
            for text in (*self._secrets.seen(received), *(["unhandled"] if unhandled else [])):
                self._figure.fault(f"raw {sent[:200]!r}: {text}")

    def note(self, what: str) -> None:
        with self._guard:
            self._figure.note(what)

    def bad_description(self, text: str) -> None:
        self._figure.fault(f"the API's description can't be read: {' '.join(text.split())}")

    def no_answer(self, request: Request, gone: Gone) -> None:
        with self._guard:
            self._figure.did("requests")
            self._figure.fault(f"{request}: no answer, {gone}")

    def _gives_rows(self, request: Request, answer: Answer) -> bool:
        """Whether rows are what was asked for: all of a set's, or the ids in the samples of a comparison."""
        path = request.path.partition("?")[0]
        if answer.status not in GIVEN:
            return False
        if path.endswith(COMPARE):
            rest = [{**one, "samples": None} for one in answer.data.get("collections", [])]
            return self._secrets.row not in json.dumps({**answer.data, "collections": rest})
        return path.endswith((DOWNLOAD, EXPORT)) or _is_tar(path, answer)

    def _wrong(self, request: Request, answer: Answer) -> list[str]:
        found = [f"shows {word!r}" for word in self._internals if word in answer.body]
        if answer.status >= 500 and answer.error_type not in EXPECTED:
            found.append("unhandled")
        if "x-request-id" not in answer.headers:
            found.append("no X-Request-ID")
        if not _has_envelope(request, answer):
            found.append(f"no envelope: {answer.body[:80]!r}")
        return found


def _is_tar(path: str, answer: Answer) -> bool:
    """Whether many sets were downloaded at once."""
    return path.endswith(BULK) and answer.headers.get("content-type") == "application/x-tar"


def _has_envelope(request: Request, answer: Answer) -> bool:
    if request.method == "HEAD" or answer.status in (204, 304) or 300 <= answer.status < 400 or not answer.body:
        return request.method in ("HEAD", "OPTIONS") or answer.status < 400
    if answer.status in GIVEN and request.path.partition("?")[0] == PAGE:
        return answer.headers.get("content-type") == "text/html; charset=utf-8"
    outside = any(name in request.path for name in OUTSIDE_THE_ENVELOPE) or _is_tar(request.path, answer)
    if answer.status in GIVEN and outside:
        return True
    found, keys = answer.envelope, ["code", "success", "message", "data"]
    if WHOLE in request.path:  # has two more where another admin is at work, as documented
        keys = [*keys, *(key for key in ("error", "details") if key in found)]
    return list(found) == keys and found["code"] == answer.status
