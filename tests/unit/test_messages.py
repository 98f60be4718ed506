"""The texts: every code has one and is used, a call gives what the text needs, and a message keeps its code."""

import ast
import copy
import json
import pickle
import re
from collections.abc import Callable, Iterator, Mapping
from string import Formatter

import pytest

from common import messages
from common.errors import NotFound
from common.messages import CATALOGUES, LANGUAGE, Message, codes, recoded, say, translated
from common.messages.zh import TEXTS
from tests.test_architecture import SERVICE, parsed, within

CHINESE = re.compile(r"[\u4e00-\u9fff]")
CODE = {name: path for name, path in SERVICE.items() if not within(name, [messages.__name__])}
PATTERNS = ("refusal", "sqlstate")
"""The modules whose patterns recognise what a PostgreSQL server says in Chinese: no texts of the service."""


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == say.__name__:
            yield node


def code_of(call: ast.Call) -> str | None:
    """The code a call names; None if it isn't a literal, and so can't be looked up here."""
    first = call.args[0] if len(call.args) == 1 else None
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None


def gaps(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name is not None}


def misfits(tree: ast.AST) -> list[str]:
    """The calls that don't name a text of the catalogue and give just what it needs."""
    return [
        f"line {call.lineno}: {ast.unparse(call)}"
        for call in calls(tree)
        if (code := code_of(call)) not in TEXTS or {param.arg for param in call.keywords} != gaps(TEXTS[code])
    ]


def chinese(tree: ast.AST) -> list[str]:
    """The literals in Chinese, pieces of f-strings too, without docstrings."""
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        f"line {node.lineno}: {node.value}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and id(node) not in docstrings
        and isinstance(node.value, str)
        and CHINESE.search(node.value)
    ]


def differences(catalogue: Mapping[str, str]) -> list[str]:
    """Where a catalogue differs from the Chinese one in more than its words."""
    other = {code: gaps(text) for code, text in catalogue.items()}
    ours = {code: gaps(text) for code, text in TEXTS.items()}
    return sorted(code for code in other.keys() | ours.keys() if other.get(code) != ours.get(code))


def test_each_call_names_a_text_and_fills_its_gaps() -> None:
    assert [f"{name}: {fault}" for name, path in CODE.items() for fault in misfits(parsed(path))] == []


@pytest.mark.parametrize(
    "source",
    [
        "say('no_such_code')",
        "say(code)",
        "say('set_shown', name=name)",
        "say('upload_unfit')",
        "say('upload_unfit', text=text)",
        "say('upload_unfit', **params)",
    ],
)
def test_a_call_that_does_not_fit_is_seen(source: str) -> None:
    assert misfits(ast.parse(source)) != []


def test_every_text_is_used() -> None:
    used = {code_of(call) for path in CODE.values() for call in calls(parsed(path))}
    assert sorted(TEXTS.keys() - used) == []


def test_chinese_texts_stand_in_the_catalogue_only() -> None:
    found = [
        f"{name}: {text}"
        for name, path in CODE.items()
        for text in chinese(parsed(path))
        if not (name.rpartition(".")[2] in PATTERNS and "|" in text)
    ]
    assert found == []


@pytest.mark.parametrize("source", ["raise E('无')", "f'第 {line} 行'", "f'{names or \"无\"}'", "TEXT = {1: '无'}"])
def test_a_chinese_text_is_seen(source: str) -> None:
    assert chinese(ast.parse(source)) != []


def test_the_catalogues_have_the_same_codes_and_gaps() -> None:
    assert {"zh", "en"} <= CATALOGUES.keys()
    assert {language: found for language, catalogue in CATALOGUES.items() if (found := differences(catalogue))} == {}


def test_no_text_in_english_holds_chinese() -> None:
    assert [code for code, text in CATALOGUES["en"].items() if CHINESE.search(text)] == []


