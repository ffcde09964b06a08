"""What cannot be seen is made visible, and nothing else changes."""

from __future__ import annotations

import pytest

from deep_code_reasoning.packing.plain_text import one_line, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("a\u202eb", "a\\u202eb"),
        ("pay\u200bload", "pay\\u200bload"),
        ("\ufeffhead", "\\ufeffhead"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("v\ufe0f", "v\\ufe0f"),
        ("a\rb", "a\\x0db"),
        ("a\r\nb", "a\nb"),
        ("null\0", "null\\x00"),
        ("filler\u3164", "filler\\u3164"),
        ("line\u2028sep", "line\\u2028sep"),
    ],
)
def test_what_steers_or_hides_is_written_as_its_code(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize("text", ["plain\ttext\n", "Grüße, 注文サービス, заказ, ξ → ∞", "emoji 🔑"])
def test_what_can_be_seen_stays(text: str) -> None:
    assert visible(text) == text


def test_a_title_is_one_bounded_line() -> None:
    assert one_line("a\nb\tc" + "x" * 300, 20) == "a b cxxxxxxxxxxxx..."
