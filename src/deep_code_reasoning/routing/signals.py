"""Whether a question should go to a model: five published signals, and what the analysers know already."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import ge, gt, lt

from ..domain.escalation import Signal
from ..domain.instant import NS_PER_S
from ..domain.investigation import Investigation
from .settings import Thresholds


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is known of a question and its case; None where nobody knows.

    `confidence` is that of the first cause, `margin` how far it is ahead of the second; both None without a cause,
    `margin` also when there is no second.
    """

    files: int | None = None
    trace_bytes: int | None = None
    services: int | None = None
    time_span_s: float | None = None
    attempts: int | None = None
    verdict: str | None = None
    confidence: float | None = None
    margin: float | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether to escalate, why in words, and every signal that was looked at.

    `reason` names signals and thresholds but no measured values, so that like escalations have the same reason.
    """

    escalate: bool
    reason: str
    signals: tuple[Signal, ...]


def circumstances(
    investigation: Investigation, services: int, files: int | None = None, attempts: int | None = None
) -> Circumstances:
    """What an investigation says of its case, with what only the asker knows.

    Args:
        services: how many services the evidence is from.
        files: how many files of code are in scope.
        attempts: how many approaches were tried before.
    """
    # A baseline that was recorded elsewhere is not part of the question. An OTLP file may hold any kind of telemetry
    # ("mixed"), so it counts among the traces.
    ours = [source for source in investigation.sources if source.role == "incident"]
    starts = [source.from_ns for source in ours if source.from_ns is not None]
    ends = [source.to_ns for source in ours if source.to_ns is not None]
    confidences = [cause.confidence for cause in investigation.causes]
    return Circumstances(
        files=files,
        trace_bytes=sum(source.bytes for source in ours if source.kind in ("traces", "mixed")),
        services=services,
        time_span_s=(max(ends) - min(starts)) / NS_PER_S if starts and ends else None,
        attempts=attempts,
        verdict=investigation.verdict,
        confidence=confidences[0] if confidences else None,
        margin=confidences[0] - confidences[1] if len(confidences) > 1 else None,
    )


def judge(known: Circumstances, thresholds: Thresholds | None = None, named: str | None = None) -> Judgement:
    """Whether to escalate: any signal that holds asks for a model, unless the cause is proven already.

    Args:
        named: the model that the user names; then it is asked, whatever the signals say.
    """
    at = thresholds or Thresholds()
    asking = (
        _signal("files", known.files, gt, at.files),
        _signal("trace_bytes", known.trace_bytes, gt, at.trace_bytes),
        _signal("services", known.services, gt, at.services),
        _signal("time_span_s", known.time_span_s, gt, at.time_span_s),
        _signal("attempts", known.attempts, gt, at.attempts),
        Signal("no_cause", None, None, known.verdict in ("no_cause_found", "insufficient_evidence")),
        _signal("contested", known.margin, lt, at.contested_margin),
    )
    proven = _signal("cause_proven", known.confidence, ge, at.proven_confidence)
    settled = proven.held and not asking[-1].held
    held = [_words(signal) for signal in asking if signal.held]
    if named is not None:
        escalate, reason = True, "the user named the model"
    elif settled:
        escalate, reason = False, f"the cause is proven: confidence >= {at.proven_confidence:g}"
    else:
        escalate, reason = bool(held), ", ".join(held) or "no signal holds"
    return Judgement(escalate, reason, (*asking, proven))


def _signal(name: str, value: float | None, passes: Callable[[float, float], bool], threshold: float) -> Signal:
    return Signal(name, value, threshold, value is not None and passes(value, threshold))


def _words(signal: Signal) -> str:
    """A signal that holds, without its value."""
    if signal.name == "no_cause":
        return "no cause was found"
    if signal.name == "contested":
        return "the causes are contested"
    return f"{signal.name} > {signal.threshold:g}"
