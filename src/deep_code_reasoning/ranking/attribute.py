"""Which change did it, or none: suspects become causes.

Three kinds of witnesses are weighed. A change is blamed when its diff can produce what is seen and nothing outside the
system explains it better; an outside cause (certificate, resolver, provider, platform, surge) is believed when it has
the better proof; and with neither, the suspects stand as localisation ranked them, without a change. So they do where
a mechanism was seen at work on the failing requests (`Kind.is_seen`) that the others know nothing of. Only the first
cause ever names a change: to blame an innocent one costs more than to name none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ..detectors.base import Scene
from ..detectors.runner import kind_of
from ..detectors.symptoms.front import Front, within_reach
from ..detectors.symptoms.trouble import trouble
from ..domain.cause import Cause, ChangeRef, Suspect
from ..domain.conviction import Conviction
from ..domain.finding import Finding
from .arrival import with_arrival, with_attempts
from .calibrate import at_its_limit
from .explaining import came_after, explains, is_overrun, is_reaction
from .first import with_first_service
from .outside import from_outside, strongest
from .remedy import next_checks, remediation
from .victims import with_all_who_miss_it

# A suspect that is as strong as that beside the first is what a change may have brought.
_JOINS: Final = 0.5
# An order of magnitude.
_FAR_SLOWER: Final = 10.0
# How those above take an outage, and those below a surge.
_TAKEN_SO: Final[Mapping[str, frozenset[str]]] = {
    "dependency_outage": frozenset({"retry_storm", "timeout_budget", "lock_contention"}),
    "traffic_surge": frozenset(
        {"retry_storm", "timeout_budget", "lock_contention", "cache_stampede", "memory_saturation"}
    ),
}

# What a service does to its own connections, by the kinds of effects, shows as time on the way out of it.
_OF_CONNECTIONS: Final = ("connection_", "idle_time_", "pool_", "switch_", "endpoint_", "dependency_")

# What every service that passes a trouble on shows, whoever has it.
_ANYONES: Final = frozenset({"exception", "wrong_result", "latency_regression", "timeout_budget", "configuration"})


def attribute(scene: Scene, suspects: Sequence[Suspect], findings: Sequence[Finding]) -> tuple[Cause, ...]:
    """Turn suspects into causes, best first, each with the change that explains it or none.

    `findings` are all of them, those of the change detectors included. Ranks are 1, 2, 3, ... without ties.
    """
    change, outside, seen = _witnesses(scene, findings)
    causes = [_from_suspect(suspect, position, suspects) for position, suspect in enumerate(suspects)]
    lead: Cause | None = None
    if change is not None and (outside is None or change.confidence > outside.confidence):
        lead = _convicted(scene, change, seen, outside, suspects, findings)
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


def _witnesses(scene: Scene, findings: Sequence[Finding]) -> tuple[Conviction | None, Finding | None, Finding | None]:
    """What speaks strongest for a change, a cause outside, and a mechanism seen at work, where nothing refutes it."""
    change = strongest([f for f in findings if isinstance(f, Conviction)])
    outside = from_outside(scene, findings)
    at_work = (
        f
        for f in findings
        if kind_of(f).is_seen
        and not f.is_harmless
        and not _behind(scene, f, outside)
        and not is_reaction(scene, f, findings)
        and not is_overrun(scene, f, findings)
    )
    seen = max(at_work, key=_strength, default=None)
    if change is not None and (_on_the_way(change, findings) or _lies_below(scene, change, findings)):
        change = None
    if seen is not None and change is not None and _is_cleared(change, seen):
        change = None
    if seen is not None and outside is not None and outside.confidence <= seen.confidence:
        outside = None
    return change, outside, seen


def _convicted(
    scene: Scene,
    change: Conviction,
    seen: Finding | None,
    outside: Finding | None,
    suspects: Sequence[Suspect],
    findings: Sequence[Finding],
) -> Cause:
    """The cause that a change is, with what it did as that was seen."""
    work = _work_of(change, seen, suspects)
    front = _front_of(change, scene, work.service)
    if seen is not None and _is_of_its_deploy(change, seen):
        change = replace(change, confidence=max(change.confidence, seen.confidence))
    elif change.eliminated and not work.service:
        shown = _shown_at(front.first or change.service, suspects)
        work = replace(work, mechanism=shown or work.mechanism)
    return _from_change(change, work, front, findings, outside)


def _strength(finding: Finding) -> tuple[float, float, str]:
    return finding.confidence, finding.severity, finding.summary


def _front_of(change: Conviction, scene: Scene, place: str) -> Front:
    """Where the trouble began: as measured, where the change was tried for what was measured; else `place`, if any."""
    if change.measured:
        first = place or change.service
        victims = tuple(name for name in (change.service, *change.victims) if name != first)
        return Front(first, victims, scene.windows.onset_ns)
    front = trouble(scene).front
    if not place and not within_reach(front.first, change.deployed_to or "", scene.graph):
        place = change.service
    if place in ("", front.first):
        return front
    return replace(front, first=place, victims=tuple(name for name in front.failing if name != place))


@dataclass(frozen=True, slots=True)
class _Work:
    """What a change did as it was seen: the mechanism, in which service, who failed of it first ('' where unknown)."""

    mechanism: str
    service: str = ""
    first_failing: str = ""


def _work_of(change: Conviction, seen: Finding | None, suspects: Sequence[Suspect]) -> _Work:
    """What of all that is suspected is the work of a change.

    What was seen at work may be anything that it can bring, and tells more than what any trouble looks like. What
    errors and measurements tell is the very mechanism that it is blamed for, unless any trouble looks like that
    (`_ANYONES`): every service that passes it on has some.
    """
    if seen is not None and _is_of_its_deploy(change, seen):
        return _Work(seen.mechanism, seen.service)
    if seen is not None and seen.service == change.deployed_to:
        # What a service says of itself is what the change did there, slower requests a side effect or another one.
        said = seen.area == "logs"
        any_trouble = change.mechanism in _ANYONES and (said or explains(seen.mechanism, change.mechanism))
        # It was held against what another service shows, and less surely.
        of_another = change.service != seen.service and change.confidence < seen.confidence
        if any_trouble or of_another:
            return _Work(seen.mechanism, seen.service)
    if change.measured:
        return _Work(change.mechanism, change.service)
    can_bring = {change.mechanism, *change.can_bring}
    for suspect in suspects:
        direct = kind_of(suspect.findings[0]).shows_mechanism and suspect.score >= _JOINS * suspects[0].score
        # That a setting is wrong says nothing of what comes of it; what its own service runs short of does.
        shown_there = suspect.service == change.deployed_to and suspect.mechanism not in _ANYONES
        if direct and (suspect.mechanism in can_bring or (change.mechanism == "configuration" and shown_there)):
            # A pool that ran full is what locks in a circle come to, and no other thing that the change did.
            further = explains(change.mechanism, suspect.mechanism)
            mechanism = change.mechanism if further else suspect.mechanism
            return _Work(mechanism, suspect.service, suspect.first_failing_service or "")
    if seen is not None and seen.mechanism == change.mechanism:
        return _Work(change.mechanism, seen.service)
    told = (s.service for s in suspects if s.mechanism == change.mechanism and s.mechanism not in _ANYONES)
    return _Work(change.mechanism, next(told, ""))


def _is_of_its_deploy(change: Conviction, seen: Finding) -> bool:
    """Whether a mechanism was seen at work where a change went out of which nothing else tells what it does.

    A flag that was flipped there, or a commit that is held to have done it because no other can have.
    """
    chosen = change.eliminated or (change.change or ("",))[0] == "flag"
    return (
        bool(chosen) and kind_of(seen).place != "host" and not change.can_bring and seen.service == change.deployed_to
    )


def _shown_at(service: str, suspects: Sequence[Suspect]) -> str:
    """What a service shows beside errors, '' if nothing: that no other change can have done it does not tell how."""
    return next((s.mechanism for s in suspects if s.service == service and s.mechanism != "exception"), "")


def _behind(scene: Scene, seen: Finding, outside: Finding | None) -> bool:
    """Whether what was seen is how others take what came from outside: an outage further down, a surge further up."""
    if outside is None or seen.mechanism not in _TAKEN_SO.get(outside.mechanism, ()):
        return False
    if seen.mechanism == "lock_contention" and outside.mechanism == "dependency_outage" and came_after(outside, seen):
        return False  # who holds a lock while it waits for what is down began to wait no earlier
    if outside.mechanism == "traffic_surge":
        return seen.service in {outside.service, *scene.graph.downstream(outside.service)}
    if seen.code == "traces.inverted_deadline" and outside.code == "external.slow_peer":
        # A partner that answers in time is to blame where it takes most of the time, and far longer than ever.
        now_ms = outside.number("now_ms")
        return 2 * now_ms >= seen.number("deadline_ms") and now_ms >= _FAR_SLOWER * outside.number("before_ms")
    reached = {seen.service, *scene.graph.downstream(seen.service)}
    return bool(reached & {outside.service, *outside.texts("services")})


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


def _from_change(
    change: Conviction, work: _Work, front: Front, findings: Sequence[Finding], outside: Finding | None
) -> Cause:
    reference = ChangeRef(change.change[0], change.change[1], _repo(change)) if change.change else None
    others = [f for f in findings if isinstance(f, Conviction) and f is not change]
    against = [f"acquitted: {line}" for line in change.acquitted]
    against += [f"{f.change[1][:12]} could have done it too, with less to show for it" for f in others if f.change][:2]
    if outside is not None:
        against.append(f"{outside.summary}, but this explains less")
    first = work.first_failing or front.first or change.service
    if change.deployed_to and front.began_first(change.deployed_to, first):
        first = change.deployed_to  # it failed before those whom it asks for more, or meets at a lock
    return Cause(
        rank=1,
        mechanism=work.mechanism,
        service=work.service or _home(change, front) or change.service,
        confidence=round(change.confidence, 4),
        summary=change.summary,
        resource=change.resource,
        code_region=change.code_region,
        change=reference,
        first_failing_service=first,
        blast_radius=tuple(name for name in front.failing if name != first),
        remediation=remediation(work.mechanism, change),
        citations=change.citations,
        against=tuple(against),
        next_checks=next_checks(work.mechanism, change),
    )


def _home(change: Conviction, front: Front) -> str:
    """The service of a convicted change: the one that runs it, where it can be told; else who failed of it first."""
    return change.deployed_to if change.deployed_to and change.effect is not None else front.first


def _is_cleared(change: Conviction, seen: Finding) -> bool:
    """Whether a mechanism that was seen at work speaks against a change: only its time fits, or nothing does."""
    by_time = change.confidence <= seen.confidence and _only_came_then(change, seen)
    return (by_time and not _is_of_its_deploy(change, seen)) or _brought_otherwise(change, seen)


def _brought_otherwise(change: Conviction, seen: Finding) -> bool:
    """Whether a mechanism that was seen at work leaves a change nothing that it must have done.

    Such a change was held to have done it because some change must have. Nothing it is known for is that mechanism,
    and it was not deployed where that is at work.
    """
    return bool(change.eliminated and seen.mechanism not in change.can_bring and seen.service != change.deployed_to)


def _repo(change: Conviction) -> str | None:
    return next((c.ref.rsplit("@", 1)[0] for c in change.citations if c.kind == "commit"), "") or None


def _on_the_way(change: Conviction, findings: Sequence[Finding]) -> bool:
    """Whether the time that a change is blamed for was seen to be lost between two services: no commit does that.

    Unless it is lost on all calls out of the service that the change is of, which now treats its connections otherwise.
    """
    own = change.deployed_to if (change.effect or "").startswith(_OF_CONNECTIONS) else None
    return change.mechanism == "latency_regression" and any(
        kind_of(f).place == "way"
        and f.confidence >= change.confidence
        and not (f.service == own and f.facts.get("direction") == "out of")
        for f in findings
    )


def _lies_below(scene: Scene, change: Conviction, findings: Sequence[Finding]) -> bool:
    """Whether a change fits by time alone, and what its service calls is out of reach or has run short of something.

    Where a disk below is full, so does one that is only held to have done it because no other can have.
    """
    known = change.effect is not None
    if known and not change.eliminated:
        return False
    below = set(scene.graph.downstream(change.service)) - {change.service, change.deployed_to}
    return any(
        (_is_full_disk(f) or (not known and _is_missing(f, change)))
        and f.service in below
        and f.confidence >= change.confidence
        for f in findings
    )


def _is_full_disk(finding: Finding) -> bool:
    return finding.mechanism == "disk_saturation" and at_its_limit(finding)


def _is_missing(finding: Finding, change: Conviction) -> bool:
    short = finding.code == "metrics.shortage" and explains(finding.mechanism, change.mechanism)
    return short or kind_of(finding).unreached


def _cut_off(findings: Sequence[Finding]) -> str:
    """The service that most calls no longer get to, '' where all are reached."""
    lost = [f for f in findings if kind_of(f).unreached]
    return max(lost, key=_strength).service if lost else ""


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


def _only_came_then(change: Conviction, seen: Finding) -> bool:
    """Whether nothing but its time and place speaks for a change beside a mechanism that was seen at work.

    No commit sets a host's clock, nor takes a host away, nor fills it with what is not of ours. Waits for locks may be
    the doing of a change whose diff can do such things; of one whose diff is not known they are not.
    """
    if seen.mechanism == "clock_skew" or seen.facts.get("skewed_host") or kind_of(seen).place == "host":
        return True
    unknown = change.effect is None and not change.measured
    return (unknown and seen.area == "locks") or _fits_by_time(change, seen)


def _fits_by_time(change: Conviction, seen: Finding) -> bool:
    """Whether nothing but time and place ties a change to what a mechanism that was seen at work explains."""
    return change.effect is None and explains(seen.mechanism, change.mechanism)


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
