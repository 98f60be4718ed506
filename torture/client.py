"""An HTTP client of the service that keeps its connection and takes nothing for granted."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any

PREFIX = "/api/v0/data_pipeline/vector"
ROOT = "./data_pipeline/training_data"
LOCATION = f"{ROOT}/vector_bak"
TIMEOUT = 120


class Gone(Exception):
    """No answer came: the service ended, or closed the connection."""


@dataclass(frozen=True)
class Answer:
    """What came back; `seconds` is how long it took."""

    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float

    @property
    def envelope(self) -> dict[str, Any]:
        """The JSON object, {} for anything else."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def data(self) -> dict[str, Any]:
        found = self.envelope.get("data")
        return found if isinstance(found, dict) else {}

    @property
    def error_type(self) -> str | None:
        return self.data.get("error_type")

    @property
    def is_lost_connection(self) -> bool:
        """The database went away, and nothing was changed: the same request may be sent again."""
        return self.status == 500 and self.error_type == "DATABASE_ERROR" and self.data.get("can_retry") is True

    def __str__(self) -> str:
        return f"{self.status} {self.error_type or ''} {self.data.get('response', '')}"[:200]


class Client:
    """One connection, for one thread. Every call raises Gone where no answer comes."""

    def __init__(self, port: int, token: str | None = None, timeout: float = TIMEOUT) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=timeout)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def call(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a request as it is; `path` is the whole path with its query."""
        started = time.monotonic()
        try:
            self._connection.request(method, path, body, {**self._headers, **(headers or {})})
            response = self._connection.getresponse()
            data = response.read()
        except (OSError, HTTPException) as error:
            self._connection.close()
            raise Gone(type(error).__name__) from None
        found = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, found, data, time.monotonic() - started)

    def get(self, path: str) -> Answer:
        return self.call("GET", PREFIX + path)

    def post(self, path: str, body: Mapping[str, Any]) -> Answer:
        return self.call("POST", PREFIX + path, json.dumps(body).encode())

    def backup(self, **body: Any) -> Answer:
        return self.post("/backup", body)

    def restore(self, timestamp: str, **body: Any) -> Answer:
        return self.post("/restore", {"backup_path": LOCATION, "timestamp": timestamp, **body})

    def replace(self, timestamp: str, **body: Any) -> Answer:
        return self.restore(timestamp, truncate_before_restore=True, **body)

    def verify(self, timestamp: str) -> Answer:
        return self.post(f"/backups/global/{timestamp}/verify", {})

    def delete(self, timestamp: str) -> Answer:
        return self.call("DELETE", f"{PREFIX}/backups/global/{timestamp}")

    def listed(self) -> set[str]:
        """The timestamps of the whole system's sets."""
        locations = self.get("/restore/list?global_only=true").data["backup_locations"]
        return {found["timestamp"] for location in locations for found in location["backups"]}

    def close(self) -> None:
        self._connection.close()
