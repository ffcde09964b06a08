"""A change that can produce what is seen.

Looks for: commits whose diff does something (a deadline lowered, a batch taken apart, a guard removed, a table used
that no migration creates ...) that can produce the symptoms of the service that failed first, deployed before the
onset to where the trouble is or to what it depends on.

Why it matters: the commit is what can be reverted. Time alone misleads: the last deploy before the onset is innocent
more often than not, and a leak or a filling pool bites hours after its deploy.

Stays silent when: no diff can produce what is seen, or it came after the onset, or it only moves, renames, logs,
documents or tests; and when the only effects that fit are too weak to accuse. A flag, a deploy or a commit without a
diff is blamed only where its name and what fails speak of the same thing, right after it (`undiffed.py`).

Example finding: `41f4a78 "Refactor bootstrap": no longer registers the predefined agents; agents: 'x' not found`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from ...domain.conviction import Conviction
from ..base import Detector, Kind, Scene
from ..symptoms.front import within_reach
from ..symptoms.trouble import trouble
from ..timeline.services import service_names
from .compatibility import capabilities
from .curves import slower_curves
from .deeds import History
from .judgement import judge
from .measured import measured_situations
from .medians import quick_statements, slower_medians, unfailing_callers
from .paths import file_kind
from .records import cite_change, history
from .routes import uncalled
from .slowdown import bisect_step, share_out, slowdown, telling_line
from .trial import Change, Situation, Verdict, deployed


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        max_findings: more culprits than a few at once help nobody.
        max_acquittals: how many acquitted deploys the first finding names, with the reason of each.
    """

    max_findings: int = 3
    max_acquittals: int = 8


def detect(scene: Scene, settings: Settings) -> list[Conviction]:
    """Try every change of the case; findings are those to blame, the likeliest first."""
    past = history(scene.store)
    known = past.changes
    if not known:
        return []
    services = service_names(scene.store)
    situation = (
        slowdown(scene, known, services) or slower_curves(scene, known, services) or _trouble(scene, known, services)
    )
    measured = measured_situations(scene, known, services)
    if situation is None and not measured:
        return []
    clears = partial(
        replace,
        slower=slower_medians(scene),
        unfailing=unfailing_callers(scene),
        quick_statements=quick_statements(scene),
        uncalled=uncalled(scene, known),
    )
    if situation is not None:
        situation = clears(situation, besides=_besides(scene) if situation.began is not None else {})
    situation, verdicts = _first_convicted(past, situation, [clears(one) for one in measured])
    if situation is None:
        return []
    if situation.began is not None:
        verdicts = share_out(verdicts)
    acquitted = _acquittals(verdicts, settings.max_acquittals)
    step = bisect_step(verdicts) if situation.began is not None else None
    return [
        _finding(scene, verdict, situation, acquitted, step)
        for verdict in verdicts[: settings.max_findings]
        if verdict.convicted
    ]


def _first_convicted(
    past: History, situation: Situation | None, measured: Sequence[Situation]
) -> tuple[Situation | None, tuple[Verdict, ...]]:
    """The first situation for which a change is convicted, for what it does rather than because no other can have."""
    others: list[tuple[Situation, tuple[Verdict, ...]]] = []
    own: tuple[Verdict, ...] = ()
    for tried in _in_order(situation, measured):
        found = judge(past, tried)
        own = found if tried is situation else own
        convicted = [verdict for verdict in found if verdict.convicted]
        if convicted and not convicted[0].eliminated:
            return tried, found
        if convicted:
            others.append((tried, found))
    return others[0] if others else (situation, own)


def _in_order(situation: Situation | None, measured: Sequence[Situation]) -> list[Situation]:
    """What changes are tried for, one after the other: first what a service measured of itself before it was slow."""
    if situation is None:
        return list(measured)
    before = [one for one in measured if one.front.first == situation.front.first and one.onset_ns < situation.onset_ns]
    return [*before, situation, *(one for one in measured if one not in before)]


