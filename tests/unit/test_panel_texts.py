"""The panel's texts: each is there in both languages, once, and so is each that the pages name."""

import re
from pathlib import Path

import pytest

from common.errors import ServiceError

STATIC = Path(__file__).resolve().parents[2] / "data_pipeline" / "admin" / "static"
LANGUAGES = ("en", "zh")
LINE = re.compile(r'^  (?:"([^"]+)"|(\w+)): "((?:[^"\\]|\\.)*)",$', re.MULTILINE)
NAMED = re.compile(r'(?<![.\w])(?:t|said|has)\("([^"]+)"')
LABEL = re.compile(r'\{ name: "([^"]+)"(?:[^}]*? label: "([^"]+)")?([^}]*)')


def lines(language: str) -> list[tuple[str, str]]:
    """Keys and texts, in their order."""
    text = (STATIC / f"{language}.js").read_text(encoding="utf-8")
    found = [(quoted or bare, value) for quoted, bare, value in LINE.findall(text)]
    assert len(found) == sum(line.startswith("  ") and "//" not in line[:5] for line in text.splitlines())
    return found


def values_of(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)", text))


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_stands_there_twice(language: str) -> None:
    keys = [key for key, _ in lines(language)]
    assert sorted(key for key in set(keys) if keys.count(key) > 1) == []


def test_both_languages_have_the_same_texts_with_the_same_values() -> None:
    en, zh = (dict(lines(language)) for language in LANGUAGES)
    assert en.keys() == zh.keys()
    assert {key for key in en if values_of(en[key]) != values_of(zh[key])} == set()


def test_every_text_that_a_page_names_is_there() -> None:
    known = dict(lines("en")).keys()
    pages = [path for path in STATIC.glob("*.js") if path.stem not in LANGUAGES]
    named = {key: path.name for path in pages for key in NAMED.findall(path.read_text(encoding="utf-8"))}
    assert len(named) > 100
    assert {key: name for key, name in named.items() if key not in known} == {}


def test_every_field_of_a_form_has_its_label_and_its_hint() -> None:
    known = dict(lines("en")).keys()
    wanted: set[str] = set()
    for name in ("store_forms", "resource_forms"):
        for field, label, rest in LABEL.findall((STATIC / f"{name}.js").read_text(encoding="utf-8")):
            key = label or f"field.{field}"
            wanted |= {key, f"{key}.hint"} if "hint: true" in rest else {key}
    assert len(wanted) > 40
    assert wanted - known == set()


def test_there_is_an_advice_for_every_error() -> None:
    def below(kind: type[ServiceError]) -> set[type[ServiceError]]:
        return {kind}.union(*(below(one) for one in kind.__subclasses__()))

    kinds = {kind.error_type for kind in below(ServiceError)}
    assert {f"advice.{kind}" for kind in kinds} <= dict(lines("en")).keys()
