"""Where requests lose time that they did not lose before, between two recordings of traces.

Looks for: the operation on which the requests of the later recording spend more time than those of the earlier: its
own time, or that of calls that it makes more often (`contrast/losses.py` says how they are compared).

Why it matters: a service that is 40 % slower than last week has no error and no span of several times its length;
what adds up to the 40 % says where to look, and whether it is one slow call or many quick ones.

Stays silent when: the traces are one recording (`self_time.py` judges it in time order); the requests did not become
slower; what they lose is within their ordinary spread.

Example finding: `orders: requests lose 42 ms in SELECT product_rule (91% of what they lose): 14 calls per request,
1 before`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...domain.citation import Citation
from ...domain.finding import Finding
from ..base import Detector, Kind, Scene, Skipped
from ..contrast.losses import Loss, example_of, losses_between, told_by
from ..timeline.recordings import hole_in_traces


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        max_findings: losses beyond the first few are what the first does to others.
    """

    max_findings: int = 3


def detect(scene: Scene, settings: Settings) -> Sequence[Finding] | Skipped:
    """Find where the time went, the greatest loss first."""
    hole = hole_in_traces(scene.store)
    if hole is None:
        return Skipped("the traces are one recording, and no two to compare")
    losses = losses_between(scene.store, hole.end_ns)
    return [_finding(scene, loss, hole.end_ns) for loss in losses[: settings.max_findings]]


def _finding(scene: Scene, loss: Loss, since_ns: int) -> Finding:
    examples = example_of(scene.store, loss, since_ns)
    how = ""
    if loss.multiplied:
        how = f": {loss.calls_after:.1f} calls per request, {loss.calls_before:.1f} before"
    elif loss.deadline is not None:
        how = f": a call that hangs is waited for {loss.deadline.after_ms:.0f} ms, {loss.deadline.before_ms:.0f} before"
    return Finding(
        code="traces.lost_time",
        mechanism=mechanism_of(loss),
        service=loss.blamed,
        summary=(
            f"{loss.blamed}: requests lose {loss.lost_ms:.1f} ms in {loss.operation} "
            f"({loss.share:.0%} of what they lose){how}"
        ),
        severity=min(1.0, loss.share),
        confidence=min(0.95, 1 - 1 / (1 + loss.z**2)),
        facts={
            "lost_ms": round(loss.lost_ms, 2),
            "share": round(loss.share, 3),
            "calls_before": round(loss.calls_before, 2),
            "calls_after": round(loss.calls_after, 2),
            "callers": loss.callers,
            "says": told_by(examples),
        },
        citations=tuple(citation for citation, _ in examples),
        window=scene.windows.incident,
        operation=loss.operation,
        resource=_resource(loss, examples),
    )


def mechanism_of(loss: Loss) -> str:
    """What a loss looks like from outside the code."""
    if loss.multiplied:
        return "n_plus_one"
    return "dependency_outage" if loss.is_outside else "latency_regression"


def _resource(loss: Loss, examples: Sequence[tuple[Citation, Mapping[str, str]]]) -> str | None:
    """What is asked: the table, or the address of what lies outside."""
    names = (
        ("server.address", "net.peer.name", "peer.service")
        if loss.is_outside
        else ("db.collection.name", "db.sql.table")
    )
    return next((told[name] for _, told in examples for name in names if told.get(name)), None)


DETECTOR = Detector(
    code="traces.lost_time",
    kinds=(Kind("traces.lost_time", family="measured"),),
    mechanisms=("n_plus_one", "latency_regression", "dependency_outage"),
    needs=("spans",),
    settings=Settings(),
    detect=detect,
)
