"""The documentation is true: each page is a story that is told here, from its first command to its last answer."""

import html
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import roomy_memory
from tests.integration.answers import Answers, Different
from tests.integration.pages import Page
from tests.integration.story import PROJECT, Failed, Story

PAGES = {
    str(path.relative_to(PROJECT)): Page.read(path)
    for path in [*PROJECT.glob("README*.md"), *sorted((PROJECT / "docs").rglob("*.md"))]
}
CHINESE = [name for name in PAGES if name.endswith(".zh-CN.md")]
STORIES = [name for name, page in PAGES.items() if name not in CHINESE and page.blocks]
NEEDS = {"docs/how-to/nginx.md": "nginx"}
LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)")
needs_a_shell = pytest.mark.skipif(
    sys.platform == "win32" or not all(map(shutil.which, ("bash", "curl", "make"))), reason="needs bash, curl and make"
)


@pytest.fixture
def places(request: pytest.FixtureRequest) -> Callable[[str], dict[str, str]]:
    """The real URLs for those that a page names."""
    named = {
        "postgresql://app:secret@db.internal:5432/vector_db": "database",
        "postgresql://jobs:secret@db.internal:5432/jobs": "jobs_database",
        "s3+http://minio.internal:9000/backups/prefix": "bucket",
    }
    return lambda text: {url: request.getfixturevalue(name).url for url, name in named.items() if url in text}


@pytest.fixture
def directory() -> Iterator[Path]:
    """Not pytest's own: the path of a socket is short, and root's PostgreSQL runs as another user."""
    with tempfile.TemporaryDirectory(prefix="docs-", dir=roomy_memory()) as name:
        Path(name).chmod(0o711)
        yield Path(name)


@needs_a_shell
@pytest.mark.parametrize("name", STORIES)
def test_a_page_is_true_from_top_to_bottom(name: str, directory: Path, places: Callable[[str], dict[str, str]]) -> None:
    page = PAGES[name]
    program = NEEDS.get(name, "sh")
    if not shutil.which(program):
        pytest.skip(f"there is no {program}")
    with Story(directory, places(page.text)) as story:
        story.tell(page)


def test_hardly_any_block_is_not_run() -> None:
    skipped = [(name, block.said) for name, page in PAGES.items() for block in page.blocks if block.mark == "not run"]
    english = [name for name, _ in skipped if name not in CHINESE]
    shown = {"README.md": 3, "docs/how-to/run-it.md": 2, "docs/reference/restores.md": 1}
    of_other_stores = {
        "docs/how-to/back-up-a-stack.md": 2,
        "docs/how-to/from-pgvector-to-milvus.md": 2,
        "docs/reference/milvus.md": 1,
    }
    assert Counter(english) == {**shown, **of_other_stores}, skipped


@pytest.mark.parametrize("name", CHINESE)
def test_a_chinese_page_shows_nothing_but_what_its_english_twin_does(name: str) -> None:
    told = {_bare(block.text) for block in PAGES[name.replace(".zh-CN", "")].blocks}
    assert [block.line for block in PAGES[name].blocks if _bare(block.text) not in told] == []


def _bare(text: str) -> str:
    """Without comments, which are in the page's language."""
    return re.sub(r" +#.*", "", text)


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_somewhere(name: str) -> None:
    page = PAGES[name]
    for path, anchor in LINK.findall(page.text):
        target = (page.path.parent / path).resolve() if path else page.path
        assert target.exists(), path
        if anchor:
            assert anchor in _anchors(target.read_text(encoding="utf-8")), f"{path}#{anchor}"


def _anchors(text: str) -> set[str]:
    """As GitHub makes them of headings."""
    headings = [html.unescape(heading) for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)]
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", STORIES)
def test_whatever_a_page_saves_it_tells_the_reader_to_save(name: str) -> None:
    for block in PAGES[name].blocks:
        assert block.mark != "file" or f"`{block.said}`" in PAGES[name].text


@pytest.mark.parametrize(
    ("shown", "answered"),
    [
        ('{"rows": 4}', '{"rows": 5}'),
        ('{"rows": 4}', '{"rows": 4, "more": 1}'),
        ('{"rows": 4, "…": "…"}', '{"more": 1}'),
        ('{"ok": true}', '{"ok": 1}'),
        ('["a"]', '["a", "b"]'),
        ('["a", "…"]', "[]"),
        ('{"duration": 0.1}', '{"duration": null}'),
        ('"备份完成"', '"备份失败"'),
        ('"20261121_093015"', '"2026"'),
        ('["20261121_093015", "20261121_093015"]', '["20261121_100000", "20261121_100001"]'),
        ('{"a": 1} {"a": 2}', '{"a": 1}'),
        ("{}", "<html>"),
    ],
)
def test_an_answer_that_is_another_one_is_noticed(shown: str, answered: str) -> None:
    with pytest.raises(Different):
        Answers().expect_json(shown, answered)


def test_times_durations_sizes_and_ids_may_be_others_and_an_id_stays_the_same_to_the_end() -> None:
    answers = Answers()
    answers.expect_json(
        '{"timestamp": "20261121_093015", "at": "2026-11-21T09:30:15+08:00", "duration": 0.1, "size": "5 KB", "…": ""}',
        '{"timestamp": "20261122_010203", "at": "2026-11-22T01:02:03+00:00", "duration": 9, "size": "6 KB", "n": 4}',
    )
    assert answers.translate("GET /backups/global/20261121_093015") == "GET /backups/global/20261122_010203"
    with pytest.raises(Different):
        answers.expect_text("file_20261121_093015.csv", "file_20261121_093015.csv")


@needs_a_shell
@pytest.mark.parametrize(
    "text",
    [
        "```sh\nfalse\n```",
        "```sh\necho one\n```\n\n```text\ntwo\n```",
        "```sh\necho '{\"success\": false}'\n```",
        "<!-- until serving -->\n```sh\necho stopped\n```",
    ],
)
def test_a_page_that_is_not_true_fails(text: str, directory: Path) -> None:
    with Story(directory, {}) as story, pytest.raises(Failed, match=r"docs/page\.md:"):
        story.tell(Page(PROJECT / "docs" / "page.md", f"{text}\n"))


def test_a_block_that_nobody_runs_has_to_say_why() -> None:
    for text in ("```json\n{}\n```\n", "```toml\na = 1\n```\n", "```sh\nls\n```\n```json\n{}\n```\n```json\n{}\n```\n"):
        with pytest.raises(ValueError, match="not run"):
            list(Page(PROJECT / "docs" / "page.md", text).steps())
    assert list(Page(PROJECT / "docs" / "page.md", "<!-- not run: no Docker -->\n```sh\ndocker\n```\n").steps()) == []
