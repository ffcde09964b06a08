"""Where and how: findings and the service graph become suspects.

Each finding speaks for its service as strongly as it is sure, grave, and *direct* (`Kind.directness`): a saturated
processor is the service's own, an error may be anyone's that it calls. What a service further down explains is
discounted: the deepest service whose trouble is its own comes first, those above it are its victims.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ..detectors.base import Scene
from ..detectors.runner import kind_of
from ..domain.cause import Suspect
from ..domain.finding import Finding
from ..domain.instant import NS_PER_MS, NS_PER_S
from .calibrate import at_its_limit
from .explaining import (
    POOLS,
    accounts_for,
    does_more,
    fails_more,
    is_overrun,
    is_passed_for_more,
    is_reaction,
    outlasts,
    seen_in,
    used_up,
)

# Share of a finding's weight that does not depend on its severity: to be there at all counts a little.
_FAINT: Final = 0.2
# What remains of a symptom when a service further down is in trouble: it may have its own on top;
_INHERITED: Final = 0.2
# of an error whose text names another service;
_NAMED: Final = 0.2
# of a symptom when a mechanism was seen at work on the same calls;
_EXPLAINED: Final = 0.2
# of a broken path when a service further down is in as much trouble of another kind;
_OUTRANKED: Final = 0.5
# of a resource that runs short where none of those who fail first gets to;
_UNFELT: Final = 0.2
# of a finding that began at another time than the incident.
_ODD_TIME: Final = 0.5
# What a process runs short of by itself, be it under the load of those who call it.
_OF_ITS_OWN: Final = frozenset({"cpu_saturation", "memory_leak", "memory_saturation"})
# Signals of one incident begin within so many seconds: metrics come every minute and lag by three.
_TOGETHER_S: Final = 240


def localise(scene: Scene, findings: Sequence[Finding]) -> tuple[Suspect, ...]:
    """Rank services and mechanisms that findings speak for, the likeliest first; scores are strictly ordered.

    One suspect a service: its mechanism is that of its strongest finding, after those that another of its mechanisms
    explains; its other findings come along. Findings about changes (`Finding.change`) are not looked at here.
    """
    # More requests are no trouble where nothing else changed.
    told = [f for f in findings if scene.windows.changed or f.mechanism != "traffic_surge"]
    weights = _weights(
        scene, [f for f in told if f.change is None and f.service and not f.is_harmless], _clocks_of(findings)
    )
    by_service: dict[str, list[tuple[float, Finding]]] = defaultdict(list)
    for finding, weight in weights:
        by_service[finding.service].append((weight, finding))
    suspects = [_suspect(service, group) for service, group in sorted(by_service.items())]
    suspects.sort(key=lambda s: (-s.score, s.findings[0].start_ns, s.service))
    symptomatic = {
        f.service: f.start_ns
        for f in sorted(findings, key=lambda f: f.start_ns, reverse=True)
        if f.service and kind_of(f).is_symptom
    }
    return tuple(_placed(scene, suspect, symptomatic, rank) for rank, suspect in enumerate(suspects))


@dataclass(frozen=True, slots=True)
class _Told:
    """What all findings tell together.

    Attributes:
        seen: mechanisms that were seen at work and are no reaction, with their weights.
        symptoms: by service, the weight of the strongest symptom that names nobody else.
        felt: services that one which fails, with none that fails below it, gets to: itself and those below it.
        deadlines: those that pass, and not for the sake of somebody below.
        repeating: services that call again and again.
        holding: services whose heaps hold what another does not acknowledge.
        counted: whether a broker counts the messages that pile up.
        clocks: hosts whose clocks are off.
        lossy: services into which and out of which calls get lost.
        behind: services whose messages wait.
        spent: services, or components, of which something is used up.
    """

    seen: tuple[tuple[Finding, float], ...]
    symptoms: Mapping[str, float]
    felt: frozenset[str]
    deadlines: tuple[Finding, ...]
    repeating: frozenset[str]
    holding: frozenset[str]
    counted: bool
    clocks: tuple[Finding, ...]
    lossy: frozenset[str]
    behind: frozenset[str]
    spent: frozenset[str]


def _weights(
    scene: Scene, findings: Sequence[Finding], clocks: Mapping[str, Sequence[float]]
) -> list[tuple[Finding, float]]:
    """Each finding's weight, less what others account for; `clocks` says by how much those of a service's are off."""
    own = [_own_weight(scene, finding, clocks.get(finding.service, ())) for finding in findings]
    reactions = [is_reaction(scene, finding, findings) for finding in findings]
    symptoms: dict[str, float] = {}
    for finding, weight in zip(findings, own, strict=True):
        if kind_of(finding).is_symptom and not finding.names_services:
            symptoms[finding.service] = max(weight, symptoms.get(finding.service, 0.0))
    weighed = [
        (f, weight * _EXPLAINED if reacts or is_overrun(scene, f, findings) else weight)
        for f, weight, reacts in zip(findings, own, reactions, strict=True)
    ]
    causing = [pair for pair, reacts in zip(weighed, reactions, strict=True) if not reacts]
    told = _Told(
        seen=tuple((f, weight) for f, weight in causing if kind_of(f).is_seen),
        symptoms=symptoms,
        felt=_felt(scene, symptoms),
        deadlines=tuple(f for f, _ in causing if kind_of(f).reaction == "gives_up"),
        repeating=frozenset(f.service for f in findings if f.code == "traces.repeated_calls"),
        holding=frozenset(name for f in findings if f.code == "heap.held_messages" for name in f.texts("held_with")),
        counted=any(f.code == "metrics.messages" for f in findings),
        clocks=tuple(f for f in findings if f.code == "traces.clock_skew"),
        lossy=frozenset(f.service for f in findings if f.facts.get("both_ways")),
        behind=frozenset(f.service for f in findings if f.mechanism == "message_backlog"),
        spent=frozenset(f.service for f in findings if at_its_limit(f)),
    )
    return [(f, weight * _remains(scene, f, weight, told)) for f, weight in weighed]


def _felt(scene: Scene, symptoms: Mapping[str, float]) -> frozenset[str]:
    below = {name: {*scene.graph.downstream(name)} - {name} for name in symptoms}
    return frozenset(
        name for first, others in below.items() if others.isdisjoint(symptoms) for name in {first, *others}
    )


def _remains(scene: Scene, finding: Finding, weight: float, told: _Told) -> float:
    """The share of a finding's weight that is left to it beside all that is told."""
    if _is_told_twice(finding, told):
        return _EXPLAINED
    if finding.names_services:
        return _NAMED
    if _is_unfelt(scene, finding, told):
        return _UNFELT
    if _is_for_anothers_sake(scene, finding, told) or _is_shown_at_work(scene, finding, weight, told):
        return _EXPLAINED
    below = max((told.symptoms.get(name, 0.0) for name in scene.graph.downstream(finding.service)), default=0.0)
    if kind_of(finding).symptom == "inherited" and below >= weight / 2:
        return _INHERITED
    return _OUTRANKED if finding.code == "logs.path_break" and below > weight else 1.0


