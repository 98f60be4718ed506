"""TableImportOperation: a file of reference data fetched and merged into a table, at once or as a schedule's job."""

from common.messages import Message, say
from data_pipeline.engine import Engine
from data_pipeline.operations.operation import Operation
from data_pipeline.operations.reference_data.fetch import expect_allowed, fetch
from data_pipeline.operations.reference_data.reference_import import ReferenceImport
from data_pipeline.operations.requests.reference_data import TableImportRequest
from data_pipeline.operations.results.reference_data import ImportedRows
from data_pipeline.postgres.progress import SILENT, Progress
from data_pipeline.postgres.target import Target


class TableImportOperation(Operation[TableImportRequest]):
    """One transaction over one table, once the file is there."""

    request: type[TableImportRequest] = TableImportRequest
    bug: Message = say("table_import_failed")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._import = ReferenceImport(engine)

    def target(self, request: TableImportRequest) -> Target:
        return self._engine.databases.resolve(request.pg_conn)

    def expect_possible(self, request: TableImportRequest) -> Target:
        expect_allowed(request.url, self._engine.settings.import_urls)
        return self.target(request)

    def run(self, request: TableImportRequest, progress: Progress = SILENT) -> ImportedRows:
        target = self.target(request)
        data = fetch(request.url, self._engine.settings.import_urls)
        return self._import.run(target, request.table, data, request.options, progress)
