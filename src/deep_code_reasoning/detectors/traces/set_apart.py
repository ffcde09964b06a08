"""What the bad requests have in common, and the others have not.

Looks for: one value of an attribute (a customer, a client's version, a size beyond some limit), two values together, or
one process, host or version that most requests which fail or are slow share, while requests with other values of the
same attribute are well. And for one value that came to be asked for so often that all others suffer.

Why it matters: errors and latencies say where it hurts. What only the bad ones share says why: a caller that sends
what the code cannot take, one bad process, a customer who takes what all others need.

Stays silent when: nothing changed; all requests are bad, or a handful; the value separates no better than chance over
all that were tried; requests with it were as bad before.

Example finding: `stock: 47 of 52 requests with tenant=spruce fail, 2 of 310 with other values (0 with it before
10:21:05)`.

A value that was served well before, and that the errors name now ("no entry for 'spruce'"), is as good as ever: the
code knows it no more, which is an *exception*.

Identifiers do not count, nor what only repeats the operation or the outcome (`contrast/facets.py`). What callers send
is *bad input*, most surely when it came or grew with the onset; whether a change made it bad is for the changes to say.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ...domain.citation import Citation, span_citation
from ...domain.finding import Finding
from ...domain.instant import format_instant
from ...domain.separation import Facet, Requests, Trait, members, requests
from ...store import CaseStore
from ..base import Detector, Kind, Scene, Skipped
from ..contrast.facets import Facets, facets_of, is_of_process
from ..contrast.outcomes import Outcomes, outcomes
from ..timeline.change_point import probability, rate_contrast
from ..timeline.span_errors import ERROR_TEXT, JOIN_ERRORS, prepare_span_errors
from ..vocabulary.told import told_mechanism
from .request_times import prepare_request_times

# What errors may say that no input brings about.
_OF_NO_INPUT: Final = frozenset({"certificate_expired", "clock_skew", "disk_saturation", "dns_failure"})
# What the code looked for and has not.
_UNKNOWN: Final = re.compile(
    r"(?i)\bnot (been )?(present|found|known|configured|supported|registered|defined)|\bunknown\b|\bmissing\b"
    r"|\bno (such|entry|\w+ for)\b|unsupported|key ?(not ?found|error)"
)


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        min_bad: fewer bad requests than this may be one caller's own doing; whether they share something by chance is
            for the probability to say.
        min_good: and so many others are needed to hold them against.
        min_separation: a correlation of half explains more of the outcome than all that is left.
        min_covered: a value that most bad requests do not have is not what makes them bad.
        min_contrast: bad so many times as often as with other values.
        grew: what came with the onset is at least twice as frequent as before.
        known_before: what was served well before may have met other code: it is less sure that the input is bad.
        chronic: what was bad half as often before, by the time, has been lived with.
        loud_share: one that takes so much of all requests can starve the others.
        loud_factor: and is so many times as frequent as before, by the time, and held against the others: else
            everybody came.
        min_loud: likelier than not, after a prior of one in all values that so many have.
        of_growth: and is most of what grew.
        min_suffering: so many of the others are bad.
        min_probability: values are many, so that one of them separates must be nearly sure.
        most_growth: that what is bad also came with the onset adds to this, as a log Bayes factor, up to what is strong
            evidence (Kass and Raftery, JASA 1995).
    """

    min_bad: int = 3
    min_good: int = 5
    min_separation: float = 0.5
    min_covered: float = 0.5
    min_contrast: float = 3.0
    grew: float = 2.0
    known_before: float = 0.8
    chronic: float = 0.5
    loud_share: float = 0.3
    loud_factor: float = 2.0
    min_loud: float = 0.5
    of_growth: float = 0.5
    min_suffering: float = 0.1
    min_probability: float = 0.9
    most_growth: float = 3.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where requests go bad, and all the requests that pass there."""

    service: str
    operation: str | None
    passing: Requests
    examples: tuple[Citation, ...]


def detect(scene: Scene, settings: Settings) -> Sequence[Finding] | Skipped:
    """Find what sets the bad requests apart."""
    if not scene.windows.changed:
        return Skipped("nothing changed: no requests are worse than others were")
    divided = outcomes(scene.store, scene.windows.baseline, scene.windows.incident)
    bad = divided.bad & divided.later
    if bad.bit_count() < settings.min_bad:
        return ()
    place = _place(scene.store, divided, bad)
    if place is None:
        return ()
    passing = divided.only(place.passing)
    enough = (passing.later & ~bad).bit_count() >= settings.min_good
    # Whoever takes what others need is part of the growth.
    if not enough and _growth(scene, divided) <= 0:
        return ()
    facets = facets_of(scene.store, settings.min_bad, place.service)
    loud = _loud(scene, divided, facets, settings)
    if loud is not None:
        return [_noise(scene, divided, place, loud, facets.having[loud])]
    if not enough:
        return ()
    facets = facets.judged(passing)
    traits = [
        trait
        for trait in facets.separating(passing, settings.min_bad)
        if _tells(trait, _came(facets.common(trait), passing), len(facets.having), settings)
    ]
    if not traits:
        return ()
    # A host may be one process: the process goes before it when it says as much.
    best = max(traits, key=lambda t: (round(t.separation, 1), -len(t.facets), t.facets[0].key.startswith("instance@")))
    having = facets.common(best)
    shown = _place(scene.store, passing, having & passing.bad & passing.later) or place
    finding = _apart(scene, passing, shown, best, having, settings)
    return [] if finding is None else [finding]


def _came(having: Requests, divided: Outcomes) -> float:
    """Log Bayes factor that some requests came, or became a larger share, with the onset; 0 where they did not."""
    now, before = (having & divided.later).bit_count(), (having & divided.earlier).bit_count()
    if _share(having, divided.later) <= _share(having, divided.earlier):
        return 0.0
    return max(0.0, rate_contrast(now, divided.later.bit_count(), before, divided.earlier.bit_count()))


def _tells(trait: Trait, came: float, tried: int, settings: Settings) -> bool:
    contrast = rate_contrast(trait.bad, trait.total, trait.other_bad, trait.other_total)
    sure = probability(contrast + min(came, settings.most_growth), tried)
    return (
        trait.separation >= settings.min_separation
        and trait.covered >= settings.min_covered
        and trait.rate >= settings.min_contrast * trait.other_rate
        and sure >= settings.min_probability
    )


def _apart(
    scene: Scene, divided: Outcomes, place: Place, trait: Trait, having: Requests, settings: Settings
) -> Finding | None:
    before = having & divided.earlier
    bad_before = (before & divided.bad).bit_count()
    now, then = scene.windows.incident.seconds, scene.windows.baseline.seconds
    if bad_before * now >= settings.chronic * trait.bad * then:
        return None
    grew = _share(having, divided.later) >= settings.grew * _share(having, divided.earlier)
    of_process = any(is_of_process(facet.key) for facet in trait.facets)
    served = before.bit_count() >= settings.min_good and not grew
    said = _errors(scene.store, place) if divided.failed else []
    told = {told_mechanism(error) for error in said}
    of_code = of_process or (served and _is_named(said, trait))
    if told and told <= _OF_NO_INPUT:
        return None  # these requests need what others do without, and the errors say what that is
    outcome = "fail" if divided.failed else "are slow"
    shared = " and ".join(map(str, trait.facets))
    return Finding(
        code="traces.set_apart" if of_code else "traces.bad_input",
        mechanism="bad_input" if not of_code else "exception" if divided.failed else "latency_regression",
        service=place.service,
        summary=(
            f"{place.service}: {trait.bad} of {trait.total} requests with {shared} {outcome}, {trait.other_bad} of "
            f"{trait.other_total} with other values ({bad_before} of {before.bit_count()} with it before "
            f"{format_instant(scene.windows.onset_ns)})"
        ),
        severity=min(1.0, 0.4 + _share(divided.bad, divided.later)),
        confidence=min(0.95, 0.5 + trait.separation / 2) * (1.0 if grew else settings.known_before),
        facts={
            "values": tuple(map(str, trait.facets)),
            "bad_share": round(trait.rate, 4),
            "bad_share_of_others": round(trait.other_rate, 4),
            "covered_share": round(trait.covered, 4),
            "separation": round(trait.separation, 4),
            "requests_before": before.bit_count(),
        },
        citations=place.examples,
        window=scene.windows.incident,
        operation=place.operation,
        resource=None if of_process else shared,
        instance=next((f.value for f in trait.facets if f.key.startswith("instance@")), None),
    )


def _errors(store: CaseStore, place: Place) -> list[str]:
    """What the errors of some bad requests say."""
    prepare_span_errors(store)
    spans = [citation.ref.split("/") for citation in place.examples]
    rows = store.query(
        f"SELECT {ERROR_TEXT} AS said FROM spans {JOIN_ERRORS} "
        "WHERE trace_id IN {traces:Array(String)} AND span_id IN {spans:Array(String)} ORDER BY said",
        traces=[trace for trace, _ in spans],
        spans=[span for _, span in spans],
    )
    return [str(row["said"]) for row in rows]


def _is_named(said: Sequence[str], trait: Trait) -> bool:
    """Whether the errors of the bad requests say that what they share, as words of their own, is not known."""
    named = [
        bool(_UNKNOWN.search(error))
        and all(re.search(rf"(?<![\w-]){re.escape(facet.value)}(?![\w-])", error) for facet in trait.facets)
        for error in said
    ]
    return bool(named) and all(named)


def _seconds(scene: Scene) -> float:
    """How many times as long the calm stretch is."""
    return scene.windows.baseline.seconds / max(1e-9, scene.windows.incident.seconds)


def _growth(scene: Scene, divided: Outcomes) -> float:
    """Requests that the later stretch would have more than the earlier one, were it as long."""
    return divided.later.bit_count() * _seconds(scene) - divided.earlier.bit_count()


def _loud(scene: Scene, divided: Outcomes, facets: Facets, settings: Settings) -> Facet | None:
    """The value that came to be asked for so often that the others suffer, if there is one."""
    seconds, growth = _seconds(scene), _growth(scene, divided)
    found = []
    most = {
        facet: having
        for facet, having in sorted(facets.having.items())
        if not (is_of_process(facet.key) or facet.value.startswith("> "))
        and _share(having, divided.later) >= settings.loud_share
    }
    for facet, having in most.items():
        now, before = (having & divided.later).bit_count(), (having & divided.earlier).bit_count()
        others = facets.known[facet.key] & ~having
        others_now, others_before = (others & divided.later).bit_count(), (others & divided.earlier).bit_count()
        suffering = _share(divided.suffering, others & divided.later)
        if (
            now * seconds >= settings.loud_factor * max(1, before)
            and now * others_before >= settings.loud_factor * max(1, before) * others_now
            and now * seconds - before >= settings.of_growth * growth > 0
            and probability(_came(having, divided), len(most)) >= settings.min_loud
            and suffering >= max(settings.min_suffering, 2 * _share(divided.suffering, others & divided.earlier))
            and (others & divided.suffering & divided.later).bit_count() >= settings.min_bad
        ):
            found.append((now * seconds / max(1, before), facet))
    return max(found)[1] if found else None


def _noise(scene: Scene, divided: Outcomes, place: Place, facet: Facet, having: Requests) -> Finding:
    others = divided.later & ~having
    share, before = _share(having, divided.later), _share(having, divided.earlier)
    suffering = _share(divided.suffering, others)
    return Finding(
        code="traces.noisy_neighbour",
        mechanism="noisy_neighbour",
        service=place.service,
        summary=(
            f"{place.service}: {share:.0%} of requests have {facet} since {format_instant(scene.windows.onset_ns)}, "
            f"{before:.0%} before, and {suffering:.0%} of the others fail or are slow"
        ),
        severity=min(1.0, 0.4 + suffering),
        confidence=0.9,
        facts={
            "values": (str(facet),),
            "share": round(share, 4),
            "share_before": round(before, 4),
            "suffering_share": round(suffering, 4),
        },
        citations=place.examples,
        window=scene.windows.incident,
        operation=place.operation,
        resource=str(facet),
    )


def _share(some: Requests, of: Requests) -> float:
    return (some & of).bit_count() / of.bit_count() if of else 0.0


def _place(store: CaseStore, divided: Outcomes, bad: Requests) -> Place | None:
    """Where most of these requests fail, or lose their time, with some that show it."""
    if not divided.failed:
        prepare_request_times(store)
    traces = [divided.traces[number] for number in members(bad)]
    rows = store.query(_DEEPEST if divided.failed else _SLOWEST, traces=traces)
    if not rows:
        return None
    row = rows[0]
    examples = tuple(span_citation(trace, span) for trace, span in row["examples"])
    passing = store.query(_PASSING, service=row["service"], operations=row["operations"])[0]["passing"]
    return Place(str(row["service"]), str(row["operation"]) or None, requests(passing), examples)


_PASSING: Final = """
SELECT groupArray(number) AS passing FROM request_outcomes
WHERE trace_id IN (SELECT trace_id FROM linked_spans
                   WHERE parent_service != service
                     AND service = {service:String} AND name IN {operations:Array(String)})
