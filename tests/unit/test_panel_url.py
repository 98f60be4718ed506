"""The address of the panel that a service tells when it starts."""

import pytest

from data_pipeline.admin import panel


@pytest.mark.parametrize(
    ("host", "shown"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "localhost"), ("::", "localhost"), ("::1", "[::1]"), ("db1", "db1")],
)
def test_it_can_be_opened_on_this_machine(host: str, shown: str) -> None:
    assert panel.url(host, 8084) == f"http://{shown}:8084/"
