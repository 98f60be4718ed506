"""Requests made from the service's own description of itself, right and wrong, seeded."""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import quote

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "PROPFIND")
JUNK: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        -1,
        1.5,
        1e308,
        2**70,
        float("nan"),
        "",
        " ",
        "true",
        "null",
        "0",
        "\0",
        "\ud800",
        "😀",
        "é",
    ),
    *(
        "a" * 300,
        "a" * 5000,
        "../../etc/passwd",
        "%00",
        "%s%n",
        "' OR 1=1 --",
        "${7*7}",
        "{{7*7}}",
        "<script>",
        "\r\nX: y",
    ),
    *([], [None], [[]], {}, {"a": None}, ["a"] * 200, {"$ref": "#"}, "-0", "1e5", "\u202e", "../", "\\", ";", "|id"),
)
HEADERS: tuple[tuple[str, str], ...] = (
    *(
        ("Content-Type", kind)
        for kind in ("text/plain", "application/xml", "application/x-www-form-urlencoded", "", "x")
    ),
    *(("Accept", "text/html"), ("Accept-Encoding", "gzip, br"), ("X-Request-ID", "x" * 500), ("X-Request-ID", "a\tb")),
    *(("X-Forwarded-For", "10.0.0.1"), ("X-Forwarded-Host", "evil.example"), ("Cookie", "a=b"), ("Range", "bytes=0-1")),
    *(("Content-Encoding", "gzip"), ("If-None-Match", "*"), ("Expect", "200-ok"), ("X-HTTP-Method-Override", "DELETE")),
    *(
        ("Origin", "https://evil.example"),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "none"),
        ("Host", "evil"),
    ),
    *(("Authorization", "Bearer nonsense"), ("Authorization", "x"), ("Access-Control-Request-Method", "POST")),
)
OFTEN = {"post": 12, "get": 6, "put": 4, "patch": 4, "delete": 2}
"""How much more often than others an operation is asked that takes something; a DELETE leaves little to find."""


class Hint(NamedTuple):
    """Values for a field that get far, and values that must not."""

    good: Sequence[Any]
    bad: Sequence[Any]


@dataclass(frozen=True)
class Request:
    """What goes over the wire; `path` holds the query."""

    method: str
    path: str
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        body = "" if self.body is None else f" {self.body[:300]!r}"
        return f"{self.method} {self.path[:200]}{body} {self.headers or ''}"