"""
_DEEPEST: Final = """
WITH failing AS (
    SELECT trace_id, span_id, service, name, parent_service FROM linked_spans
    -- Who is given up on while it works fails its caller too.
    WHERE trace_id IN {traces:Array(String)} AND parent_service != service
      AND (failed OR (parent_failed AND duration_ns > parent_duration_ns))
)
SELECT service, groupUniqArray(name) AS operations, topK(1)(toString(name))[1] AS operation, count() AS n,
       arraySlice(arraySort(groupArray((trace_id, span_id))), 1, 3) AS examples
FROM failing WHERE (trace_id, service) NOT IN (SELECT trace_id, parent_service FROM failing)
GROUP BY service ORDER BY n DESC, service LIMIT 1
"""
_SLOWEST: Final = """
WITH doors AS (
    SELECT trace_id, service, sum(greatest(0, parent_duration_ns - duration_ns)) AS gap_ns FROM linked_spans
    WHERE has_parent AND parent_service != service AND kind != 'consumer' GROUP BY trace_id, service
),
times AS (
    -- What a service takes for a request, with the time that its callers wait at its door.
    SELECT r.service AS service, r.entry AS entry, r.trace_id IN {traces:Array(String)} AS bad,
           r.self_ns + d.gap_ns AS self_ns, r.trace_id AS trace_id, r.span_id AS span_id
    FROM request_times AS r LEFT JOIN doors AS d ON r.trace_id = d.trace_id AND r.service = d.service
)
SELECT service, groupUniqArrayIf(entry, bad) AS operations, topKIf(1)(toString(entry), bad)[1] AS operation,
       (avgIf(self_ns, bad) - avgIf(self_ns, NOT bad)) * countIf(bad) AS lost_ns,
       arrayMap(one -> (one.2, one.3),
                arraySlice(arrayReverseSort(groupArrayIf((self_ns, trace_id, span_id), bad)), 1, 3)) AS examples
FROM times GROUP BY service HAVING countIf(bad) > 0 AND countIf(NOT bad) > 0
ORDER BY lost_ns DESC, service LIMIT 1
"""

DETECTOR = Detector(
    code="traces.set_apart",
    kinds=(
        Kind("traces.set_apart"),
        Kind("traces.bad_input", directness=0.95, family="seen"),
        Kind("traces.noisy_neighbour", directness=0.95, family="seen"),
    ),
    mechanisms=("bad_input", "noisy_neighbour", "exception", "latency_regression"),
    needs=("spans",),
    settings=Settings(),
    detect=detect,
)
