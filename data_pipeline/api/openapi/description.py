"""The API's description of itself, OpenAPI 3.1: from the models of requests and answers, the manual, the examples."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from threading import Lock
from typing import Any

from flask_openapi3 import Info, License, OpenAPI, Server, Tag
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from common.errors import MESSAGES, Recorded, ServiceError
from common.result import SUCCESS_MESSAGE
from data_pipeline.api import PREFIX, policy, web
from data_pipeline.api.answers.envelope import Failure
from data_pipeline.api.answers.jobs import JobEvent
from data_pipeline.api.openapi import examples
from data_pipeline.api.openapi.vocabulary import TAGS
from data_pipeline.api.policy import Policy
from data_pipeline.api.routes.resource import Resource
from data_pipeline.operations.results.result import Result
from data_pipeline.version import VERSION

REF = "#/components/schemas/{model}"
TITLE = "Vector backup and restore"
ABOUT = """Backs up LangChain's two pgvector tables, lists the backups, and restores them: all or nothing, checked to
the bit. Every answer but archives, event streams and metrics is in one envelope, whose `code` equals the HTTP status.
A body is JSON whatever its Content-Type says; unknown fields are refused, and `null` is the same as absent."""
TOKEN = {
    "type": "http",
    "scheme": "bearer",
    "description": "API_TOKEN, API_READ_TOKEN for reading, or a user's token. Not needed where no token is configured.",
}
REQUEST_ID = {
    "description": "The request's own X-Request-ID, or a new one",
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,128}$"},
}
LOCATION = {"description": "Where the job is", "schema": {"type": "string"}}
TIMESTAMP = {
    "description": "The server's local time, with its UTC offset",
    "format": "date-time",
    "type": "string",
}
JSON = "application/json"


class DescribedAPI(OpenAPI):
    """A Flask application that describes itself at /openapi/openapi.json.

    The description is made at its first request: few come, and it takes longer than all the rest does.
    """

    def __init__(self, name: str) -> None:
        self._resources: list[Resource] = []
        self._describing = Lock()
        super().__init__(
            name,
            info=Info(title=TITLE, version=VERSION, description=ABOUT, license=License(name="Apache-2.0")),
            security_schemes={"token": TOKEN},
            servers=[Server(url="/", description="This service")],
            validation_error_callback=web.validation_failed,
            doc_ui=False,  # its pages are in explorer: the library would look through every installed package for more
        )
        self.tags = [Tag(name=name, description=text) for name, text in TAGS.items()]

    @property
    def api_doc(self) -> dict[str, Any]:
        """The OpenAPI document."""
        with self._describing:  # a second client would get half of it
            return super().api_doc

    def add(self, resource: Resource) -> None:
        """Serve a resource's routes, and describe them when the description is asked for."""
        self._resources.append(resource)
        self.register_blueprint(resource)

    def generate_spec_json(self) -> None:
        """Complete what flask-openapi3 finds out by itself: the routes, their parameters and bodies."""
        for resource in self._resources:
            resource.describe()
            self.paths.update(resource.paths)
            self.components_schemas.update(resource.components_schemas)
        super().generate_spec_json()
        _complete(self.spec_json, {route.name: route for _, route in policy.routes(self)})


def _complete(document: dict[str, Any], routes: Mapping[str, Policy]) -> None:
    document["info"]["license"]["identifier"] = "Apache-2.0"
    document["security"] = [{"token": []}]
    bodies: dict[type[BaseModel], str] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            route = routes[operation["operationId"]]
            _describe(operation, route)
            if route.body:
                bodies[route.body] = f"{method.upper()} {path.removeprefix(PREFIX)}"
    schemas = {name: _clean(schema) for name, schema in _schemas(routes.values(), list(bodies)).items()}
    answers: list[type[Result]] = [*_answers(routes.values()), Failure]
    for answer in answers:
        _add_timestamp(schemas[answer.__name__])
    for body, described in bodies.items():
        _allow_null(schemas[body.__name__])
        schemas[body.__name__]["description"] = described
    named = {body.__name__: _body_name(body) for body in bodies}
    schemas = dict(sorted((named.get(name, name), schema) for name, schema in schemas.items()))
    document["components"] = {
        "schemas": schemas,
        "examples": {kind: {"value": _failure(kind)} for kind in sorted(_kinds(routes.values()))},
        "headers": {"X-Request-ID": REQUEST_ID},
        "securitySchemes": document["components"]["securitySchemes"],
    }


def _schemas(routes: Iterable[Policy], bodies: Sequence[type[BaseModel]]) -> dict[str, Any]:
    models: list[type[BaseModel]] = [*bodies, *_answers(routes), Failure, JobEvent]
    found: dict[str, Any] = models_json_schema([(model, "validation") for model in models], ref_template=REF)[1]
    schemas: dict[str, Any] = found["$defs"]
    return schemas


def _answers(routes: Iterable[Policy]) -> list[type[Result]]:
    found = {model for route in routes for models in route.answers.values() for model in models}
    return sorted(found, key=lambda model: model.__name__)


def _add_timestamp(schema: dict[str, Any]) -> None:
    """The envelope gives each answer its time."""
    response = {"response": schema["properties"]["response"]}
    schema["properties"] = {**response, "timestamp": TIMESTAMP, **schema["properties"]}
    schema["required"] = ["response", "timestamp", *schema["required"][1:]]


