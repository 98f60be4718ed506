"""What the assistant knows, the same each time: people, what they said, documents and their chunks."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from uuid import UUID

DOCUMENTS, CHUNKS_EACH = 20, 10
DIMENSIONS = 64
BEGINNING = datetime(2024, 11, 1, tzinfo=timezone.utc)
SUBJECTS = ("语音识别", "知识图谱", "billing", "holidays", "réservations", "routers")


@dataclass(frozen=True)
class Document:
    """A file that a person uploaded."""

    id: UUID
    owner: UUID
    title: str
    subject: str
    chunks: tuple[str, ...]

    @property
    def key(self) -> str:
        """Of the object that holds it."""
        return f"documents/{self.id}.txt"

    @property
    def text(self) -> str:
        return "\n\n".join(self.chunks)

    def chunk_id(self, number: int) -> UUID:
        return made(f"chunk {self.title} {number}")


def made(name: str) -> UUID:
    """An id that follows from a name."""
    return UUID(int=random.Random(name).getrandbits(128), version=4)


USERS = tuple(made(f"user {number}") for number in range(8))
SESSIONS = tuple((made(f"session {number}"), USERS[number % len(USERS)]) for number in range(24))


def at(days: float) -> datetime:
    """A moment of the story: the end of 2024 and the first months of 2025."""
    return BEGINNING + timedelta(days=days)


def documents() -> list[Document]:
    found = []
    for number in range(DOCUMENTS):
        subject = SUBJECTS[number % len(SUBJECTS)]
        title = f"{subject} {number + 1}"
        chunks = tuple(
            f"{title}, part {part + 1}: what callers ask about {subject}, and answer {number * part}."
            for part in range(CHUNKS_EACH)
        )
        found.append(Document(made(f"document {number}"), USERS[number % len(USERS)], title, subject, chunks))
    return found


def vector(text: str) -> list[float]:
    """In the place of a model's: near to nothing, but always the same."""
    chance = random.Random(text)
    return [chance.uniform(-1, 1) for _ in range(DIMENSIONS)]
