"""What a metric's name and direction say of trouble."""

from __future__ import annotations

import pytest

from deep_code_reasoning.detectors.vocabulary.metric_names import kind_of_metric


@pytest.mark.parametrize("part", [".count", ".sum", "_count", "_sum", "_bucket", "_total"])
def test_what_durations_add_up_to_is_no_slowness(part: str) -> None:
    assert kind_of_metric("http.server.request.duration.p99", rises=True, climbs=False) == "slow"
    assert kind_of_metric(f"http.server.request.duration{part}", rises=True, climbs=False) == ""
