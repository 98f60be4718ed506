"""What an answer of the service says."""

from typing import Any

from werkzeug.test import TestResponse


def failure(response: TestResponse) -> tuple[int, str]:
    """The status and the error type of a failure."""
    return response.status_code, response.get_json()["data"]["error_type"]


def data_of(response: TestResponse, status: int = 200) -> dict[str, Any]:
    """The data of an answer that has this status."""
    assert response.status_code == status, response.text
    data: dict[str, Any] = response.get_json()["data"]
    return data