def test_a_catalogue_that_differs_is_seen() -> None:
    lacking = dict(TEXTS)
    del lacking["set_shown"]
    misspelt = lacking | {"set_deleted": "{set} deleted", "unknown": ""}
    assert differences(misspelt) == ["set_deleted", "set_shown", "unknown"]


def test_gaps_are_plain_names() -> None:
    found = {
        code: [(name, spec, conversion) for _, name, spec, conversion in Formatter().parse(text) if name]
        for code, text in TEXTS.items()
    }
    assert found == {code: [(name, "", None) for name, _, _ in each] for code, each in found.items()}
    assert [code for code, each in found.items() if not all(name.isidentifier() for name, _, _ in each)] == []


def test_a_message_is_its_text() -> None:
    message = say("task_directory_missing", task_id="{task_1}")
    assert message == "指定的任务目录不存在: {task_1}"
    assert f"{message}!" == message + "!" == "指定的任务目录不存在: {task_1}!"
    assert (message.code, message.params) == ("task_directory_missing", {"task_id": "{task_1}"})
    assert json.dumps([message]) == json.dumps([str(message)])


@pytest.mark.parametrize(("code", "params"), [("no_such_code", {}), ("upload_unfit", {}), ("at_line", {"line": 1})])
def test_an_unknown_code_or_a_missing_parameter_is_an_error_at_once(code: str, params: dict[str, int]) -> None:
    with pytest.raises(KeyError):
        say(code, **params)


def test_a_message_can_be_said_in_another_language_with_those_in_it() -> None:
    message = say("upload_unfit", reason=say("file_unnamed"))
    assert message == "上传的备份集无效: 文件没有文件名"
    assert message.in_language("en") == "the uploaded backup set is invalid: a file has no name"
    assert message.in_language(LANGUAGE) == message


def test_several_messages_are_listed() -> None:
    tables = ("public.seen", say("rows_of_table", table="public.log", rows=3))
    message = say("triggers_wrote_elsewhere", tables=tables)
    assert message == "触发器或规则向其他表写入了行: public.seen, public.log 3 行"
    assert (
        message.in_language("en") == "triggers or rules wrote rows to other tables: public.seen, 3 rows of public.log"
    )


def test_an_unknown_language_is_an_error() -> None:
    with pytest.raises(KeyError):
        say("set_shown").in_language("xx")


@pytest.mark.parametrize("again", [lambda message: pickle.loads(pickle.dumps(message)), copy.deepcopy])
def test_a_message_survives_the_way_to_another_process(again: Callable[[Message], Message]) -> None:
    message = say("upload_unfit", reason=say("file_unnamed"))
    arrived = again(message)
    assert isinstance(arrived, Message)
    assert (arrived, arrived.code, arrived.params) == (message, message.code, message.params)
    assert arrived.in_language("en") == message.in_language("en")


def test_messages_in_a_stored_value_are_messages_again() -> None:
    inner = say("triggers_wrote_elsewhere", tables=("public.seen", say("rows_of_table", table="t", rows=3)))
    value = {"response": say("job_shown"), "warnings": [inner, "plain"], "n": 1, "details": {"reason": say("not_json")}}
    stored, found = json.loads(json.dumps(value)), json.loads(json.dumps(codes(value)))
    assert recoded(stored, found) == value
    english = translated(stored, "en")
    assert english == translated(value, "en")
    assert english["warnings"] == ["triggers or rules wrote rows to other tables: public.seen, 3 rows of t", "plain"]


@pytest.mark.parametrize("found", [[[["response"], "no_such_code", {}]], [[["response"], "job_shown", {}]]])
def test_a_stored_text_that_reads_otherwise_today_stays_as_it_was(found: list[list[object]]) -> None:
    """Its version had the code, or another text for it."""
    assert translated(recoded({"response": "任务"}, found), "en") == {"response": "任务"}


def test_an_error_knows_the_code_of_its_text() -> None:
    assert NotFound(say("job_missing")).code == "job_missing"
    assert NotFound("the text of a stored answer").code is None
