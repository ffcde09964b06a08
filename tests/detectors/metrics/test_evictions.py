"""Caches that give up what is asked for."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate
from typing import Any

import pytest

from scenery import Row, System, series

Look = Callable[..., Any]
FULL_AT = 40


def counted(name: str, before: float, after: float, service: str = "cache", **labels: str) -> list[Row]:
    """A counter that grows by so much from point to point."""
    steps = [(before if at < FULL_AT else after) * (1 + at % 3 / 20) for at in range(60)]
    rows = series(service, name, list(accumulate(steps)), step_s=15, kind="sum")
    return [row | {"attributes": labels} for row in rows]


def cache(
    evicted: tuple[float, float] = (0, 900), missed: tuple[float, float] = (20, 280), service: str = "cache"
) -> list[Row]:
    hits = counted("redis_keyspace_hits_total", 400, 400 + missed[0] - missed[1], service)
    return [
        *counted("redis_evicted_keys_total", *evicted, service),
        *counted("redis_keyspace_misses_total", *missed, service),
        *hits,
    ]


def test_a_cache_that_begins_to_evict_what_is_asked_for_is_full(look: Look) -> None:
    (finding,), _ = look("metrics.evictions", {"metrics": cache()})
    assert (finding.mechanism, finding.service) == ("memory_saturation", "cache")
    assert finding.facts["missed"] > 0.6 > 0.1 > finding.facts["missed_before"]


def test_what_was_missed_may_be_told_by_a_label(look: Look) -> None:
    rows = counted("memcached_items_evicted_total", 0, 900)
    rows += counted("memcached_commands_total", 20, 280, status="miss")
    rows += counted("memcached_commands_total", 400, 140, status="hit")
    assert look("metrics.evictions", {"metrics": rows})[0]


@pytest.mark.parametrize(
    "rows",
    [
        cache(evicted=(900, 900), missed=(20, 20)),
        cache(missed=(20, 25)),
        cache(evicted=(0, 0)),
        cache(evicted=(900, 950)),
        cache(service="stock"),
    ],
    ids=["as ever", "nobody misses it", "misses alone", "as many as ever", "it has spans"],
)
def test_a_cache_that_is_made_to_be_full_is_silent(rows: list[Row], look: Look) -> None:
    assert not look("metrics.evictions", {**System().tables(), "metrics": rows})[0]
