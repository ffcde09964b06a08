"""What only grows is told to be a counter, where the source does not say what it is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from deep_code_reasoning.store import CaseStore, counters

Build = Callable[[dict[str, list[dict[str, Any]]]], AbstractContextManager[CaseStore]]

GROWS = [3.0 * n for n in range(20)]
RARE = [float(n // 3) for n in range(30)]
WAVES = [5.0 + n % 3 for n in range(20)]


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("work_done", GROWS, "sum"),
        ("work_done", [*GROWS, *GROWS], "sum"),
        ("work_done", GROWS[:10], ""),
        ("work_done", WAVES, ""),
        ("work_done", [1.0] * 10 + [2.0] * 10, ""),
        ("heap_bytes", GROWS, ""),
        ("queue_depth", GROWS, ""),
        ("messaging.queue.acked", GROWS, "sum"),
        ("queueMessagesRedelivered", RARE, "sum"),
        ("tcp_retrans_segs", RARE, "sum"),
        ("tcp_retrans_segs", RARE[:20], ""),
    ],
    ids=[
        "grows",
        "starts anew",
        "too few points",
        "a level",
        "a step",
        "memory",
        "a queue",
        "done with messages",
        "done now and then",
        "rare",
        "too rare",
    ],
)
def test_what_only_grows_counts(name: str, values: list[float], kind: str, build_case: Build) -> None:
    rows = [
        {"time_ns": n + 1, "service": "shop", "name": name, "value": value, "source_id": 1}
        for n, value in enumerate(values)
    ]
    with build_case({"metrics": rows}) as store:
        assert [row["kind"] for row in store.query("SELECT DISTINCT kind FROM metrics")] == [kind]


def test_one_series_that_falls_as_well_makes_it_a_level(build_case: Build) -> None:
    rows = [
        {"time_ns": n + 1, "service": service, "name": "work_done", "value": value, "source_id": 1}
        for service, values in (("shop", GROWS), ("stock", WAVES))
        for n, value in enumerate(values)
    ]
    with build_case({"metrics": rows}) as store:
        assert [row["kind"] for row in store.query("SELECT DISTINCT kind FROM metrics")] == [""]


@pytest.mark.parametrize(("grows", "kind"), [(True, "sum"), (False, "")], ids=["grows", "a level"])
def test_of_very_many_points_some_moments_tell_the_same(
    grows: bool, kind: str, build_case: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counters, "MOST_POINTS", 100)
    rows = [
        {"time_ns": n + 1, "service": "shop", "name": "work_done", "value": float(n if grows else n * 37 % 11)}
        for n in range(400)
    ]
    with build_case({"metrics": [{**row, "source_id": 1} for row in rows]}) as store:
        assert [row["kind"] for row in store.query("SELECT DISTINCT kind FROM metrics")] == [kind]
