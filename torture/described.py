"""Requests that schemathesis makes from the API's description, right ones and wrong ones."""

import json
import random
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok

from torture.client import Answer
from torture.description import Request
from torture.oracle import Oracle


def run(oracle: Oracle, document: dict[str, Any], port: int, token: str, count: int, chance: random.Random) -> None:
    """About `count` requests, shared out between the operations of the document."""
    base = f"http://127.0.0.1:{port}"
    operations = []
    for found in schemathesis.openapi.from_dict(document).get_all_operations():
        if isinstance(found, Ok):
            operations.append(found.ok())
        else:
            oracle.bad_description(str(found.err()))
    each = max(1, count // (2 * max(1, len(operations))))
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {token}"
        for operation in operations:
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                _try(oracle, session, base, operation.as_strategy(mode), each, chance.getrandbits(32))


def as_json(body: Mapping[str, object]) -> bytes:
    """JSON with every character escaped, so that a lone surrogate can be sent too."""
    return json.dumps(body).encode()


def _try(oracle: Oracle, session: requests.Session, base: str, cases: Any, count: int, number: int) -> None:
    @seed(number)
    @settings(
        max_examples=count,
        phases=(Phase.generate,),
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(cases)
    def each(case: Case) -> None:
        response = case.call(base_url=base, session=session)
        sent = response.request
        body = sent.body.encode() if isinstance(sent.body, str) else sent.body
        answer = Answer(
            response.status_code,
            {name.lower(): value[0] for name, value in response.headers.items()},
            response.content,
            response.elapsed,
        )
        oracle.note("by schemathesis")
        oracle.judge(Request(str(sent.method), str(sent.path_url), body if isinstance(body, bytes) else None), answer)

    with suppress(Unsatisfiable):  # nothing can be wrong about an operation without parameters
        each()