def _is_unfelt(scene: Scene, finding: Finding, told: _Told) -> bool:
    """Whether a process that calls are known of runs short of something, and nobody fails or is slow for it."""
    return (
        finding.mechanism in _OF_ITS_OWN
        and bool(told.felt)
        and finding.service not in {*told.felt, *told.symptoms}
        and bool(scene.graph.callers(finding.service))
    )


def _is_told_twice(finding: Finding, told: _Told) -> bool:
    """Whether somebody who knows more tells the same: a broker of its queue, a heap of what its service keeps."""
    if finding.code == "metrics.saturation" and finding.mechanism == "message_backlog":
        return told.counted
    return finding.mechanism == "memory_leak" and finding.service in told.holding


def _is_for_anothers_sake(scene: Scene, finding: Finding, told: _Told) -> bool:
    """Whether one certain finding of another accounts for it."""
    if finding.code == "locks.lease_expired":
        return any(fails_more(clock, finding) for clock in told.clocks)
    if finding.facts.get("misses_others"):
        return bool(told.spent - {finding.service})
    if finding.mechanism == "cpu_saturation":
        # A consumer that does several times the work falls behind for the messages that came.
        return finding.service in told.behind and does_more(scene, finding)
    if kind_of(finding).place == "way":
        # What is sent again arrives late, whoever is at the other end.
        return not told.lossy.isdisjoint({finding.service, *finding.texts("callers"), *finding.texts("callees")})
    if finding.code == "traces.cache_misses":
        # Who asks for every item asks for those that no cache holds.
        return not told.repeating.isdisjoint(scene.graph.upstream(finding.service))
    return any(is_passed_for_more(scene, deadline, finding) for deadline in told.deadlines)


