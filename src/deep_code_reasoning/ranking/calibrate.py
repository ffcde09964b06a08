"""Raw scores become probabilities: of the causes given 0.8, eight in ten are to be right.

Until here a cause's confidence is a score that orders. What it is worth depends on what it rests on, so the first
cause is weighed by family: a *change* that was convicted; an *outside* cause; what localisation *located* by findings
that date themselves; what is always so (*standing*), *chronic* errors least of all; a *level* of the service as a
whole; a *busy* resource that is used up though no request shows it yet; memory that is *growing* and does no harm; and,
where changes are known of which none was convicted, *unblamed*: there the cause also says that no change did it, and
that is the part of it to doubt. A mechanism that was *seen* at work is apart from these. What a finding is by itself
its detector declares (`Kind.family`). Each family has a logistic map (Platt, *Probabilistic outputs for support vector
machines*, 1999) of the score's log odds and of yes-or-no features, or a share where the score tells nothing. What the
first cause leaves over, the others share by their scores.

The weights were fitted by `benchmarks/calibration.py`, which says over what, and prints how well they hold.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ..detectors.base import Kind
from ..detectors.runner import kind_of
from ..domain.cause import Cause
from ..domain.conviction import Conviction
from ..domain.finding import Check, Finding

# Fitted 2026-11-25 (`busy`: 2026-11-26) by `benchmarks/calibration.py`; see docs/decisions/046-calibration.md.
WEIGHTS: Final[Mapping[str, Mapping[str, float]]] = {
    # Fitted anew 2026-11-27 over convictions in incidents of which nothing was learnt: the pool's own were written with
    # them in view (docs/decisions/109-how-sure-of-a-change.md). Three weights are not: `undiffed`, of which there
    # are too few; `eliminated`: 3 of 8 had done it, and 5 of 9 since a calm stretch counts against them; and `seen`,
    # which brings a change to what a mechanism that was seen at work is worth without one.
    "change": {"bias": 0.82, "score": 0.95, "undiffed": -0.3, "eliminated": -0.3, "seen": 2.0},
    "outside": {"bias": 1.083, "score": 1.212},
    "located": {"bias": 1.32, "score": 1.57, "several_kinds": 0.612},
    "standing": {"bias": 1.109, "score": 0.679},
    "chronic": {"bias": -0.684},
    "level": {"bias": -2.155},
    "busy": {"bias": 1.293},
    # Not fitted: caches that fill and heaps that nothing collects grow just so, and no labelled incident is one.
    "growing": {"bias": -0.4},
    # The second weight is not fitted: no labelled incident tells it. Of simulated ones (`benchmarks/harbour.py`) some
    # three in five such causes were right, where traces and logs tell the same.
    "unblamed": {"bias": -1.507, "several_kinds": 2.0},
    # Probabilities already: shares of the changes that were tried, or how surely a loss is none of chance.
    "measured": {"score": 1.0},
    # Not fitted: no labelled incident has one. Of simulated ones with such a first cause, nine in ten were right.
    "seen": {"bias": 0.9, "score": 0.6},
}
# How often one of the others is right where the first is wrong: 4 of 13 simulated incidents, 4 of 8 of others' making;
# shared among them by score (docs/decisions/076-rivals.md).
OTHERS_SHARE: Final = 0.4

# Nobody is surer than this, however strong the score: of convictions on fresh sets some nineteen in twenty were right.
_MOST: Final = 0.95
_LEAST: Final = 0.02

OF_NO_CODE: Final = frozenset(
    {"certificate_expired", "clock_skew", "dependency_outage", "disk_saturation", "dns_failure", "infrastructure_fault",
     "network_delay", "network_loss", "noisy_neighbour"}
)  # fmt: skip
"""What no line of code brings about: a commit that was not convicted leaves no doubt of it."""
# From four fifths of its limit on a resource is used up (as in `metrics/saturation.py`).
_FULL: Final = 0.8


@dataclass(frozen=True, slots=True)
class Grounds:
    """What a first cause rests on: the family of its map, and the features that the map weighs."""

    family: str
    features: Mapping[str, float]


def calibrate(
    causes: Sequence[Cause], findings: Sequence[Finding], checks: Sequence[Check], changes_known: bool
) -> tuple[Cause, ...]:
    """Causes with probabilities for scores, in the same order; confidences never rise down the list.

    Args:
        causes: ranked, with raw scores for confidences.
        findings: all findings of the case.
        checks: what each detector could look at.
        changes_known: whether the case has commits, deploys or flags from before the trouble.
    """
    if not causes:
        return ()
    first = probability_of(grounds(causes, findings, checks, changes_known))
    total = sum(cause.confidence for cause in causes[1:])
    calibrated = [replace(causes[0], confidence=round(first, 4))]
    for cause in causes[1:]:
        share = cause.confidence / total if total else 0.0
        left = OTHERS_SHARE * (1 - first) * share
        calibrated.append(replace(cause, confidence=round(min(left, calibrated[-1].confidence), 4)))
    return tuple(calibrated)


def grounds(
    causes: Sequence[Cause], findings: Sequence[Finding], checks: Sequence[Check], changes_known: bool
) -> Grounds:
    """What the first of some causes rests on."""
    first = causes[0]
    leading = next((f for f in findings if f.summary == first.summary), None)
    kind = kind_of(leading) if leading is not None else Kind("")
    features = {"bias": 1.0, "score": _log_odds(first.confidence)}
    change = leading if isinstance(leading, Conviction) else None
    if (change is not None and change.measured) or _lost_outside(leading):
        return Grounds("measured", features)
    if _only_grows(first, findings, checks) and (change is None or change.effect is None):
        return Grounds("growing", {"bias": 1.0})
    if first.change is None and kind.is_seen:
        return Grounds("seen", features)
    shown = kind.family in ("shown", "outside") or first.mechanism in OF_NO_CODE or at_its_limit(leading)
    if first.change is None and changes_known and not shown:
        # How strongly a service is located says nothing of whether a change did it.
        return Grounds("unblamed", {"bias": 1.0, "several_kinds": _several_kinds(findings, first.service)})
    if first.change is not None:
        features["undiffed"] = float(change is None or change.effect is None)
        features["eliminated"] = float(change is not None and change.eliminated)
        features["seen"] = float(any(_is_of(f, first) and kind_of(f).is_seen for f in findings))
        return Grounds("change", features)
    if kind.family in ("outside", "standing"):
        return Grounds(kind.family, features)
    if kind.family == "chronic":
        return Grounds("chronic", {"bias": 1.0})
    # A resource that became busy while no request suffers is weighed like a level, unless it is at its limit.
    unfelt = kind.symptom == "busy" and _nobody_suffers(findings, checks)
    if unfelt and at_its_limit(leading):
        return Grounds("busy", {"bias": 1.0})
    if unfelt or kind.family == "level":
        # The score is its share among all that moved: one level that moves alone would be the surest of all.
        return Grounds("level", {"bias": 1.0})
    features["several_kinds"] = _several_kinds(findings, first.service)
    return Grounds("located", features)


def _is_of(finding: Finding, cause: Cause) -> bool:
    """Whether a finding tells of the very mechanism of a cause, in its service."""
    told = (finding.mechanism, finding.service) == (cause.mechanism, cause.service)
    return told and finding.change is None and not finding.is_harmless


def _several_kinds(findings: Sequence[Finding], service: str) -> float:
    """1 when a service's trouble shows in several of traces, logs, metrics, and what is outside; else 0."""
    return float(len({f.area for f in findings if f.service == service and not f.is_harmless}) > 1)


