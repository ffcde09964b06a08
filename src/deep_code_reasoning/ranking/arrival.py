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
from ..detectors.changes.deeds import Deeds, deeds_of
from ..detectors.changes.records import changes, cite_change
from ..detectors.changes.trial import Change
from ..detectors.symptoms.told import is_of_its_own
from ..domain.cause import Cause, ChangeRef, Suspect
from ..domain.finding import Finding
from ..domain.instant import NS_PER_S
from .calibrate import OF_NO_CODE
from .explaining import MECHANISM_SEEN
from .judge import TELEMETRY
from .remedy import next_checks, remediation

# Code is reached, and its work seen, within two minutes where requests come every second; what is found to begin is
# dated by steps of time, so that it may seem to begin a little before.
_SOON_NS: Final = 120 * NS_PER_S
_BEFORE_NS: Final = 5 * NS_PER_S
# Errors that were known before are dated by steps of time into which one of those may fall.
_SAME_NS: Final = 30 * NS_PER_S
# Another change of so long before may have done it as well: what it does may be asked for later.
_LONG_NS: Final = 3600 * NS_PER_S
# As sure as one is of a change by its time alone, unless the mechanism was seen at work.
_BY_TIME: Final = 0.42
# What no change of a service brings about.
_OF_NO_CHANGE: Final = OF_NO_CODE | {"noisy_neighbour", "traffic_surge"}


def with_arrival(scene: Scene, cause: Cause, suspect: Suspect) -> Cause:
    """A cause that was located, with the change that reached its service right before it; as it is when none did."""
    if suspect.mechanism in _OF_NO_CHANGE or not scene.windows.changed or _is_anothers(suspect.findings[0]):
        return cause
    arrived = _arrived(scene, suspect)
    soon = [found for found in arrived if found.delay_ns <= _SOON_NS]
    fitting = [found for found in soon if found.deeds.bring(suspect.mechanism)]
    here = [found for found in arrived if found.service == suspect.service]
    for found in (fitting, here):
        if len(found) == 1 and found[0] in soon:
            return _brought_by(cause, suspect, found[0])
    return cause


@dataclass(frozen=True, slots=True)
class _Arrival:
    change: Change
    service: str
    delay_ns: int
    deeds: Deeds


def _arrived(scene: Scene, suspect: Suspect) -> list[_Arrival]:
    """What altered anything in a service or a neighbour of it within the hour before its trouble began."""
    since_ns = _since(scene, suspect.findings)
    near = {suspect.service, *scene.graph.callers(suspect.service), *scene.graph.callees(suspect.service)}
    found = []
    for change in changes(scene.store):
        rollout = next(
            (r for r in change.rollouts if r.service in near and -_BEFORE_NS <= since_ns - r.time_ns <= _LONG_NS), None
        )
        if rollout is not None and (deeds := deeds_of(change)).alters:
            found.append(_Arrival(change, rollout.service, since_ns - rollout.time_ns, deeds))
    return found


def _is_anothers(finding: Finding) -> bool:
    """Whether what fails is that somebody else is asked for too much, or no longer answers."""
    error = finding.facts.get("error")
    return finding.mechanism == "exception" and isinstance(error, str) and not is_of_its_own(error)


def _since(scene: Scene, findings: Sequence[Finding]) -> int:
    """When the trouble of a service began, as its own findings date it, best of all a mechanism seen at work.

    Unless it was in trouble for longer. What metrics date begins at the last point that was well, a minute or two ago.
    """
    dated = [(f.code, f.window.start_ns) for f in findings if f.window is not None and f.code.startswith(TELEMETRY)]
    if dated and findings[0].code in MECHANISM_SEEN and dated[0][0] == findings[0].code:
        shown_ns = dated[0][1]
        if all(shown_ns - start_ns <= _SAME_NS for code, start_ns in dated if not code.startswith("metrics.")):
            return shown_ns
    return min((start_ns for _, start_ns in dated), default=scene.windows.onset_ns)


def _brought_by(cause: Cause, suspect: Suspect, found: _Arrival) -> Cause:
    change = found.change
    sure = suspect.findings[0].code in MECHANISM_SEEN or found.deeds.bring(suspect.mechanism)
    where = "there" if found.service == suspect.service else f"on {found.service}"
    arrival = Finding(
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
