"""What Zipkin's annotations may hold."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any


def test_an_annotation_nested_beyond_measure_stays_a_text(read_evidence: Callable[..., Mapping[str, Any]]) -> None:
    deep = '"exception": ' + '{"a":' * 100_000 + "1" + "}" * 100_000
    span = {
        "traceId": "5982fe77008310cc80f1da5e10147517",
        "id": "67fae42571535f60",
        "timestamp": 1718000400781000,
        "localEndpoint": {"serviceName": "orders"},
        "annotations": [{"timestamp": 1718000400782000, "value": deep}],
    }
    outcome = read_evidence("zipkin-json", {"spans.json": json.dumps([span]).encode()})["spans.json"]
    (event,) = outcome.tables["span_events"]
    assert (event["name"], event["attributes"]) == (deep, {})
    assert not outcome.rejected