class Description:
    """An OpenAPI document that makes requests. `hints` are values worth a try, by the name of their field."""

    def __init__(self, document: Mapping[str, Any], hints: Mapping[str, Hint], chance: random.Random) -> None:
        self._document = document
        self._hints = hints
        self._chance = chance
        self._operations = [
            (method.upper(), path, operation)
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
            for _ in range(OFTEN[method] if operation.keys() & {"parameters", "requestBody"} else 1)
        ]

    def request(self) -> Request:
        """Some request: mostly one that the description allows, with something wrong in it."""
        chance = self._chance
        method, path, operation = chance.choice(self._operations)
        query = []
        for parameter in operation.get("parameters", ()):
            value = self._value(parameter["schema"], parameter["name"])
            if parameter["in"] == "path":
                path = path.replace(f"{{{parameter['name']}}}", _in_path(value, chance))
            elif chance.random() < 0.5:
                query.append(f"{parameter['name']}={quote(_text(value), safe=chance.choice(('', '%/')))}")
        body = self._body(operation)
        headers = dict(chance.sample(HEADERS, chance.randint(1, 2))) if chance.random() < 0.1 else {}
        if chance.random() < 0.05:
            query.append(quote(_text(chance.choice(JUNK))) + "=" + chance.choice(("", "1", "%ff", "a&b")))
        if chance.random() < 0.04:
            method = chance.choice(METHODS)
        if chance.random() < 0.04:
            path = self._twisted(path)
        return Request(method, path + (f"?{'&'.join(query)}" if query else ""), body, headers)

    def _body(self, operation: Mapping[str, Any]) -> bytes | None:
        content = operation.get("requestBody", {}).get("content", {})
        chance = self._chance
        if "application/json" not in content:
            return None if chance.random() < 0.9 else b'{"a": 1}'
        schema = self._resolved(content["application/json"]["schema"])
        body = {
            name: self._value(field, name)
            for name, field in schema["properties"].items()
            if chance.random() < (0.93 if name in schema.get("required", ()) else 0.25)
        }
        if chance.random() < 0.05:
            body[chance.choice(("x", "", "pg_con", "__proto__", "truncate", "a" * 300))] = chance.choice(JUNK)
        return self._bytes(body)

    def _bytes(self, body: dict[str, Any]) -> bytes:
        chance = self._chance
        data = json.dumps(body, ensure_ascii=chance.random() < 0.7).encode("utf-8", "surrogatepass")
        if chance.random() > 0.06:
            return data
        start = chance.randrange(len(data))
        return chance.choice(
            (
                *(data[:start], data + data, b"\xef\xbb\xbf" + data, data.decode("utf-8", "replace").encode("utf-16")),
                *(data[:start] + b"\xff" + data[start:], b"[" * 20_000, b'{"a":' * 5_000, json.dumps([body]).encode()),
                *(
                    data[:-1] + b"," + data[1:],
                    b"null",
                    b"\0",
                    b"1" * 5_000,
                    b'"' + b"x" * 100_000 + b'"',
                    b"{} {}",
                    b" ",
                ),
            )
        )

    def _value(self, schema: Mapping[str, Any], name: str) -> Any:
        chance = self._chance
        luck = chance.random()
        if luck < 0.04:
            return chance.choice(JUNK)
        if name in self._hints and luck < 0.96:
            return chance.choice(self._hints[name].bad if luck < 0.12 else self._hints[name].good)
        return self._fitting(self._resolved(schema), name)

    def _fitting(self, schema: Mapping[str, Any], name: str) -> Any:
        chance = self._chance
        for several in ("anyOf", "oneOf"):
            if several in schema:
                return self._value(chance.choice(schema[several]), name)
        if "enum" in schema:
            return chance.choice(schema["enum"])
        kind = schema.get("type")
        if kind == "array":
            return [self._value(schema.get("items", {}), name) for _ in range(chance.randint(0, 3))]
        if kind == "object":
            return {chance.choice("abc"): chance.choice(JUNK) for _ in range(chance.randint(0, 3))}
        simple = {"boolean": chance.random() < 0.5, "integer": chance.randint(-5, 5), "number": chance.random()}
        return simple.get(str(kind), "".join(chance.choices("abcXYZ012_-./ é", k=chance.randint(0, 20))))

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        found: Any = schema
        while "$ref" in found:
            node: Any = self._document
            for part in found["$ref"].removeprefix("#/").split("/"):
                node = node[part]
            found = node
        return found  # type: ignore[no-any-return]

    def _twisted(self, path: str) -> str:
        chance = self._chance
        start = chance.randrange(1, len(path))
        odd = quote(chance.choice(("\n", "\0", "é", "..", " ", "\\")))
        twisted = (
            *(path + "/", path.upper(), "/" + path, path[:start], path[:start] + "/../" + path[start:], path + "%00"),
            *(path[:start] + odd + path[start:], path + ";a=b", path + "%", "/", "/%", "*", "/favicon.ico"),
            *("/" + "a" * 3000, path.replace("/", "//"), path.replace("/", "%2f")),
        )
        return chance.choice(twisted)


def _in_path(value: Any, chance: random.Random) -> str:
    """A value as part of a path; what can't stand on a request line is encoded, the rest only sometimes."""
    return quote(_text(value), safe=chance.choice(("", "%/.", "/:@!")))


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text.encode("utf-8", "replace").decode()
