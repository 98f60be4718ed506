"""What an answer of the service says."""

from werkzeug.test import TestResponse


def failure(response: TestResponse) -> tuple[int, str]:
    """The status and the error type of a failure."""
    return response.status_code, response.get_json()["data"]["error_type"]
