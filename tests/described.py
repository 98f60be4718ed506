"""The service's own description, to hold answers against."""

import copy
from typing import Any

import jsonschema_rs

HIDDEN = "/openapi/openapi.json"


class Described:
    """An OpenAPI document, its answers closed: a key that isn't described is a fault."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self._operations = {
            operation["operationId"]: (method.upper(), path, operation)
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
        }
        self._schemas = copy.deepcopy(document["components"]["schemas"])
        for schema in self._schemas.values():
            if "properties" in schema:
                schema["additionalProperties"] = False
        self._validators: dict[tuple[str, int], Any] = {}

    @property
    def operations(self) -> set[str]:
        """The name of each."""
        return set(self._operations)

    def knows(self, operation: str) -> bool:
        return operation in self._operations

    def route(self, operation: str) -> tuple[str, str]:
        """Method and path."""
        method, path, _ = self._operations[operation]
        return method, path

    def faults(self, operation: str, status: int, answer: Any) -> list[str]:
        """What of a JSON answer isn't as described."""
        content = self._operations[operation][2]["responses"].get(str(status), {}).get("content", {})
        if "application/json" not in content:
            return [f"{operation} answers {status}, which isn't described: {answer}"]
        validator = self._validators.get((operation, status))
        if validator is None:
            schema = content["application/json"]["schema"]
            whole = {**schema, "components": {"schemas": self._schemas}}
            validator = self._validators[operation, status] = jsonschema_rs.Draft202012Validator(
                whole, validate_formats=True
            )
        return [
            f"{'/'.join(map(str, error.instance_path))}: {error.message}"[:300]
            for error in validator.iter_errors(answer)
        ]
