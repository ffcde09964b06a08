"""Which change did it, or none: suspects become causes.

Three kinds of witnesses are weighed. A change is blamed when its diff can produce what is seen and nothing outside the
system explains it better; an outside cause (certificate, resolver, provider, platform, surge) is believed when it has
the better proof; and with neither, the suspects stand as localisation ranked them, without a change. So they do where
a mechanism was seen at work on the failing requests (`Kind.is_seen`) that the others know nothing of. Only the first
cause ever names a change: to blame an innocent one costs more than to name none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..detectors.base import Scene
from ..detectors.runner import kind_of
from ..detectors.symptoms.front import Front
from ..detectors.symptoms.trouble import trouble
from ..domain.cause import Cause, Suspect
from ..domain.conviction import Conviction
from ..domain.finding import Finding
from .arrival import with_arrival, with_attempts
from .convicted import cause_of_change
from .first import with_first_service
from .remedy import next_checks, remediation
from .victims import with_all_who_miss_it
from .witnesses import strength, witnesses


def attribute(scene: Scene, suspects: Sequence[Suspect], findings: Sequence[Finding]) -> tuple[Cause, ...]:
    """Turn suspects into causes, best first, each with the change that explains it or none.

    `findings` are all of them, those of the change detectors included. Ranks are 1, 2, 3, ... without ties.
    """
    change, outside, seen = witnesses(scene, findings)
    causes = [_from_suspect(suspect, position, suspects) for position, suspect in enumerate(suspects)]
    lead: Cause | None = None
    if change is not None and (outside is None or change.confidence > outside.confidence):
        lead = cause_of_change(scene, change, seen, outside, suspects, findings)
    elif outside is not None:
        lead = _from_outside(outside, change, trouble(scene).front, _cut_off(findings))
    if lead is not None:
        causes = [
            _enriched(lead, suspects),
            *(c for c in causes if (c.service, c.mechanism) != (lead.service, lead.mechanism)),
        ]
    elif causes:
        causes[0] = with_attempts(scene, with_arrival(scene, causes[0], suspects[0]))
    if causes:
        causes[0] = with_first_service(scene, with_all_who_miss_it(scene, causes[0], told=lead is None))
    return tuple(replace(cause, rank=rank) for rank, cause in enumerate(causes, start=1))


def _from_suspect(suspect: Suspect, position: int, suspects: Sequence[Suspect]) -> Cause:
    finding = suspect.findings[0]
    return Cause(
        rank=position + 1,
        mechanism=suspect.mechanism,
        service=suspect.service,
        confidence=_confidence(suspect, suspects),
        summary=finding.summary,
        operation=suspect.operation,
        resource=suspect.resource,
        code_region=suspect.code_region,
        first_failing_service=suspect.first_failing_service,
        blast_radius=suspect.victims,
        path=suspect.path,
        remediation=remediation(suspect.mechanism, None),
        citations=tuple(dict.fromkeys(c for f in suspect.findings[:4] for c in f.citations))[:8],
        next_checks=next_checks(suspect.mechanism, None),
    )


def _confidence(suspect: Suspect, suspects: Sequence[Suspect]) -> float:
    """A suspect's share of the first few's scores: sure of one that stands alone, unsure of one among equals.

    What was seen at work on the failing requests needs no comparison.
    """
    if suspect is suspects[0] and kind_of(suspect.findings[0]).is_seen:
        return round(suspect.findings[0].confidence, 4)
    total = sum(max(other.score, 0.0) for other in suspects[:5])
    share = max(suspect.score, 0.0) / total if total else 0.0
    return round(min(0.95, share * suspect.findings[0].confidence), 4)


def _cut_off(findings: Sequence[Finding]) -> str:
    """The service that most calls no longer get to, '' where all are reached."""
    lost = [f for f in findings if kind_of(f).unreached]
    return max(lost, key=strength).service if lost else ""


def _from_outside(outside: Finding, change: Conviction | None, front: Front, cut_off: str) -> Cause:
    components = set(outside.texts("components"))
    # Where the finding tells who speaks of the outside cause, nobody else is its first victim.
    speaking = outside.texts("services")
    first = front.first if front.first and front.first not in components else outside.service
    if speaking and first not in speaking:
        first = outside.service
    if outside.mechanism == "infrastructure_fault" and cut_off:
        first = cut_off  # who stood on what failed; the others miss it
    owner = (outside.resource or "").split(".")[0]
    if outside.mechanism == "certificate_expired" and owner in speaking:
        first, components = owner, components | ({*speaking} - {owner})  # who turns a client away has no trouble
    victims = tuple(name for name in front.failing if name != first and name not in components)
    against = (f"a change could have done it: {change.summary}",) if change is not None else ()
    return Cause(
        rank=1,
        mechanism=outside.mechanism,
        service=first,
        confidence=round(outside.confidence, 4),
        summary=outside.summary,
        resource=outside.resource,
        first_failing_service=first or None,
        blast_radius=victims,
        remediation=remediation(outside.mechanism, None),
        citations=outside.citations,
        against=against,
        next_checks=next_checks(outside.mechanism, None),
    )


def _enriched(lead: Cause, suspects: Sequence[Suspect]) -> Cause:
    """What localisation knows of the same service (operation, path, resource), added to a cause that lacks it."""
    same = next((s for s in suspects if s.service == lead.service), None)
    if same is None:
        return lead
    return replace(
        lead,
        operation=lead.operation or same.operation,
        resource=lead.resource or (same.resource if same.mechanism == lead.mechanism else None),
        path=lead.path or same.path,
        citations=tuple(dict.fromkeys((*lead.citations, *same.findings[0].citations)))[:10],
    )
