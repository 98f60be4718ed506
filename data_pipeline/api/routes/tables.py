"""The tables of a database."""

from flask import Response

from data_pipeline.api.openapi.vocabulary import ALWAYS
from data_pipeline.api.policy import Policy
from data_pipeline.api.requests.bodies import TablesQuery
from data_pipeline.api.routes.resource import Resource, answer
from data_pipeline.engine import Engine
from data_pipeline.operations.results.tables import ListedTables
from data_pipeline.operations.tables import TableList


def routes(engine: Engine) -> Resource:
    api = Resource("tables")
    tables = TableList(engine)

    @api.get("/tables", summary="List the tables of a database")
    @Policy(
        access="read",
        tag="Backups",
        answers={200: [ListedTables]},
        failures=(*ALWAYS, "PERMISSION_DENIED", "LOCK_TIMEOUT", "DATABASE_ERROR", "TIMEOUT"),
    )
    def list_tables(query: TablesQuery) -> Response:
        """What a database has, in every schema, whose tables they are, and which can be backed up or why not. Only the
        catalog and the sizes of files are read; a table that another session has to itself is not waited for."""
        return answer(tables.scan(query.target))

    return api
