"""A blueprint of described routes, and what their views answer with."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from flask import Response, jsonify
from flask_openapi3 import APIBlueprint

from common.result import success_response
from data_pipeline.api import PREFIX
from data_pipeline.operations.results.result import Result


class Resource(APIBlueprint):
    """The routes of one resource. What they describe is found out when the description is first asked for."""

    def __init__(self, name: str, prefix: str | None = PREFIX) -> None:
        self._undescribed: list[Callable[[], object]] = []
        super().__init__(name, __name__, url_prefix=prefix, operation_id_callback=lambda *, name, path, method: name)

    def _collect_openapi_info(self, rule: str, func: Callable[..., Any], **said: Any) -> Any:
        """What a route's requests are checked by."""
        self._undescribed.append(partial(super()._collect_openapi_info, rule, func, **said))
        return super()._collect_openapi_info(rule, func, **said | {"doc_ui": False})

    def describe(self) -> None:
        """Fill `paths` and `components_schemas` in."""
        for describe in self._undescribed:
            describe()


def answer(result: Result | Mapping[str, Any], status: int = 200) -> Response:
    """A result, or the data of an earlier one, in the envelope; its `response` is the envelope's text."""
    data = result.data() if isinstance(result, Result) else dict(result)
    response = jsonify(success_response(data.pop("response"), data, status))
    response.status_code = status
    return response
