"""Figures and quotations as people read them."""

from __future__ import annotations

import pytest

from deep_code_reasoning.domain.wording import duration, excerpt, figure, out_of, size


@pytest.mark.parametrize(
    ("value", "told"),
    [(3832.4, "3,830"), (29.2723, "29.3"), (0.0032, "0.0032"), (0, "0"), (1.23e9, "1,230,000,000"), (-2.5, "-2.5")],
)
def test_a_figure_has_three_digits_that_count_and_no_exponent(value: float, told: str) -> None:
    assert figure(value) == told


def test_a_duration_is_told_in_the_unit_it_is_spoken_of_in() -> None:
    assert duration(0.00317) == "3.17 ms"
    assert duration(1.0) == "1 s"


def test_an_excerpt_shows_that_it_was_cut_and_leaves_out_ids_that_citations_have() -> None:
    line = "16:57 ERROR TraceID: de4750c4502b87183d84b052565c3125 SpanID: 20ae0a8762170a87 [find]\n no such  row"
    assert excerpt(line, 100) == "16:57 ERROR [find] no such row"
    assert excerpt(line, 18) == "16:57 ERROR [find…"
    assert excerpt('{"trace_id":"abc","n":1}', 100) == '{"trace_id":"abc","n":1}'


def test_all_of_a_total_is_said_in_a_word() -> None:
    assert out_of(24, 24, "requests") == "all 24 requests"
    assert out_of(1, 1, "requests") == "1 of 1 requests"
    assert out_of(3, 24, "requests") == "3 of 24 requests"


@pytest.mark.parametrize(
    ("octets", "told"), [(515_184_432, "515 MB"), (1.5e9, "1.5 GB"), (2048, "2.05 kB"), (0, "0 bytes"), (-3e6, "-3 MB")]
)
def test_sizes_have_the_unit_they_are_spoken_of_in(octets: float, told: str) -> None:
    assert size(octets) == told
