"""Who owns the latency of the requests that became slower.

Looks for: the operation whose own time on the critical path grew most, at the median or in the tail, among the requests
of the kind that lost most time since the onset.

Why it matters: durations say that all above a slow call are slow; times on the critical path add up to the latency, and
what ran beside it does not count. What would be saved without an operation says how much it is worth to mend it.

Stays silent when: nothing changed; the requests did not become slower; too few came before to compare with.

Example finding: `GET /cart of shop takes 262 ms at the median, 41 before: 219 ms of the rise are in catalog: SELECT
price; without it requests would be 215 ms sooner`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ...domain.finding import Finding
from ..base import Detector, Kind, Scene, Skipped
from ..contrast.paths import Latency, Owner, latency_of

# An operation that owns less of what requests take longer is not worth a line.
_TOLD: Final = 0.05


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        min_requests: so many requests of a kind before, and since, to compare.
        min_slower: requests take so many times as long at the median, or in the tail: less is the ordinary spread.
        min_extra_ms: and so much longer; less is the noise of a scheduler.
        min_owned: the owner has so much of what they take longer; with less it is not one operation.
    """

    min_requests: int = 8
    min_slower: float = 1.5
    min_extra_ms: float = 10.0
    min_owned: float = 0.5


def detect(scene: Scene, settings: Settings) -> Sequence[Finding] | Skipped:
    """Find the operation that the added latency belongs to."""
    if not scene.windows.changed:
        return Skipped("nothing changed: there is no before and after")
    latency = latency_of(scene.store, scene.windows.baseline, scene.windows.incident)
    if latency is None or min(latency.requests) < settings.min_requests:
        return ()
    for band, times in enumerate((latency.p50_ms, latency.p99_ms)):
        extra_ms = times[1] - times[0]
        if times[1] < settings.min_slower * times[0] or extra_ms < settings.min_extra_ms:
            continue
        owner = max(latency.owners, key=lambda one: one.after[band] - one.before[band])
        if owner.after[band] - owner.before[band] >= settings.min_owned * extra_ms and owner.example is not None:
            return [_finding(scene, latency, owner, band)]
    return ()


def _finding(scene: Scene, latency: Latency, owner: Owner, band: int) -> Finding:
    before, after = (latency.p50_ms, latency.p99_ms)[band]
    gained = owner.after[band] - owner.before[band]
    where = f"on the way of {owner.service}'s call" if owner.on_the_way else f"in {owner.service}:"
    # What goes on after the answer, or in the slowest of the tail, is more than the requests became slower by.
    rise = "of the rise" if gained <= after - before else "more in such traces"
    saved = owner.saved[band]
    without = f"; without it requests would be {saved:.0f} ms sooner" if saved < after else ""
    return Finding(
        code="traces.critical_path",
        mechanism="latency_regression",
        service=owner.service,
        summary=(
            f"{latency.root[1]} of {latency.root[0]} takes {after:.0f} ms {('at the median', 'at p99')[band]}, "
            f"{before:.0f} before: {gained:.0f} ms {rise} are {where} {owner.operation}{without}"
        ),
        severity=min(1.0, max(0.0, 1 - before / after)),
        confidence=min(0.9, gained / max(gained, after - before)),
        facts={
            "request": f"{latency.root[0]} {latency.root[1]}",
            "p50_ms": latency.p50_ms,
            "p99_ms": latency.p99_ms,
            "owners": tuple(
                told_of(one) for one in latency.owners if one.after[band] - one.before[band] >= _TOLD * (after - before)
            ),
            "on_the_way": owner.on_the_way,
            # What an operation owns is not yet a mechanism: others say what became of it.
            "harmless": True,
        },
        citations=() if owner.example is None else (owner.example,),
        window=scene.windows.incident,
        operation=owner.operation,
    )


def told_of(owner: Owner) -> str:
    """One owner in a line."""
    return (
        f"{owner.service} {owner.operation}: {owner.before[0]:.0f} -> {owner.after[0]:.0f} ms at p50, "
        f"{owner.before[1]:.0f} -> {owner.after[1]:.0f} at p99; without it {owner.saved[0]:.0f} and "
        f"{owner.saved[1]:.0f} ms sooner"
    )


DETECTOR = Detector(
    code="traces.critical_path",
    kinds=(Kind("traces.critical_path"),),
    mechanisms=("latency_regression",),
    needs=("spans",),
    settings=Settings(),
    detect=detect,
)