def _describe(operation: dict[str, Any], route: Policy) -> None:
    operation["tags"] = [route.tag]
    operation["description"] = route.description
    if route.access == "open":
        operation["security"] = []
    operation["parameters"] = [*map(_parameter, operation.get("parameters", [])), *route.headers]
    if not operation["parameters"]:
        del operation["parameters"]
    if route.request_body:
        operation["requestBody"] = dict(route.request_body)
    elif route.body:
        _show_requests(operation["requestBody"], route.name, route.body)
    operation["responses"] = {str(status): response for status, response in sorted(_responses(route))}


def _show_requests(body: dict[str, Any], name: str, model: type[BaseModel]) -> None:
    """Which requests there are to try. A body without required fields may be left out."""
    body["required"] = any(field.is_required() for field in model.model_fields.values())
    body["content"][JSON]["schema"] = {"$ref": REF.format(model=_body_name(model))}
    body["content"][JSON]["examples"] = {
        one.name: {"summary": one.summary, "value": one.body} for one in examples.of(name) if one.status < 400
    }


def _body_name(model: type[BaseModel]) -> str:
    """What a request is called where it is the body of a call."""
    return re.sub("(Request|Body)$", "Body", model.__name__)


def _responses(route: Policy) -> Iterator[tuple[int, dict[str, Any]]]:
    for status, models in route.answers.items():
        success = _success(route.name, status, models)
        further = route.more.get(status, {}).get("content", {})
        yield status, {**success, "content": {**success["content"], **further}}
    for status, response in route.more.items():
        if status not in route.answers:
            yield status, {**response, "headers": _headers(status)}
    for status in {_errors()[kind].status for kind in route.failures}:
        kinds = [kind for kind in route.failures if _errors()[kind].status == status]
        yield status, _failed(route.name, status, kinds)


def _success(name: str, status: int, models: Sequence[type[Result]]) -> dict[str, Any]:
    refs = [{"$ref": REF.format(model=model.__name__)} for model in models]
    schema = _envelope(status, True, SUCCESS_MESSAGE, refs[0] if len(refs) == 1 else {"anyOf": refs})
    return {
        "description": models[0].__doc__ or "",
        "headers": _headers(status),
        "content": {JSON: {"schema": schema, "examples": _examples(name, status)}},
    }


def _failed(name: str, status: int, kinds: Sequence[str]) -> dict[str, Any]:
    """The answers of one status, an example for each error_type there is."""
    told = {one.answer["data"]["error_type"] for one in examples.of(name) if one.status == status}
    shared = {kind: {"$ref": f"#/components/examples/{kind}"} for kind in kinds if kind not in told}
    data = {"allOf": [{"$ref": REF.format(model=Failure.__name__)}, {"properties": {"error_type": {"enum": kinds}}}]}
    return {
        "description": " ".join(f"`{kind}`: {_errors()[kind].__doc__}" for kind in kinds),
        "headers": _headers(status),
        "content": {
            JSON: {
                "schema": _envelope(status, False, MESSAGES[status], data),
                "examples": _examples(name, status) | shared,
            }
        },
    }


def _examples(name: str, status: int) -> dict[str, Any]:
    found = [one for one in examples.of(name) if one.status == status]
    return {one.name: {"summary": one.summary, "value": one.answer} for one in found}


def _failure(kind: str) -> dict[str, Any]:
    error = _errors()[kind]
    data = examples.failure(kind)
    message = str(MESSAGES[error.status])
    return {
        "code": error.status,
        "success": False,
        "message": message,
        "data": {"response": data["response"], "error_type": kind, **data, "timestamp": examples.MOMENT},
    }


def _headers(status: int) -> dict[str, Any]:
    found: dict[str, Any] = {"X-Request-ID": {"$ref": "#/components/headers/X-Request-ID"}}
    return found | {"Location": LOCATION} if status == 202 else found


def _envelope(code: int, success: bool, message: str, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["code", "success", "message", "data"],
        "properties": {
            "code": {"const": code},
            "success": {"const": success},
            "message": {"const": str(message)},
            "data": data,
        },
    }


def _kinds(routes: Iterable[Policy]) -> set[str]:
    """The error types for which some response refers to the shared example."""
    return {
        kind
        for route in routes
        for kind in route.failures
        if kind not in {one.answer["data"].get("error_type") for one in examples.of(route.name)}
    }


def _errors() -> Mapping[str, type[ServiceError]]:
    """Every kind of failure by its error_type."""
    return {kind.error_type: kind for kind in ServiceError.__subclasses__() if kind is not Recorded}


def _parameter(found: dict[str, Any]) -> dict[str, Any]:
    """A query or path has no null, and its schema need not say again what the parameter says."""
    schema = _clean(found["schema"])
    either = [one for one in schema.pop("anyOf", []) if one != {"type": "null"}]
    schema = {**schema, **(either[0] if either else {})}
    schema.pop("description", None)
    return {**found, "schema": schema}


def _clean(schema: Any) -> Any:
    """Without titles, which only repeat the names, and without null as the default of what may be absent."""
    if isinstance(schema, list):
        return [_clean(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    skipped = {key for key in ("title", "default") if isinstance(schema.get(key), str | None) and key in schema}
    if schema.get("default") is not None:
        skipped.discard("default")
    return {key: _clean(value) for key, value in schema.items() if key not in skipped}


def _allow_null(schema: dict[str, Any]) -> None:
    """null is the same as absent."""
    for name, field in schema["properties"].items():
        if name in schema.get("required", []) or {"type": "null"} in field.get("anyOf", []):
            continue
        kept = {key: field.pop(key) for key in ("description", "default") if key in field}
        schema["properties"][name] = {"anyOf": [field, {"type": "null"}], **kept}
