"""Situations that single findings make, where neither logs nor the levels of whole services show what is wrong.

The sum of all queues hides the one whose messages are held; memory that a kill gives back shows no climb. Detectors see
both, and see mechanisms at work on single requests. Such a finding is the only symptom of its situation: the service
that it was seen at failed first, and the onset is when the finding began, whatever dated the onset of the case.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ...domain.finding import Finding
from ...domain.instant import NS_PER_S
from ..base import Scene
from ..symptoms.front import Front
from ..symptoms.symptom import Shift, Symptom, symptoms_of
from ..symptoms.trouble import trouble
from ..vocabulary.lexicon import WEIGHTS
from .traits import MEASURED_REASONS, SHOWS
from .trial import Change, Situation, deployed

# By detector and mechanism: what the symptom is called, and the facts that hold its levels before and after. Of
# `metrics.messages` only messages that are held: those that merely wait have other reasons.
_TOLD: Final = {
    ("metrics.leak", "memory_leak"): ("memory", "before", "after"),
    ("metrics.messages", "unacknowledged_messages"): ("unacknowledged messages", "usual", "now"),
    ("traces.missing_writes", "wrong_result"): ("skipped", "without_share_before", "without_share"),
}
# Mechanisms that are seen at work, and tried for as the symptom that tells them first.
_SEEN: Final = frozenset(
    """n_plus_one chatty_calls retry_storm timeout_budget connection_pool_exhausted thread_pool_exhausted
    lock_contention deadlock cache_stampede race_condition message_backlog""".split()
)
# Seen on requests, and not read from metrics, whose moves have many reasons.
_AREAS: Final = frozenset({"traces", "locks"})
_SURE: Final = 0.75
_LATER_NS: Final = 300 * NS_PER_S


def measured_situations(scene: Scene, known: Sequence[Change], services: frozenset[str]) -> list[Situation]:
    """A situation for each leak, pile of messages held, piece of work that is missing, and mechanism seen at work.

    Those that are measured come first, each kind with the surest first; last what metrics tell that began well after
    the onset.
    """
    found = trouble(scene)
    live = deployed(known)
    situations = []
    for finding in sorted(scene.dated, key=lambda f: (not _is_told(f), -f.severity * f.confidence, f.service)):
        symptoms = symptoms_of([], [_shift(finding)]) if _is_told(finding) else _seen(finding)
        if not symptoms or not finding.service:
            continue
        victims = tuple(name for name in found.front.failing if name != finding.service)
        front = Front(finding.service, victims, finding.start_ns)
        situations.append(Situation(symptoms, front, found.graph, finding.start_ns, services, live))
    for symptom in found.symptoms:
        if symptom.kind in MEASURED_REASONS and symptom.first_ns > scene.windows.onset.end_ns + _LATER_NS:
            front = Front(symptom.service, found.front.failing, symptom.first_ns)
            situations.append(Situation((symptom,), front, found.graph, symptom.first_ns, services, live))
    return situations


def _is_told(finding: Finding) -> bool:
    return (finding.code, finding.mechanism) in _TOLD


def _shift(finding: Finding) -> Shift:
    what, before, after = _TOLD[finding.code, finding.mechanism]
    levels = finding.number(before), finding.number(after)
    ramp_ns = finding.start_ns if finding.mechanism == "memory_leak" else None
    name = f"{what} {finding.resource}"
    return Shift(finding.service, name, *levels, finding.start_ns, ramp_ns, finding.citations)


def _seen(finding: Finding) -> tuple[Symptom, ...]:
    seen = finding.area in _AREAS or finding.mechanism == "message_backlog"  # which queues alone can tell
    if finding.mechanism not in _SEEN or not seen or finding.confidence < _SURE or not finding.start_ns:
        return ()
    if finding.is_harmless:
        return ()
    kind = SHOWS[finding.mechanism][0]
    texts = tuple(text for text in (finding.resource, finding.operation) if text) or (finding.summary,)
    return (
        Symptom(kind, finding.service, WEIGHTS.get(kind, 1.0), texts, finding.start_ns, citations=finding.citations),
    )
