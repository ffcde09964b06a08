"""Answers: bounded, the same in both forms, in the order of their importance; loose arguments put right."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from deep_code_reasoning.server import faults, reply
from deep_code_reasoning.server.arguments import Arguments

TEXTS = st.text(max_size=400) | st.integers(0, 9_000).map(lambda n: "é\n" * n)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=30) | st.dictionaries(st.text(min_size=1, max_size=30), inner, max_size=12),
    max_leaves=20,
)


@settings(max_examples=40)
@given(st.dictionaries(st.text(min_size=1, max_size=30), VALUES, max_size=6))
def test_any_answer_stays_in_its_bounds(facts: dict[str, Any]) -> None:
    result = reply.as_result(facts)
    assert len(result.content[0].text.encode()) <= reply.MAX_BYTES  # type: ignore[union-attr]
    assert len(json.dumps(result.structured_content, ensure_ascii=False, default=str).encode()) <= reply.MAX_BYTES


def test_what_matters_comes_first_and_what_is_left_out_is_named() -> None:
    facts = {"verdict": "healthy", "handle": "work-1", "long": ["x" * 500] * 40, "last": {"a": "b" * 5_000}}
    content = reply.as_result(facts).structured_content
    assert list(content)[:2] == ["verdict", "handle"]
    assert content["long"][-1].endswith("more left out)")
    assert "more characters" in content["last"]["a"]
    assert reply.as_result({"first": "x" * 9_000, "second": 7, **{f"n{n}": n for n in range(900)}}).structured_content[
        "left_out"
    ]


def test_both_forms_tell_the_same() -> None:
    facts = {
        "verdict": "cause_found",
        "causes": [{"service": "stock", "path": ["a", "b"]}],
        "text": "two\nlines",
        "no": None,
    }
    text = reply.as_result(facts).content[0].text  # type: ignore[union-attr]
    assert text == 'verdict: cause_found\ncauses:\n- service: stock\n  path: ["a", "b"]\ntext:\n  two\n  lines'


def test_pages_show_everything_once() -> None:
    items = [{"n": n, "text": "x" * (n * 37 % 900)} for n in range(200)]
    seen: list[Any] = []
    cursor: str | None = None
    while True:
        shown, cursor = reply.page(items, cursor)
        seen += shown
        if cursor is None:
            break
    assert seen == items
    assert reply.page(items, "nonsense")[0] == reply.page(items, None)[0]
    assert reply.page(items, "99999") == ([], None)


class Inner(Arguments):
    code_files: list[str]


class Outer(Arguments):
    inner_scope: Inner
    how_many: int = Field(3, ge=1, le=5)


def test_loose_arguments_are_put_right_and_said() -> None:
    notes: list[str] = []
    taken = Outer.model_validate({"innerScope": '{"codeFiles": "a.py"}', "howMany": "2"}, context=notes)
    assert (taken.inner_scope.code_files, taken.how_many) == (["a.py"], 2)
    assert len(notes) == 5
    assert Outer.model_validate({"inner_scope": {"code_files": []}, "how_many": None}, context=[]).how_many == 3


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({}, "inner_scope"),
        ({"inner_scope": {"code_files": []}, "how_mani": 1}, "did you mean how_many?"),
        ({"inner_scope": {"code_files": []}, "how_many": 9}, "less than or equal to 5"),
        ({"inner_scope": {"code_files": []}, "innerScope": {"code_files": []}}, "given twice"),
        ({"inner_scope": "{"}, "inner_scope"),
    ],
)
def test_wrong_arguments_are_told_without_repeating_them(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(wrong, context=[])
    error = faults.as_result(caught.value).structured_content["error"]
    assert error["code"] == "usage"
    assert said in error["message"]


def test_a_fault_of_ours_keeps_its_text_to_itself() -> None:
    result = faults.as_result(ValueError("a secret"))
    assert result.is_error
    assert "a secret" not in json.dumps(result.structured_content)