def at_its_limit(finding: Finding | None) -> bool:
    """Whether a finding is of a resource that is measured to be used up."""
    share = finding.facts.get("share_of_limit") if finding is not None else None
    return isinstance(share, float) and share >= _FULL


def _lost_outside(finding: Finding | None) -> bool:
    return finding is not None and kind_of(finding).family == "measured" and finding.mechanism == "dependency_outage"


def _nobody_suffers(findings: Sequence[Finding], checks: Sequence[Check]) -> bool:
    """Whether requests could be looked at, and none is slow or fails: then a busy resource is no incident yet."""
    could_look = any(c.looked and c.area == "traces" for c in checks)
    return could_look and not any(kind_of(f).symptom not in ("none", "busy") for f in findings)


def _only_grows(first: Cause, findings: Sequence[Finding], checks: Sequence[Check]) -> bool:
    """Whether a leak is told by growth alone: nothing presses, and of all that could be looked at nothing suffers."""
    leaks = [f for f in findings if f.mechanism == "memory_leak" and f.change is None and f.service == first.service]
    could_look = any(
        c.looked and (c.area in ("traces", "logs") or c.detector == "metrics.service_level") for c in checks
    )
    return (
        first.mechanism == "memory_leak"
        and could_look
        and not any(f.area == "heap" or f.facts.get("presses") for f in leaks)
        and not any(_shows_harm(f) for f in findings)
    )


def _shows_harm(finding: Finding) -> bool:
    kind = kind_of(finding)
    return kind.symptom in ("own", "inherited") or (kind.shows_mechanism and finding.mechanism != "memory_leak")


def probability_of(found: Grounds) -> float:
    """The probability that a first cause with such grounds is right."""
    weights = WEIGHTS[found.family]
    total = sum(weights.get(name, 0.0) * value for name, value in found.features.items())
    return min(_MOST, max(_LEAST, 1 / (1 + math.exp(-total))))


def _log_odds(score: float) -> float:
    bounded = min(0.98, max(0.02, score))
    return math.log(bounded / (1 - bounded))
