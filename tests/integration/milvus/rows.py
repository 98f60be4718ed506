"""Collections with everything that milvus-lite has, and what they hold, to the bit."""

import math
import struct
from typing import Any

DIMENSIONS = 8
ODD_KEYS = ['a"b', "c\\d", "e\nf", "中文", "", "x\ty", "it's", "z" * 64, "\U0001f600", "\uffff"]
VECTORS = [
    [math.nan, -0.0, 1e-45, 0.1, 3.4e38, math.inf, 0.0, 1.0],
    [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0],
]


def key(number: int) -> str:
    return ODD_KEYS[number] if number < len(ODD_KEYS) else f"k{number:06d}"


def full_row(number: int) -> dict[str, Any]:
    """One row of make_full()."""
    odd = bool(number % 2)
    return {
        "id": key(number),
        "v": VECTORS[0] if number % 7 == 0 else [float(number), *VECTORS[1][1:]],
        "sparse": {1: 0.5, number + 2: 1.5},
        "text": None if odd else "文" * (number % 5),
        "json": {"b": 1, "a": [1, 2.5, None, 1.0, 1 << 40]} if number % 3 else None,
        "words": ["a", "中"] if odd else None,
        "floats": [0.1, float(number)],
        "tiny": -5,
        "small": None if odd else 300,
        "flag": None if number % 4 else True,
        "single": None if number % 5 else 0.1,
        "double": 0.1 * number,
        "moment": "2025-01-01T00:00:00+08:00" if odd else None,
        "place": "POINT (1 2)" if odd else None,
        "free": number,
    }


def make_full(client: Any, name: str, rows: int) -> None:
    """A collection of every type that milvus-lite has, in two partitions."""
    from pymilvus import DataType

    schema = client.create_schema(auto_id=False, enable_dynamic_field=True)
    schema.add_field("id", DataType.VARCHAR, max_length=64, is_primary=True)
    schema.add_field("v", DataType.FLOAT_VECTOR, dim=DIMENSIONS)
    schema.add_field("sparse", DataType.SPARSE_FLOAT_VECTOR)
    schema.add_field("text", DataType.VARCHAR, max_length=65535, nullable=True, default_value="as it comes")
    schema.add_field("json", DataType.JSON, nullable=True)
    words = {"element_type": DataType.VARCHAR, "max_capacity": 10, "max_length": 50}
    schema.add_field("words", DataType.ARRAY, **words, nullable=True)
    schema.add_field("floats", DataType.ARRAY, element_type=DataType.FLOAT, max_capacity=10)
    schema.add_field("tiny", DataType.INT8)
    for field, kind in (("small", "INT16"), ("flag", "BOOL"), ("single", "FLOAT")):
        schema.add_field(field, getattr(DataType, kind), nullable=True)
    schema.add_field("double", DataType.DOUBLE)
    schema.add_field("moment", DataType.TIMESTAMPTZ, nullable=True)
    schema.add_field("place", DataType.GEOMETRY, nullable=True)
    indexes = client.prepare_index_params()
    indexes.add_index("v", index_type="HNSW", metric_type="L2", params={"M": 16, "efConstruction": 200})
    indexes.add_index("sparse", index_type="SPARSE_INVERTED_INDEX", metric_type="IP")
    indexes.add_index("text", index_type="INVERTED")
    client.create_collection(name, schema=schema, index_params=indexes, properties={"collection.ttl.seconds": "0"})
    client.create_partition(name, "late")
    made = [full_row(number) for number in range(rows)]
    client.insert(name, made[: rows // 2])
    client.insert(name, made[rows // 2 :], partition_name="late")


def make_plain(client: Any, name: str, rows: int, *, auto_id: bool = False) -> None:
    """Whole numbers as keys, and vectors."""
    from pymilvus import DataType

    schema = client.create_schema(auto_id=auto_id)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("v", DataType.FLOAT_VECTOR, dim=DIMENSIONS)
    schema.add_field("text", DataType.VARCHAR, max_length=100)
    indexes = client.prepare_index_params()
    indexes.add_index("v", index_type="HNSW", metric_type="L2", params={"M": 16, "efConstruction": 200})
    client.create_collection(name, schema=schema, index_params=indexes)
    made = [plain_row(number) for number in range(rows)]
    client.insert(name, [{k: v for k, v in row.items() if not (auto_id and k == "id")} for row in made])


def plain_row(number: int, text: str = "text") -> dict[str, Any]:
    return {"id": number, "v": [float(number % 97), *VECTORS[1][1:]], "text": f"{text} {number}"}


def held(client: Any, name: str, without: tuple[str, ...] = ()) -> list[Any]:
    """Every row of a collection, read by pymilvus, to the bit."""
    if str(client.get_load_state(name)["state"]) != "Loaded":
        client.load_collection(name)
    found, rows = client.query_iterator(name, batch_size=1000, output_fields=["*"]), []
    while page := found.next():
        rows += [_exact({k: v for k, v in dict(row).items() if k not in without}) for row in page]
    found.close()
    return sorted(rows, key=repr)


def _exact(value: Any) -> Any:
    if isinstance(value, float):
        return struct.pack("<d", value)
    if isinstance(value, dict):
        return sorted((repr(key), _exact(one)) for key, one in value.items())
    if isinstance(value, str | bytes) or value is None:
        return value
    try:
        return [_exact(one) for one in value]
    except TypeError:
        return float(value) if hasattr(value, "dtype") else value


def found(client: Any, name: str, vector: list[float], limit: int = 5) -> list[Any]:
    """The keys that a search finds."""
    (hits,) = client.search(name, data=[vector], limit=limit, anns_field="v")
    return [hit["id"] for hit in hits]
