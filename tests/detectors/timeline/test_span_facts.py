from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from deep_code_reasoning.detectors.timeline.span_facts import SpanFacts, span_facts
from deep_code_reasoning.store import CaseStore

Build = Callable[..., AbstractContextManager[CaseStore]]

NOTHING = SpanFacts(refused=False, absent=False, caches=False, failed=False)


def span(number: int, **columns: object) -> dict[str, object]:
    return {"trace_id": "1", "span_id": str(number), "service": "api", "name": "call", "kind": "client", **columns}


@pytest.mark.parametrize(
    ("said", "facts"),
    [
        ({"attributes": {"http.response.status_code": "200", "db.system": "postgresql"}, "status": "ok"}, NOTHING),
        ({"attributes": {"http.status_code": "404"}}, SpanFacts(False, True, False, False)),
        ({"attributes": {"rpc.grpc.status_code": "5"}}, SpanFacts(False, True, False, False)),
        ({"attributes": {"rpc.grpc.status_code": "10"}}, SpanFacts(True, False, False, False)),
        ({"attributes": {"http.response.status_code": "409"}}, SpanFacts(True, False, False, False)),
        ({"attributes": {"db.system.name": "Redis"}}, SpanFacts(False, False, True, False)),
        ({"status": "error"}, SpanFacts(False, False, False, True)),
    ],
)
def test_one_span_of_many_is_enough(said: dict[str, object], facts: SpanFacts, build_case: Build) -> None:
    others = [span(number, attributes={"peer.service": "store"}) for number in range(5)]
    with build_case({"spans": [*others, span(9, **said)]}) as store:
        assert span_facts(store) == facts
        calls = store.query("SELECT callee, sum(calls) AS n FROM span_facts GROUP BY callee ORDER BY callee")
    assert calls == [{"callee": "", "n": 1}, {"callee": "store", "n": 5}]
