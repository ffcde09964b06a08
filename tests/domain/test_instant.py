from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deep_code_reasoning.domain.instant import format_instant, parse_instant

NOON = 1_767_268_800_000_000_000  # 2026-01-01T12:00:00Z


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("2026-01-01T12:00:00Z", NOON),
        ("2026-01-01 12:00:00", NOON),
        ("2026-01-01T12:00Z", NOON),
        ("2026-01-01T12:00:00.5Z", NOON + 500_000_000),
        ("2026-01-01T12:00:00,123456789Z", NOON + 123_456_789),
        ("2026-01-01T13:30:00+01:30", NOON),
        ("2026-01-01T05:00:00-0700", NOON),
        ("2026-01-01T11:59:60Z", NOON),
        ("1767268800", NOON),
        ("1767268800.25", NOON + 250_000_000),
        ("1767268800000", NOON),
        ("1767268800000000", NOON),
        ("1767268800000000000", NOON),
    ],
)
def test_the_usual_forms_are_read(text: str, ns: int) -> None:
    assert parse_instant(text) == ns


@pytest.mark.parametrize(
    "text", ["", "noon", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "12:00", "nan", "-5", "7"]
)
def test_what_is_no_instant_is_none(text: str) -> None:
    assert parse_instant(text) is None


@given(st.integers(min_value=10**17, max_value=10**19 - 1))
def test_what_is_written_is_read_back_exactly(ns: int) -> None:
    assert parse_instant(format_instant(ns)) == ns


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused_but_never_raises(text: str) -> None:
    assert parse_instant(text) is None or isinstance(parse_instant(text), int)
