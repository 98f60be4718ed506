"""Users of a service under test: made by its token, signed in, asking."""

from dataclasses import dataclass, field
from typing import Any

from werkzeug.test import TestResponse

from data_pipeline.api import BASE, PREFIX
from data_pipeline.api.security.session import COOKIE
from tests.support.answers import data_of

TOKEN = "the-token-that-opens-everything"
READ_TOKEN = "the-token-that-only-reads"
PASSWORD = "quiet-harbour-71-lantern"
OTHER_PASSWORD = "seven-lanterns-on-the-quay"
SESSION = f"{PREFIX}/session"
GUARDED = {"API_TOKEN": TOKEN, "API_READ_TOKEN": READ_TOKEN}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def make_user(client: Any, name: str, role: str = "admin", password: str = PASSWORD) -> None:
    body = {"name": name, "role": role, "password": password}
    data_of(client.post(f"{BASE}/users", json=body, headers=bearer(TOKEN)), 201)


@dataclass
class Browser:
    """A client of its own with the session of a user, which sends what the panel sends."""

    client: Any
    csrf: str = field(default="", repr=False)

    @classmethod
    def signed_in(cls, client: Any, name: str, password: str = PASSWORD) -> "Browser":
        browser = cls(client.twin())
        data_of(browser.client.post(SESSION, json={"name": name, "password": password}))
        browser.look()
        return browser

    def look(self) -> dict[str, Any]:
        """What the session may do."""
        shown = data_of(self.client.get(SESSION))
        self.csrf = shown["csrf_token"] or ""
        return shown

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> TestResponse:
        """path: below BASE."""
        answer: TestResponse = self.client.open(
            f"{BASE}{path}", method=method, json=body, headers={"X-CSRF-Token": self.csrf, **headers}
        )
        return answer

    @property
    def cookie(self) -> str:
        kept = self.client.get_cookie(COOKIE)
        return str(kept.value) if kept else ""

    @cookie.setter
    def cookie(self, value: str) -> None:
        self.client.set_cookie(COOKIE, value)
