"""A process that does not come up.

Looks for: a service whose new processes the platform starts again and again, because each one ends soon after its
start ("back-off restarting failed container", `CrashLoopBackOff`).

Why it matters: while processes of the version before go on serving, hardly a request fails; what the others lose is
that there are fewer. The last words of a process that ends at its start tell why.

Stays silent when: it was so from the beginning of the evidence (a pod that nobody misses); a process was killed for
its memory (`metrics/shortage.py`, `traces/unreachable.py`); the platform speaks of it once.

Example finding: `vets: does not come up since 10:05:02, restarted 5 times; its last words: "KeyError: 'REGION'"`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ...domain.citation import log_citation
from ...domain.finding import Finding
from ...domain.instant import NS_PER_S, format_instant
from ...domain.window import Window
from ...store import CaseStore, Row
from ..base import Detector, Kind, Scene
from ..timeline.names import whose
from ..timeline.services import service_names, traced_services
from ..vocabulary.lexicon import kinds_of_text
from .steps import ERROR_LEVEL

_BACKED_OFF: Final = r"(?i)back-?off restarting|crash.?loop.?back.?off"


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        min_times: platforms wait longer after each failed start: one may be a dependency that was late.
        last_words_s: a process that ends at its start does so within a minute, and the platform speaks right after.
        calm_share: what is so within the first twentieth of the evidence was so before it.
        severity: some of a service's processes are missing, and others may serve.
        confidence: the platform says it outright.
    """

    min_times: int = 2
    last_words_s: int = 60
    calm_share: float = 0.05
    severity: float = 0.9
    confidence: float = 0.9


def detect(scene: Scene, settings: Settings) -> Sequence[Finding]:
    """Find services whose processes are started again and again, the one most often restarted first."""
    span = scene.store.time_range("logs")
    services = service_names(scene.store)
    serving = traced_services(scene.store)
    events: dict[str, list[Row]] = defaultdict(list)
    for row in scene.store.query(_EVENTS, backed_off=_BACKED_OFF):
        events[whose(row["service"], (row["body"], *row["told"]), serving, services)].append(row)
    begin_ns = span.start_ns + int(settings.calm_share * (span.end_ns - span.start_ns)) if span is not None else 0
    found = [
        _finding(scene, service, told, settings)
        for service, told in sorted(events.items())
        if service and len(told) >= settings.min_times and told[0]["time_ns"] >= begin_ns
    ]
    return sorted((f for f in found if f is not None), key=lambda f: (-int(str(f.facts["times"])), f.service))


_EVENTS: Final = """
SELECT time_ns, service, body, mapValues(attributes) AS told, source_id, line, item FROM logs
WHERE match(body, {backed_off:String}) ORDER BY time_ns, source_id, line, item LIMIT 1000
"""


def _finding(scene: Scene, service: str, told: Sequence[Row], settings: Settings) -> Finding | None:
    words = _last_words(scene.store, service, [int(row["time_ns"]) for row in told], settings)
    said = str(words[0]["body"]) if words else ""
    if "oom" in kinds_of_text(said):
        return None
    since_ns = int((words or told)[0]["time_ns"])
    return Finding(
        code="logs.crash_loop",
        mechanism="startup_failure",
        service=service,
        summary=(
            f"{service}: does not come up since {format_instant(since_ns)}, restarted {len(told)} times"
            + (f'; its last words: "{said[-160:]}"' if said else "")
        ),
        severity=settings.severity,
        confidence=settings.confidence,
        facts={"times": len(told), "error": said[:300] or None, "onset": format_instant(since_ns)},
        citations=tuple(
            log_citation(scene.store.source(int(row["source_id"])).name, int(row["line"]), int(row["item"]))
            for row in (*words[:2], *told[:3])
        ),
        window=Window(since_ns, max(since_ns + 1, scene.windows.incident.end_ns)),
    )


def _last_words(store: CaseStore, service: str, ends_ns: Sequence[int], settings: Settings) -> list[Row]:
    """The error that is said most often before a service's restarts and in no request, each time that it was said."""
    return store.query(
        f"""
        SELECT time_ns, body, source_id, line, item, count() OVER (PARTITION BY shape) AS times FROM logs
        WHERE service = {{service:String}} AND {ERROR_LEVEL} AND span_id IN ('', '0')
          AND arrayExists(ended -> time_ns BETWEEN ended - {{within:Int64}} AND ended, {{ends:Array(Int64)}})
        ORDER BY times DESC, shape, time_ns, source_id, line, item LIMIT 100
        """,
        service=service,
        ends=list(ends_ns),
        within=settings.last_words_s * NS_PER_S,
    )


DETECTOR: Final = Detector(
    code="logs.crash_loop",
    kinds=(Kind("logs.crash_loop", directness=1.0, symptom="own", family="shown", outright=True),),
    mechanisms=("startup_failure",),
    needs=("logs",),
    settings=Settings(),
    detect=detect,
    dated=True,
)
