"""A change that went live where the trouble is, right before it began there.

No trial (`detectors/changes`) could convict it: it has no diff, or one of which nobody knows what it does. But the
trouble was located in one service by what the service itself did, its first moment is known to seconds, and one change
reached that very service less than two minutes before, and no other within the hour. A service that is deployed once an
hour has a deploy in such a stretch by chance one time in thirty; innocent deploys just before an incident are mostly of
other services. One that alters nothing, by its diff or by what it says of itself (`undiffed.py`), is none; one that is
known to do just what is seen may have reached a neighbour instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from ..detectors.base import Scene
from ..detectors.changes.deeds import Deeds
from ..detectors.changes.records import cite_change, history
from ..detectors.changes.trial import Change
from ..detectors.runner import kind_of
from ..detectors.timeline.recordings import hole_in_traces
from ..detectors.vocabulary.told import is_of_its_own
from ..domain.cause import Cause, ChangeRef, Suspect
from ..domain.conviction import Conviction
from ..domain.finding import Finding
from ..domain.instant import NS_PER_S
from ..domain.window import Window
from .calibrate import OF_NO_CODE
from .judge import TELEMETRY
from .remedy import next_checks, remediation

# Code is reached, and its work seen, within two minutes where requests come every second; what is found to begin is
# dated by steps of time, so that it may seem to begin a little before.
_SOON_NS: Final = 120 * NS_PER_S
# What is rolled out instance by instance takes longer; there time alone tells too little, but what it does may.
_ROLLED_OUT_NS: Final = 1800 * NS_PER_S
_BEFORE_NS: Final = 5 * NS_PER_S
# Errors that were known before are dated by steps of time into which one of those may fall.
_SAME_NS: Final = 30 * NS_PER_S
# Another change of so long before may have done it as well: what it does may be asked for later.
_LONG_NS: Final = 3600 * NS_PER_S
# More of what did not happen helps nobody.
_MOST_ATTEMPTS: Final = 3
# As sure as one is of a change by its time alone, unless the mechanism was seen at work.
_BY_TIME: Final = 0.42
# Trouble that may be chance dates nothing: a deploy before two errors is there as often as not.
_SURE: Final = 0.75
# What no change of a service brings about.
_OF_NO_CHANGE: Final = OF_NO_CODE | {"traffic_surge"}


def with_arrival(scene: Scene, cause: Cause, suspect: Suspect) -> Cause:
    """A cause that was located, with the change that reached its service right before it; as it is when none did."""
    leading = suspect.findings[0]
    if suspect.mechanism in _OF_NO_CHANGE or not scene.windows.changed or _is_anothers(leading):
        return cause
    if max(f.confidence for f in suspect.findings) < _SURE:
        return cause
    began = _began(scene, suspect.findings)
    seen = kind_of(leading).is_seen
    arrived = _arrived(scene, suspect, began, seen)
    soon = [found for found in arrived if found.delay_ns <= (_ROLLED_OUT_NS if seen else _SOON_NS)]
    fitting = [found for found in soon if found.deeds.bring(suspect.mechanism, seen)]
    here = [found for found in arrived if found.service == suspect.service]
    fitting_here = [found for found in fitting if found in here]
    at_once = began.end_ns - began.start_ns <= _SOON_NS and len(here) == 1 and here[0].delay_ns <= _SOON_NS
    # What is asked of another so many times since may be asked because of that one's answers.
    asked = [found for found in arrived if found.service in scene.graph.callees(suspect.service)]
    at_callee = (
        seen and not any(found in here for found in soon) and len(asked) == 1 and 0 <= asked[0].delay_ns <= _SOON_NS
    )
    for found in (fitting, fitting_here, here if at_once else (), asked if at_callee else ()):
        if len(found) == 1:
            return _brought_by(cause, suspect, found[0])
    return cause


def with_attempts(scene: Scene, cause: Cause) -> Cause:
    """A cause without a change, with what was about to reach its service within the hour before and never did."""
    until_ns = scene.windows.onset.end_ns + _BEFORE_NS
    tried = [
        (change.attempts[-1].time_ns, f"{change.label} is not it: {change.attempts[-1].void}")
        for change in (history(scene.store).changes if cause.change is None and scene.store.count("changes") else ())
        if change.attempts and not change.rollouts and change.attempts[-1].service in (cause.service, "")
    ]
    near = sorted(line for time_ns, line in tried if 0 <= until_ns - time_ns <= _LONG_NS)
    return replace(cause, against=(*cause.against, *near[:_MOST_ATTEMPTS]))


@dataclass(frozen=True, slots=True)
class _Arrival:
    change: Change
    service: str
    delay_ns: int
    deeds: Deeds


def _arrived(scene: Scene, suspect: Suspect, began: Window, seen: bool) -> list[_Arrival]:
    """What altered anything, or can bring just this, in a service or a neighbour within the hour before its trouble."""
    near = {suspect.service, *scene.graph.callers(suspect.service), *scene.graph.callees(suspect.service)}
    past = history(scene.store)
    found = []
    for change in past.changes:
        live = [r for r in change.rollouts if r.service in near and r.time_ns <= began.end_ns + _BEFORE_NS]
        rollout = max(live, key=lambda r: r.time_ns, default=None)
        if rollout is None or began.start_ns - rollout.time_ns > _LONG_NS:
            continue
        deeds = past.deeds(change)
        if deeds.alters or deeds.bring(suspect.mechanism, seen):
            found.append(_Arrival(change, rollout.service, began.start_ns - rollout.time_ns, deeds))
    return found


def _is_anothers(finding: Finding) -> bool:
    """Whether what fails is that somebody else is asked for too much, or no longer answers."""
    error = finding.facts.get("error")
    return finding.mechanism == "exception" and isinstance(error, str) and not is_of_its_own(error)


def _began(scene: Scene, findings: Sequence[Finding]) -> Window:
    """When the trouble of a service began, as its own findings date it; not nearer than the onset between recordings.

    What only a second recording shows began before that was made.
    """
    since_ns = _since(findings, scene.windows.onset_ns)
    hole = hole_in_traces(scene.store)
    if hole is not None and since_ns >= hole.end_ns:
        return scene.windows.onset
    return Window(since_ns, since_ns)


def _since(findings: Sequence[Finding], onset_ns: int) -> int:
    """The first moment that findings date; a mechanism seen at work dates it best, unless more was amiss well before.

    What metrics date begins at the last point that was well, a minute or two ago.
    """
    dated = [(f.area, f.window.start_ns) for f in findings if f.window is not None and f.area in TELEMETRY]
    lead = findings[0]
    if kind_of(lead).is_seen and lead.window is not None:
        shown_ns = lead.window.start_ns
        if all(shown_ns - start_ns <= _SAME_NS for area, start_ns in dated if area != "metrics"):
            return shown_ns
    return min((start_ns for _, start_ns in dated), default=onset_ns)


def _brought_by(cause: Cause, suspect: Suspect, found: _Arrival) -> Cause:
    change = found.change
    sure = kind_of(suspect.findings[0]).is_seen or found.deeds.bring(suspect.mechanism)
    where = "there" if found.service == suspect.service else f"on {found.service}"
    arrival = Conviction(
        "changes.arrival",
        cause.mechanism,
        suspect.service,
        f"{change.label} went live {where} {max(0, found.delay_ns) // NS_PER_S} s before; {found.deeds.words}",
        severity=0.9,
        confidence=cause.confidence if sure else min(cause.confidence, _BY_TIME),
        citations=cite_change(change),
        change=(change.kind, change.sha),
    )
    return replace(
        cause,
        summary=f"{cause.summary}; {arrival.summary}",
        confidence=arrival.confidence,
        change=ChangeRef(change.kind, change.sha, change.repo or None),
        citations=(*cause.citations, *arrival.citations),
        remediation=remediation(cause.mechanism, arrival),
        next_checks=next_checks(cause.mechanism, arrival),
    )
