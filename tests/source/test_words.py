"""Text and code become the same words."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from deep_code_reasoning.source.words import words


def test_an_identifier_gives_its_parts_and_itself() -> None:
    assert list(words("getUserName")) == ["get", "user", "name", "getusername"]
    assert list(words("HTTPServer_v2")) == ["http", "server", "httpserver_v2"]
    assert list(words("parse_rows")) == ["parse", "row", "parse_rows"]


def test_endings_of_english_do_not_matter() -> None:
    assert {*words("locks"), *words("locked"), *words("locking"), *words("lock")} == {"lock"}


def test_words_that_stand_everywhere_are_left_out() -> None:
    assert list(words("return self.the and public static void x")) == []


def test_data_in_the_shape_of_an_identifier_is_no_word() -> None:
    assert list(words("a" * 100)) == ["a" * 100]
    assert list(words("a" * 101)) == []


@given(st.text(max_size=300))
def test_words_are_lower_case_and_safe_to_quote(text: str) -> None:
    for word in words(text):
        assert word == word.lower()
        assert '"' not in word
        assert not any(map(str.isspace, word))


@given(
    st.lists(st.sampled_from(["Total", "größe", "3rd", "x_1", "\u2014", "\u00a0", "\u2019", "+", "(", " ", "\n", "é2"]))
)
def test_what_stands_between_names_only_parts_them(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert words(text) == words(" ".join(re.findall(r"[^\W\d]\w*|\d+", text)))
