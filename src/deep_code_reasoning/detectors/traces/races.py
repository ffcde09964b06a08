"""Races: what is told of requests that got into each other's way, and since when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...domain.citation import Citation
from ...domain.finding import Fact, Finding
from ...domain.instant import format_instant
from ...domain.window import Window
from ...store import Row
from ..base import Scene
from ..timeline.change_point import OutcomeChange, outcome_change, probability
from ..timeline.time_steps import TimeSteps


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        min_met: one that is told of a conflict may be one client's own doing, such as a double click.
        min_requests: where nobody is told, fewer than this prove nothing.
        min_contrast: log Bayes factor that who crosses another meets more conflicts than who does not: beyond what is
            worth no more than a bare mention (Kass and Raftery, JASA 1995), as the conflicts are in words already.
        most_contrast: so much of that adds to what speaks for a beginning: strong evidence on the same scale.
        min_ratio: conflicts that are so many times as frequent as before are new ones.
        min_silent: updates that are lost without a word happen wherever the last writer may win; that they began must
            be nearly sure.
        most_apart: what is created again at other times as well, by more than one key in ten, may be there many times.
        unlocked: nearly all requests took a lock, and nearly none takes one now.
        nobody_told: nobody is surer of a race of which only the lock's absence tells.
        min_probability: a finding is told when it is likelier than not, for as many objects as were looked at.
    """

    min_met: int = 2
    min_requests: int = 3
    min_contrast: float = 1.0
    most_contrast: float = 3.0
    min_ratio: float = 5.0
    min_silent: float = 0.9
    most_apart: float = 0.1
    unlocked: float = 0.8
    nobody_told: float = 0.8
    min_probability: float = 0.5


def began(
    row: Row, steps: TimeSteps, looked_at: int, settings: Settings, tied: float = 0.0
) -> tuple[OutcomeChange, float] | None:
    """Since when it happens, and how sure that is; None when it was so before.

    `tied` is what else speaks for it, as a log Bayes factor: it counts only for what hardly happened before.
    """
    change = outcome_change(
        steps.spread((step, bad) for step, _, bad in row["steps"]),
        steps.spread((step, n) for step, n, _ in row["steps"]),
    )
    if change is None:
        return None
    new = change.rate_after >= settings.min_ratio * change.rate_before
    chance = probability(change.log_evidence + (tied if new else 0.0), looked_at)
    return (change, chance) if chance >= settings.min_probability else None


@dataclass(frozen=True, slots=True)
class Race:
    """What got into each other's way: a key of an object in a service, how, since when and how surely."""

    service: str
    target: str
    key: str
    kind: str
    since_ns: int
    chance: float
    change: OutcomeChange


def finding_of(scene: Scene, race: Race, told: str, facts: dict[str, Fact], spans: Sequence[str]) -> Finding:
    """The finding of a race: `told` says it, `spans` prove it, the most telling first."""
    return Finding(
        code="traces.race_condition",
        mechanism="race_condition",
        service=race.service,
        summary=f"{race.service}: {told}",
        severity=min(1.0, max(0.5, race.change.rate_after)),
        confidence=min(0.95, race.chance),
        facts={
            "object": race.target,
            "key": race.key,
            "kind": race.kind,
            "conflicting_requests": race.change.failures_after,
            "conflicting_requests_before": race.change.failures_before,
            **facts,
            "onset": format_instant(race.since_ns),
        },
        citations=tuple(Citation("span", ref) for ref in dict.fromkeys(spans)),
        window=Window(race.since_ns, max(race.since_ns + 1, scene.windows.incident.end_ns)),
        resource=race.target,
    )
