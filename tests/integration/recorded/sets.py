"""Backup sets of the recording: good ones, damaged ones, and the requests that name them."""

from typing import Any

from tests.support.names import COLLECTION, DOCS, EMBEDDING

NOTES = "33333333-3333-4333-8333-333333333333"
ROOT = "./data_pipeline/training_data"
GOOD = "20010101_000000"
COLLECTIONS = f"uuid,name,cmetadata\n{DOCS},docs,{{}}\n{NOTES},笔记,\n"
HEAD = "id,collection_id,embedding,document,cmetadata\n"
EMBEDDINGS = f'{HEAD}plain,{DOCS},"[1,2,3]",第一,{{}}\nnew,{NOTES},"[4,5,6]",,"{{""n"": null}}"\n'


def files(
    collections: str | bytes = COLLECTIONS, embeddings: str | bytes = EMBEDDINGS, stamp: str = GOOD, kind: str = "csv"
) -> dict[str, bytes]:
    """A set that nothing vouches for, by file name."""
    texts = {COLLECTION: collections, EMBEDDING: embeddings}
    return {
        f"{table}_{stamp}.{kind}": text.encode() if isinstance(text, str) else text for table, text in texts.items()
    }


def named(stamp: str = GOOD, location: str = "", **more: Any) -> dict[str, Any]:
    """The body that names a set, and what else is asked for."""
    return {"backup_path": "/".join(filter(None, (ROOT, location, "vector_bak"))), "timestamp": stamp, **more}


def row(*fields: str) -> str:
    return f"{EMBEDDINGS}{','.join(fields)}\n"


_DAMAGE: dict[str, dict[str, Any]] = {
    "empty": {"embeddings": ""},
    "no such column": {"embeddings": "id,collection_id,embedding,document,cmetadata,more\n"},
    "a column less": {"embeddings": "id,collection_id,embedding,document\n"},
    "a field less": {"embeddings": row("x", DOCS, '"[1,2,3]"', "y")},
    "a field more": {"embeddings": row("x", DOCS, '"[1,2,3]"', "y", "{}", "z")},
    "cut in a quote": {"embeddings": EMBEDDINGS + f'x,{DOCS},"[1,2'},
    "cut in a record": {"embeddings": EMBEDDINGS + f"x,{DOCS}"},
    "no vector": {"embeddings": row("x", DOCS, '"[1,two,3]"', "y", "{}")},
    "infinity": {"embeddings": row("x", DOCS, '"[1,Infinity,3]"', "y", "{}")},
    "other dimensions": {"embeddings": row("x", DOCS, '"[1,2]"', "y", "{}")},
    "no json": {"embeddings": row("x", DOCS, '"[1,2,3]"', "y", "{")},
    "no uuid": {"embeddings": row("x", "docs", '"[1,2,3]"', "y", "{}")},
    "no id": {"embeddings": row("", DOCS, '"[1,2,3]"', "y", "{}")},
    "an id twice": {"embeddings": row("plain", DOCS, '"[1,2,3]"', "y", "{}")},
    "an orphan": {"embeddings": row("x", "99999999-9999-4999-8999-999999999999", '"[1,2,3]"', "y", "{}")},
    "a name twice": {"collections": f"{COLLECTIONS}44444444-4444-4444-8444-444444444444,docs,\n"},
    "no utf-8": {"embeddings": EMBEDDINGS.encode() + f"x,{DOCS},".encode() + b'"[1,2,3]",\xff,{}\n'},
    "a nul": {"embeddings": row("x", DOCS, '"[1,2,3]"', "y\0", "{}")},
    "swapped": {"collections": EMBEDDINGS, "embeddings": COLLECTIONS},
    "binary without a manifest": {"collections": "PGCOPY", "embeddings": "PGCOPY", "kind": "pgcopy"},
}
DAMAGED = {
    name: files(**texts, stamp=f"20010202_0000{number:02}") for number, (name, texts) in enumerate(_DAMAGE.items())
}


def stamp_of(name: str) -> str:
    return next(iter(DAMAGED[name])).rpartition(".")[0][-15:]
