"""The documentation is true: each page is a story that is told here, from its first command to its last answer."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.answers import Answers, Different
from tests.integration.pages import Page
from tests.integration.story import PROJECT, Failed, Story

PATHS = sorted([PROJECT / "README.md", *(PROJECT / "docs").rglob("*.md")])
NAMES = [str(path.relative_to(PROJECT)) for path in PATHS]
NEEDS = {"docs/how-to/nginx.md": "nginx"}
pytestmark = pytest.mark.skipif(
    sys.platform == "win32" or not all(map(shutil.which, ("bash", "curl", "make"))), reason="needs bash, curl and make"
)


@pytest.fixture
def story(database: Any, jobs_database: Any, bucket: Any) -> Iterator[Story]:
    places = {
        "postgresql://app:secret@db.internal:5432/vector_db": database.url,
        "postgresql://jobs:secret@db.internal:5432/jobs": jobs_database.url,
        "s3+http://minio.internal:9000/backups/prefix": bucket.url,
    }
    # Not in pytest's own directory: a socket's path is short, and root's PostgreSQL runs as another user.
    with tempfile.TemporaryDirectory(prefix="docs-") as name:
        Path(name).chmod(0o711)
        told = Story(Path(name), places)
        try:
            yield told
        finally:
            told.close()


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_true_from_top_to_bottom(name: str, story: Story) -> None:
    program = NEEDS.get(name)
    if program and not shutil.which(program):
        pytest.skip(f"needs {program}")
    story.tell(Page.read(PROJECT / name))
