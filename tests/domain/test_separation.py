"""What sets bad requests apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deep_code_reasoning.domain.separation import Facet, members, requests, separate, threshold

ALL = requests(range(100))
A, B, C = Facet("region", "eu"), Facet("client", "ios"), Facet("client", "web")


def test_a_value_that_all_bad_requests_have_and_no_other_separates_wholly() -> None:
    bad = requests(range(10))
    (best, *_) = separate(bad, ALL, {A: bad, B: requests(range(0, 100, 2))}, {"region": ALL, "client": ALL}, 3)
    assert (best.facets, best.separation, best.covered) == ((A,), pytest.approx(1), 1)
    assert (best.bad, best.total, best.other_bad, best.other_total) == (10, 10, 0, 90)


def test_a_pair_is_told_only_where_it_separates_better_than_its_parts() -> None:
    eu, ios = requests(range(40)), requests(range(20, 60))
    both = eu & ios
    (best, *others) = separate(both, ALL, {A: eu, B: ios}, {"region": ALL, "client": ALL}, 3)
    assert best.facets == (B, A)
    assert best.separation == pytest.approx(1)
    assert len(others) == 2
    assert all(
        len(trait.facets) == 1 for trait in separate(eu, ALL, {A: eu, B: ios}, {"region": ALL, "client": ALL}, 3)
    )


def test_an_attribute_that_only_the_failing_operation_has_does_not_separate_by_being_there() -> None:
    operation = requests(range(20))
    bad = operation
    facets = {B: requests(range(0, 20, 2)), C: requests(range(1, 20, 2))}
    assert not separate(bad, ALL, facets, {"client": operation}, 3)


def test_the_limit_of_a_number_is_where_it_separates_best() -> None:
    values = {number: float(number) for number in range(100)}
    facet, above = threshold("items", values, requests(range(70, 100)), ALL) or (None, 0)
    assert str(facet) == "items > 69"
    assert members(above) == list(range(70, 100))
    assert threshold("items", dict.fromkeys(range(100), 1.0), requests(range(70, 100)), ALL) is None


@given(st.sets(st.integers(0, 60)), st.sets(st.integers(0, 60)), st.sets(st.integers(0, 60)))
def test_separation_is_a_correlation_and_counts_add_up(bad: set[int], having: set[int], known: set[int]) -> None:
    of = requests(range(61))
    for trait in separate(requests(bad), of, {A: requests(having)}, {"region": requests(known | having)}, 1):
        assert 0 < trait.separation <= 1 + 1e-9
        assert trait.bad + trait.other_bad == len(bad & (known | having))
        assert 0 <= trait.covered <= 1
    assert members(requests(bad)) == sorted(bad)
