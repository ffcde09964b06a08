"""What acts on some calls is no reason why the usual one is slow."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from deep_code_reasoning.detectors import runner
from deep_code_reasoning.detectors.changes.medians import slower_medians
from deep_code_reasoning.store import CaseStore
from scenery import Row, System, Trouble, series

BuildCase = Callable[[dict[str, list[Row]]], AbstractContextManager[CaseStore]]


def test_an_operation_whose_median_grew_tells_of_its_service_and_of_who_waits_for_it(build_case: BuildCase) -> None:
    system = System(Trouble(onset_s=60, stock_work_ms=60), 120)
    with build_case({"spans": system.spans}) as store:
        scene, _, _ = runner.look(store, None)
        assert scene is not None
        assert "stock" in slower_medians(scene)


@pytest.mark.parametrize(
    ("name", "told"), [("latency_p50_ms", True), ("latency_p99_ms", False)], ids=["the median", "a tail"]
)
def test_a_metric_tells_it_by_its_name(name: str, told: bool, build_case: BuildCase) -> None:
    values = [20.0 + n % 3 for n in range(60)] + [80.0 + n % 3 for n in range(60)]
    with build_case({"metrics": series("stock", name, values)}) as store:
        scene, _, _ = runner.look(store, None)
        assert scene is not None
        assert slower_medians(scene) == (frozenset({"stock"}) if told else frozenset())
