"""Reference data on its way into a table."""

from typing import Any

from flask import Response, request

from common.messages import say
from data_pipeline.api import BASE, reference_form
from data_pipeline.api.openapi.vocabulary import ALWAYS, IN_DATABASE, WRITING
from data_pipeline.api.policy import Policy
from data_pipeline.api.requests.bodies import TablePath
from data_pipeline.api.routes.resource import Resource, answer
from data_pipeline.engine import Engine
from data_pipeline.operations.reference_data.reference_import import ReferenceImport
from data_pipeline.operations.results.reference_data import ImportedRows

FORM: dict[str, Any] = {
    "required": True,
    "description": "The file, and what becomes of rows that are there",
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {
                    "file": {"type": "string", "format": "binary", "description": "JSON, TOML, JSON lines or CSV"},
                    "key": {"type": "array", "items": {"type": "string"}},
                    "mode": {"type": "string", "enum": ["skip", "update", "replace"]},
                    "keep": {"type": "string", "description": "A JSON object of columns and values"},
                    "overwrite": {"type": "string", "description": "A JSON array of keys"},
                    "dry_run": {"type": "string", "enum": ["true", "false"]},
                    "target": {"type": "string"},
                },
            }
        }
    },
}


def routes(engine: Engine) -> Resource:
    api = Resource("reference_data", prefix=BASE)
    reference_import = ReferenceImport(engine)

    @api.post("/tables/<table>/import", summary="Merge reference data into a table")
    @Policy(
        access="write",
        tag="Restore",
        answers={200: [ImportedRows]},
        failures=(*ALWAYS, "MISSING_REQUIRED_PARAMS", *WRITING, *IN_DATABASE, "PERMISSION_DENIED", "INVALID_BACKUP"),
        request_body=FORM,
        occupies=True,
        bug=say("table_import_failed"),
    )
    def import_into_table(path: TablePath) -> Response:
        """Merges the entries of a file into a table, by key and in one transaction: prices, models, translations. Rows
        that `keep` describes stay as they are. The answer counts what became of each entry."""
        data, options, target = reference_form.read(request)
        where = engine.databases.named(target)
        return answer(reference_import.run(where, path.table, data, options))

    return api
