"""A change that went live where the trouble is, right before it began there.

Nobody knows what it does: it has no diff, so no trial (`detectors/changes`) can convict it. But the trouble was located
in one service by what the service itself did, its first moment is known to seconds, and one change reached that very
service less than two minutes before, and no other did. A service that is deployed once an hour has a deploy in such a
stretch by chance one time in thirty; innocent deploys just before an incident are mostly of other services. One that
says of itself that it alters nothing (`undiffed.py`) is believed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ..detectors.base import Scene
from ..detectors.changes.records import changes, cite_change
from ..detectors.changes.trial import Change
from ..detectors.changes.undiffed import is_idle
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
# As sure as one is of a change by its time alone, unless the mechanism was seen at work.
_BY_TIME: Final = 0.42
# What no change of a service brings about.
_OF_NO_CHANGE: Final = OF_NO_CODE | {"noisy_neighbour", "traffic_surge"}


def with_arrival(scene: Scene, cause: Cause, suspect: Suspect) -> Cause:
    """A cause that was located, with the change that reached its service right before it; as it is when none did."""
    if suspect.mechanism in _OF_NO_CHANGE or not scene.windows.changed or _is_anothers(suspect.findings[0]):
        return cause
    since_ns = _since(scene, suspect.findings)
    arrived = [
        (change, since_ns - rollout.time_ns)
        for change in changes(scene.store)
        for rollout in change.rollouts
        if rollout.service == suspect.service and -_BEFORE_NS <= since_ns - rollout.time_ns <= _SOON_NS
    ]
    if len(arrived) != 1 or arrived[0][0].diff or is_idle(arrived[0][0]):
        return cause
    return _brought_by(cause, suspect, *arrived[0])


def _is_anothers(finding: Finding) -> bool:
    """Whether what fails is that somebody else is asked for too much, or no longer answers."""
    error = finding.facts.get("error")
    return finding.mechanism == "exception" and isinstance(error, str) and not is_of_its_own(error)


def _since(scene: Scene, findings: Sequence[Finding]) -> int:
    """When the trouble of a service began, as its own findings date it."""
    starts = [f.window.start_ns for f in findings if f.window is not None and f.code.startswith(TELEMETRY)]
    return min(starts, default=scene.windows.onset_ns)


def _brought_by(cause: Cause, suspect: Suspect, change: Change, delay_ns: int) -> Cause:
    seen = suspect.findings[0].code in MECHANISM_SEEN
    arrival = Finding(
        "changes.arrival",
        cause.mechanism,
        suspect.service,
        f"{change.label} went live there {max(0, delay_ns) // NS_PER_S} s before; its diff is not known",
        severity=0.9,
        confidence=cause.confidence if seen else min(cause.confidence, _BY_TIME),
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