def _trouble(scene: Scene, known: Sequence[Change], services: frozenset[str]) -> Situation | None:
    """What changes are tried for: what the system says and measures that is new; None when nothing is."""
    found = trouble(scene)
    if not found.symptoms:
        return None
    onset_ns, latest_ns = scene.windows.onset_ns, scene.windows.onset.end_ns
    return Situation(found.symptoms, found.front, found.graph, onset_ns, services, deployed(known), latest_ns=latest_ns)


def _besides(scene: Scene) -> Mapping[str, frozenset[str]]:
    """The kinds of trouble that each service has, by all that is said and measured."""
    kinds: dict[str, set[str]] = defaultdict(set)
    for symptom in trouble(scene).symptoms:
        kinds[symptom.service].add(symptom.kind)
    return {service: frozenset(of) for service, of in kinds.items()}


def _finding(
    scene: Scene, verdict: Verdict, situation: Situation, acquitted: tuple[str, ...], bisect: str | None
) -> Conviction:
    change, symptom, effect = verdict.change, verdict.symptom, verdict.effect
    front, graph, measured = situation.front, situation.graph, situation.began is not None
    first = front.first
    if measured and symptom is not None:
        first = symptom.service
    deployed_to = verdict.rollout.service if verdict.rollout else ""
    service = first or deployed_to or (symptom.service if symptom else "")
    if not within_reach(service, deployed_to, graph):
        near = symptom is not None and within_reach(symptom.service, deployed_to, graph)
        service = symptom.service if symptom is not None and near else deployed_to
    line = telling_line(verdict) if measured else None
    where = (f"{line[0]}:{line[1]} `{line[2][:80]}`",) if line else ()
    title = change.message.splitlines()[0][:80] if change.message else ""
    return Conviction(
        "changes.correlation",
        verdict.mechanism,
        service,
        f'{change.label} "{title}": {"; ".join((*verdict.reasons, *where))}',
        severity=0.9,
        confidence=min(0.97, verdict.score),
        facts={
            "what_it_does": effect.summary if effect else None,
            "symptom": symptom.kind if symptom else None,
            "path": effect.path if effect else None,
            "first_failing_service": first,
            "line": f"{line[0]}:{line[1]} {line[2][:120]}" if line else None,
            "explains": verdict.explains,
        },
        citations=(*cite_change(change), *(symptom.citations[:4] if symptom else ())),
        window=scene.windows.incident,
        code_region=f"{line[0]}:{line[1]}" if line else effect.path if effect else None,
        change=(change.kind, change.sha),
        effect=effect.kind if effect else None,
        only_configuration=bool(change.files) and all(file_kind(f) in ("config", "image") for f in change.files),
        deployed_to=deployed_to or None,
        can_bring=verdict.can_bring,
        eliminated=verdict.eliminated,
        victims=front.victims,
        measured=measured,
        bisect=bisect,
        acquitted=acquitted,
    )


def _acquittals(verdicts: Sequence[Verdict], limit: int) -> tuple[str, ...]:
    """Deployed changes that are not to blame and why: what a reader would suspect first."""
    cleared = [v for v in verdicts if not v.convicted and v.rollout is not None]
    told = [
        f"{v.change.label}: {v.against[-1] if v.against else 'what it does can hardly cause what is seen'}"
        for v in cleared[:limit]
    ]
    rest = len(cleared) - len(told)
    return (*told, f"{rest} more that were deployed: less speaks for any of them") if rest > 0 else tuple(told)


_MECHANISMS: Final = tuple(
    sorted({name for can in capabilities().values() for name in (can.mechanism, *can.mechanisms.values())})
)
DETECTOR: Final = Detector(
    "changes.correlation",
    (Kind("changes.correlation", family="change"),),
    _MECHANISMS,
    ("changes",),
    Settings(),
    detect,
)
