"""Whether a model is asked, and that it is always said which signals held."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deep_code_reasoning.domain.case import CaseInfo, Source
from deep_code_reasoning.domain.cause import Cause
from deep_code_reasoning.domain.escalation import Signal
from deep_code_reasoning.domain.investigation import Investigation
from deep_code_reasoning.routing.settings import Thresholds
from deep_code_reasoning.routing.signals import Circumstances, circumstances, judge

QUIET = Circumstances(50, 100_000_000, 3, 3600.0, 5, "cause_found", 0.6, 0.3)
S = 1_000_000_000


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"files": 51}, "files > 50"),
        ({"trace_bytes": 100_000_001}, "trace_bytes > 1e+08"),
        ({"services": 4}, "services > 3"),
        ({"time_span_s": 3600.1}, "time_span_s > 3600"),
        ({"attempts": 6}, "attempts > 5"),
        ({"verdict": "no_cause_found"}, "no cause was found"),
        ({"verdict": "insufficient_evidence"}, "no cause was found"),
        ({"margin": 0.05}, "the causes are contested"),
        ({"files": 60, "services": 9}, "files > 50, services > 3"),
    ],
)
def test_any_signal_that_is_passed_asks_for_a_model(change: dict[str, object], reason: str) -> None:
    assert judge(QUIET).escalate is False
    judged = judge(replace(QUIET, **change))  # type: ignore[arg-type]
    assert (judged.escalate, judged.reason) == (True, reason)


def test_every_signal_is_said_with_value_and_threshold() -> None:
    judged = judge(replace(QUIET, services=4, attempts=None))
    assert judged.signals == (
        Signal("files", 50, 50, False),
        Signal("trace_bytes", 100_000_000, 100_000_000, False),
        Signal("services", 4, 3, True),
        Signal("time_span_s", 3600.0, 3600.0, False),
        Signal("attempts", None, 5, False),
        Signal("no_cause", None, None, False),
        Signal("contested", 0.3, 0.1, False),
        Signal("cause_proven", 0.6, 0.9, False),
    )


def test_a_proven_cause_needs_no_model_whatever_the_size() -> None:
    judged = judge(replace(QUIET, services=40, confidence=0.9))
    assert (judged.escalate, judged.reason) == (False, "the cause is proven: confidence >= 0.9")
    assert [signal.name for signal in judged.signals if signal.held] == ["services", "cause_proven"]


def test_two_causes_of_high_confidence_are_not_proof() -> None:
    assert judge(replace(QUIET, confidence=0.95, margin=0.02)).escalate


def test_the_user_who_names_a_model_gets_it() -> None:
    judged = judge(replace(QUIET, confidence=0.99), named="deep")
    assert (judged.escalate, judged.reason) == (True, "the user named the model")


def test_thresholds_are_the_users() -> None:
    assert judge(replace(QUIET, services=4), Thresholds(services=4)).escalate is False
    assert judge(replace(QUIET, confidence=0.6, services=4), Thresholds(proven_confidence=0.6)).escalate is False


def test_nothing_known_asks_for_nothing() -> None:
    assert judge(Circumstances()) == judge(Circumstances(), Thresholds())
    assert judge(Circumstances()).reason == "no signal holds"


def test_an_investigation_says_most_of_it() -> None:
    sources = (
        Source(1, "a", "a", "jaeger-json", "traces", bytes=70, from_ns=0, to_ns=100 * S),
        Source(2, "b", "b", "otlp-json", "mixed", bytes=30, from_ns=50 * S, to_ns=400 * S),
        Source(3, "c", "c", "plain-log", "logs", bytes=999),
        Source(4, "d", "d", "jaeger-json", "traces", role="baseline", bytes=999, from_ns=-S, to_ns=0),
    )
    causes = (Cause(1, "deadlock", "a", 0.75, ""), Cause(2, "deadlock", "b", 0.5, ""))
    found = Investigation(CaseInfo("x"), sources, None, "cause_found", causes, (), (), 0, 0, 0)
    assert circumstances(found, services=2, files=7, attempts=1) == Circumstances(
        7, 100, 2, 400.0, 1, "cause_found", 0.75, 0.25
    )
    nothing = replace(found, sources=(), causes=(), verdict="no_cause_found")
    assert circumstances(nothing, services=0) == Circumstances(None, 0, 0, None, None, "no_cause_found")