def _is_shown_at_work(scene: Scene, finding: Finding, weight: float, told: _Told) -> bool:
    """Whether a mechanism seen at work on the same calls explains it: a symptom, a deadline, a pool that ran empty."""
    if finding.mechanism in POOLS and used_up(scene, finding, told.seen) >= weight / 3:
        return True
    # A deadline was long enough until that came.
    if not kind_of(finding).is_symptom and kind_of(finding).reaction != "gives_up":
        return False
    near = {finding.service, *scene.graph.downstream(finding.service), *scene.graph.upstream(finding.service)}
    shown = (w for f, w in told.seen if near & seen_in(f) and not outlasts(finding, f))
    return max(shown, default=0.0) >= weight / 3


def _clocks_of(findings: Sequence[Finding]) -> Mapping[str, Sequence[float]]:
    """By how many nanoseconds clocks of a service's hosts are off."""
    found: dict[str, list[float]] = defaultdict(list)
    for finding in findings:
        if finding.code == "traces.clock_skew":
            found[finding.service].append(finding.number("offset_ms") * NS_PER_MS)
    return found


def _own_weight(scene: Scene, finding: Finding, clocks_ns: Sequence[float]) -> float:
    weight = finding.confidence * (_FAINT + (1 - _FAINT) * finding.severity)
    weight *= kind_of(finding).directness
    if scene.windows.changed and kind_of(finding).is_symptom and finding.window is not None:
        since_ns = finding.window.start_ns - scene.windows.onset_ns
        # A clock that is off dates what happens at its host by as much.
        if min(abs(since_ns - off_ns) for off_ns in (0.0, *clocks_ns)) > _TOGETHER_S * NS_PER_S:
            weight *= _ODD_TIME
    return weight


def _suspect(service: str, group: Sequence[tuple[float, Finding]]) -> Suspect:
    ordered = sorted(group, key=lambda item: (-item[0], item[1].code, item[1].operation or ""))
    strong = [finding for weight, finding in ordered if weight >= ordered[0][0] / 2]
    # That a share of requests fails says nothing of why.
    telling = [f for f in strong if kind_of(f).family != "level" or f.mechanism != "exception"] or strong
    chief = next((f for f in telling if not any(accounts_for(other, f) for other in strong)), telling[0]).mechanism
    # The findings of the chief mechanism come first, before all those that name a place in the heap: the suspect is
    # summed up by the first.
    ordered.sort(key=lambda item: (item[1].mechanism != chief, "place" not in item[1].facts))
    doubt = 1.0
    best_of_code: dict[str, float] = {}
    for weight, finding in ordered:
        best_of_code[finding.code] = max(weight, best_of_code.get(finding.code, 0.0))
    for weight in best_of_code.values():
        doubt *= 1 - min(0.999, weight)
    findings = tuple(finding for _, finding in ordered)
    chiefs = [finding for finding in findings if finding.mechanism == chief]
    return Suspect(
        service=service,
        mechanism=chief,
        score=1 - doubt,
        findings=findings,
        operation=next((f.operation for f in chiefs if f.operation), None),
        resource=next((f.resource for f in chiefs if f.resource), None),
        code_region=next((f.code_region for f in chiefs if f.code_region), None),
    )


def _placed(scene: Scene, suspect: Suspect, symptomatic: Mapping[str, int], rank: int) -> Suspect:
    """A suspect with the first service that failed, its victims, and the way from where it was felt."""
    first = _first_failing(scene, suspect.service, symptomatic)
    beside = {name for finding in suspect.findings for name in finding.texts("held_with")}
    victims = tuple(sorted({*symptomatic, *beside} - {suspect.service, first}))
    felt = [name for name in reversed(scene.graph.upstream(suspect.service)) if name in symptomatic]
    path = scene.graph.path(felt[0], suspect.service) if felt else (suspect.service,)
    # Equal scores are told apart by a step far below any difference that means something.
    score = suspect.score - rank * 1e-9
    return replace(suspect, score=score, first_failing_service=first, victims=victims, path=path)


def _first_failing(scene: Scene, service: str, symptomatic: Mapping[str, int]) -> str | None:
    """The suspect itself when it fails its callers; else the nearest of these that fails; else who failed first."""
    if service in symptomatic:
        return service
    for caller in scene.graph.upstream(service):
        if caller in symptomatic:
            return caller
    return min(symptomatic, key=lambda name: (symptomatic[name], name), default=service)
