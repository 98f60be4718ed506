"""What Python wrote for a JSON value, turned back into JSON text.

csv.writer wrote str() of what psycopg2 made of json and jsonb: a dict or list became its repr, a string itself, a
number or truth value Python's word for it.
"""

import ast
import json
import re
from typing import NoReturn

import simdjson

from common.messages import say

_WORDS = ((b"True", b"true"), (b"False", b"false"), (b"None", b"null"))
_number = re.compile(rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?")

_NOT_JSON = say("not_json")
_NOT_FINITE = say("json_not_finite")
_TOO_DEEP = say("json_too_deep")
_SURROGATE = say("surrogate_unpaired")


class NotJson(Exception):
    """There is no JSON for this text; the argument is the reason, for people."""


def to_json(text: bytes, parser: simdjson.Parser) -> bytes:
    """JSON text, UTF-8, for what Python wrote. Text that is JSON already is returned as it is. Raises NotJson."""
    return _container(text, parser) if text[:1] in (b"{", b"[") else _scalar(text)


def is_json(text: bytes, parser: simdjson.Parser) -> bool:
    """Whether text is JSON, numbers and nesting of any size and lone surrogates included."""
    if text[:2] in (b"{'", b"['"):
        return False
    if _accepts(parser, text):
        return True
    try:
        json.loads(text.decode(), parse_constant=_refuse, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return False
    return True


def _scalar(text: bytes) -> bytes:
    if text in (b"True", b"False"):
        return text.lower()
    if text in (b"nan", b"inf", b"-inf"):  # json.loads makes inf of jsonb's 1e400
        raise NotJson(_NOT_FINITE)
    if _number.fullmatch(text):
        return text
    return json.dumps(text.decode(), ensure_ascii=False).encode()


def _container(text: bytes, parser: simdjson.Parser) -> bytes:
    simple = _swap_quotes(text)
    if simple is not None and _accepts(parser, simple):
        return simple
    if _accepts(parser, text):
        return text
    try:
        return _json(text) or _literal(text)
    except UnicodeEncodeError:
        raise NotJson(_SURROGATE) from None
    except (RecursionError, MemoryError):
        raise NotJson(_TOO_DEEP) from None
    except (ValueError, TypeError, SyntaxError):
        raise NotJson(_NOT_JSON) from None


def _accepts(parser: simdjson.Parser, text: bytes) -> bool:
    """True for JSON; False for some JSON too: numbers of more than 64 bits, more than 1024 levels, lone surrogates."""
    try:
        parser.parse(text)
    except (ValueError, RuntimeError):
        return False
    return True


def _swap_quotes(text: bytes) -> bytes | None:
    """What may be the JSON of a repr without escapes and double quotes, ten times faster than by literal_eval."""
    if b"\\" in text or b'"' in text:
        return None
    parts = text.split(b"'")
    outside = b"'".join(parts[::2])
    for python, other in _WORDS:
        if other in outside:
            return None
        outside = outside.replace(python, other)
    parts[::2] = outside.split(b"'")
    return b'"'.join(parts)


def _json(text: bytes) -> bytes | None:
    """The text itself if it is JSON, by the exact but slow reading; None if it isn't."""
    try:
        # Numbers stay text: they may have any length.
        value = json.loads(text.decode(), parse_constant=_refuse, parse_int=str, parse_float=str)
    except ValueError:
        return None
    json.dumps(value, ensure_ascii=False).encode()
    return text


def _literal(text: bytes) -> bytes:
    value = ast.literal_eval(text.decode())
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)
