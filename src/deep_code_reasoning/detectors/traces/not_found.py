"""Answers that say "not found" of what was found before.

Looks for: an operation that begins to answer that there is no such thing (HTTP 404 or 410, gRPC NOT_FOUND) to many of
those who ask, where it used to find nearly all.

Why it matters: by the conventions of HTTP and of OpenTelemetry such an answer is no error of the server's: nothing in
it fails and it logs nothing. Its callers stop short, or fail, and look like the culprits. Who asks did not change, and
neither did what is asked; so the answer did.

Stays silent when: something that was called for it said so first; one of several callers alone is told so (it asks for
what is not there); the name of the operation is no more than a method: then the path is of no route that was ever
served.

Example finding: `catalog: Get says "not found" to 52% of 140 calls since 10:23:00, 1% before, whoever asks`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ...domain.citation import Citation
from ...domain.finding import Finding
from ...domain.instant import format_instant
from ...domain.window import Window
from ...store import CaseStore
from ..base import Detector, Kind, Scene, Skipped
from ..timeline.linked_spans import prepare_linked_spans, taken_traces
from ..timeline.rises import Rise, rises
from ..timeline.span_facts import ABSENT, span_facts
from ..timeline.time_steps import step_of, time_steps

_METHOD: Final = r"^(HTTP )?[A-Z]+$"


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        min_missing: fewer such answers than this are what people mistype.
        min_rise: the share of them must rise by so much: what is asked for varies.
        min_probability: a finding must be nearly sure: no one reports an error.
        min_calls: so many calls of a caller tell what it is answered.
        spared: a caller that is told so so many times less often than all is served.
    """

    min_missing: int = 5
    min_rise: float = 0.15
    min_probability: float = 0.9
    min_calls: int = 5
    spared: float = 0.25


def detect(scene: Scene, settings: Settings) -> Sequence[Finding] | Skipped:
    """Find operations that no longer find what they are asked for."""
    if not _prepare_answers(scene.store):
        return Skipped("no span was answered that there is no such thing")
    steps = time_steps(scene.store, "linked_spans")
    rows = scene.store.query(
        f"""
        SELECT service, name, groupArray((step, n, absent)) AS steps, sum(absent) AS concerned
        FROM (
            SELECT service, name, {step_of("start_ns")} AS step, count() AS n, sum(missing) AS absent
            FROM answers GROUP BY service, name, step
        )
        GROUP BY service, name HAVING concerned >= {{least:UInt32}} ORDER BY service, name
        """,
        least=settings.min_missing,
        **steps.parameters(),
    )
    found = [
        _finding(scene, rise)
        for rise in rises(rows, steps, settings.min_probability, looked_at=len(rows))
        if rise.change.rate_after - rise.change.rate_before >= settings.min_rise
        and not _serves_others(scene.store, rise, settings)
    ]
    return sorted(found, key=lambda f: (-f.severity * f.confidence, f.service, f.operation or ""))


def _prepare_answers(store: CaseStore) -> bool:
    """The table `answers`: calls into a service, who made each, and whether it was the first to say "not found".

    False when none was.
    """
    if not span_facts(store).absent:
        return False
    prepare_linked_spans(store)
    store.derive(
        "absent",
        f"""
        SELECT trace_id, span_id, parent_span_id FROM spans
        WHERE ({ABSENT}) AND cityHash64(trace_id) % {{every:UInt32}} = 0
        """,
        every=taken_traces(store),
    )
    store.derive(
        "answers",
        """
        SELECT service, name, parent_service AS caller, start_ns, trace_id, span_id,
               (trace_id, span_id) IN (SELECT trace_id, span_id FROM absent)
                   AND (trace_id, span_id) NOT IN (SELECT trace_id, parent_span_id FROM absent) AS missing
        FROM linked_spans
        WHERE parent_service != service AND kind NOT IN ('client', 'producer', 'consumer')
          AND NOT match(name, {method:String})
        """,
        method=_METHOD,
    )
    return bool(store.query("SELECT max(missing) AS n FROM answers")[0]["n"])


def _serves_others(store: CaseStore, rise: Rise, settings: Settings) -> bool:
    """Whether some caller is served as before, so that another one asks for what is not there."""
    rows = store.query(
        """
        SELECT caller, avg(missing) AS share FROM answers
        WHERE service = {service:String} AND name = {name:String} AND start_ns >= {since:Int64}
        GROUP BY caller HAVING count() >= {least:UInt32} ORDER BY caller
        """,
        service=rise.row["service"],
        name=rise.row["name"],
        since=rise.since_ns,
        least=settings.min_calls,
    )
    return any(float(row["share"]) < settings.spared * rise.change.rate_after for row in rows)


def _finding(scene: Scene, rise: Rise) -> Finding:
    service, name, change = str(rise.row["service"]), str(rise.row["name"]), rise.change
    rows = scene.store.query(
        """
        SELECT start_ns, trace_id, span_id FROM answers
        WHERE service = {service:String} AND name = {name:String} AND missing AND start_ns >= {since:Int64}
        ORDER BY start_ns, trace_id, span_id LIMIT 3
        """,
        service=service,
        name=name,
        since=rise.since_ns,
    )
    onset_ns = int(rows[0]["start_ns"])
    return Finding(
        code="traces.not_found",
        mechanism="wrong_result",
        service=service,
        summary=(
            f'{service}: {name} says "not found" to {change.rate_after:.0%} of {change.trials_after} calls since '
            f"{format_instant(onset_ns)}, {change.rate_before:.0%} before, whoever asks"
        ),
        # A wrong answer is grave, however many are right.
        severity=min(1.0, 0.7 + 0.3 * change.rate_after),
        confidence=min(0.95, rise.probability),
        facts={
            "share_before": round(change.rate_before, 4),
            "share": round(change.rate_after, 4),
            "onset": format_instant(onset_ns),
        },
        citations=tuple(Citation("span", f"{row['trace_id']}/{row['span_id']}") for row in rows),
        window=Window(onset_ns, max(onset_ns + 1, scene.windows.incident.end_ns)),
        operation=name,
    )


DETECTOR = Detector(
    code="traces.not_found",
    kinds=(Kind("traces.not_found", directness=0.95, symptom="inherited", family="shown"),),
    mechanisms=("wrong_result",),
    needs=("spans",),
    settings=Settings(),
    detect=detect,
    dated=True,
)
