"""Requests that schemathesis makes from the API's description, right and wrong ones: every answer is as described."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from ipaddress import IPv6Network
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.conftest import TestDatabase
from tests.described import Described

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
    ignored_auth,
]
TOKEN = "0123456789abcdef-of-a-test"
schemathesis.serializer.alias("application/gzip", "application/octet-stream")  # it knows no way to send one
ANOTHER_API = "/api/v1/"
"""That of milvus-backup, whose failures are answered with 200, or in shapes of its own: tests/integration/milvus."""

CLIENTS = IPv6Network("2001:db8::/32").subnets(new_prefix=64)
"""A client for each request: wrong tokens are part of the checks, and many from one address are refused otherwise."""


@pytest.fixture
def service(start_server: Callable[..., Any], database: TestDatabase) -> Iterator[tuple[str, requests.Session]]:
    """Its address, and a session that has the token."""
    server = start_server(DATABASE_URL=database.url, API_TOKEN=TOKEN, TRUSTED_PROXIES="127.0.0.1")
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {TOKEN}"
        yield f"http://{server.address}", session


@pytest.mark.parametrize("each", [2, pytest.param(10, marks=pytest.mark.slow)])
def test_answers_are_as_described_whatever_is_asked(service: Any, described: Described, each: int) -> None:
    """Each route is asked so many times in the right way, and so many in a wrong one."""
    schema = schemathesis.openapi.from_dict(described.document)
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    assert len(operations) == len(described.operations)
    for operation in operations:
        if operation.path.startswith(ANOTHER_API):
            continue
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            with suppress(Unsatisfiable):  # nothing can be wrong about an operation without parameters
                ask(service, operation.as_strategy(generation_mode=mode), each)


def ask(service: tuple[str, requests.Session], cases: Any, examples: int) -> None:
    address, session = service

    @seed(1)
    @settings(
        max_examples=examples,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(cases)
    def each(case: Case) -> None:
        case.headers["X-Forwarded-For"] = str(next(CLIENTS).network_address)
        case.call_and_validate(base_url=address, session=session, checks=CHECKS)

    each()
