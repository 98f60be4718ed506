"""The form of an import: one file, written to its place as it comes, and a few fields in any order."""

from typing import Any

from werkzeug.formparser import MultiPartParser
from werkzeug.http import parse_options_header

from common.errors import InvalidParams, MissingParams
from common.messages import say
from data_pipeline.operations.database.spool import Spool
from data_pipeline.operations.requests.database import ImportRequest

FILE = "file"
BOOLEANS = frozenset({"cleanFirst", "skipLogs", "trusted"})
MOST_PARTS = 16
FORM_BUFFER = 256 << 10
FORM_MEMORY = 4 * FORM_BUFFER


def read(body: Any, content_type: str, spool: Spool) -> ImportRequest:
    """Take the file in, and return what was asked. Raises ServiceError."""
    kind, options = parse_options_header(content_type)
    if kind.lower() != "multipart/form-data":
        raise InvalidParams(say("body_not_multipart"))
    file = _File(spool)
    parser = MultiPartParser(file.begin, FORM_MEMORY, buffer_size=FORM_BUFFER, max_form_parts=MOST_PARTS)
    try:
        fields, files = parser.parse(body, options.get("boundary", "").encode("ascii", "replace"), None)
    except ValueError:  # no boundary, or no end
        raise InvalidParams(say("body_not_multipart")) from None
    if wrong := next((name for name in files if name != FILE), None):
        raise InvalidParams(say("form_field_unknown", field=wrong[:64]), details={"field": wrong[:64]})
    if not file.begun:
        raise MissingParams([FILE])
    values = {name: _value(name, given) for name, given in fields.lists()}
    spool.complete()
    return ImportRequest.read(values)


def _value(name: str, given: list[str]) -> Any:
    """A field of a form is a text; an empty one is none."""
    if len(given) > 1:
        raise InvalidParams(say("form_field_twice", field=name[:64]), details={"field": name[:64]})
    if name in BOOLEANS and given[0]:
        if given[0].lower() not in ("true", "false"):
            raise InvalidParams(say("form_field_not_boolean", field=name), details={"field": name})
        return given[0].lower() == "true"
    return given[0] or None


class _File:
    """What the parser writes the file into; a second one is refused as it begins."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self.begun = False

    def begin(self, *_: Any, **_more: Any) -> Any:
        """What the parser writes the next part into."""
        if self.begun:
            raise InvalidParams(say("form_field_twice", field=FILE), details={"field": FILE})
        self.begun = True
        return self

    def write(self, data: bytes) -> None:
        self._spool.write(bytes(data))

    def seek(self, _offset: int) -> None:
        """The part is complete."""
