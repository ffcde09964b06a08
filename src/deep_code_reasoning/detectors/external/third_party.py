"""Somebody else's service answers with errors of its own.

Looks for: new errors that name a host or peer outside the system, and in which that peer itself says that it cannot
(5xx, overload, quota, maintenance): its answer, not our deadline.

Why it matters: the fault is behind a contract, not behind a commit; the remedy is to escalate, fail over or wait.

Stays silent when: errors towards a peer are of our own making (time-outs that we set, names that do not resolve, wrong
credentials, 4xx apart from quotas), the peer is one of the system's own services, most calls to it succeed, or no more
of such errors are heard than in the calm: a few fail on any day.

Example finding: `payments, subscriptions: api.psp.example answers 503 since 09:12:04Z`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from ...domain.finding import Finding
from ..base import Detector, Kind, Scene
from ..symptoms.symptom import Text
from ..symptoms.texts import telling_texts
from ..timeline.exits import prepare_exits
from ..timeline.services import service_names

_HOST: Final = re.compile(
    r"(?<![\w.@\-])(?:https?://)?((?:[a-zA-Z0-9](?:[\w\-]*\w)?\.)+(?:com|net|org|io|dev|cloud|co|app|"
    r"ai|eu|us|de|uk|example|gov|edu|info|biz|me|tv))(?![\w-]|\.\w)(?![\w.]*\()(?::\d+)?"
)
_INSIDE: Final = re.compile(r"(?i)\.(svc|local|internal|cluster|lan|consul|intra|corp)(\.|$)")
_ITS_FAULT: Final = re.compile(
    r"(?i)\b50[0234]\b|internal ?server ?error|internalerror|service ?unavailable|bad gateway|"
    r"gateway timeout|slow ?down|overload|maintenance|temporarily unavailable"
    r"|upstream unavailable|server error|degraded|outage"
)
_QUOTA: Final = re.compile(
    r"(?i)\bquota\b|over_query_limit|daily (request )?limit|plan limit|usage limit|billing|credit|"
    r"insufficient funds on account|account suspended"
)


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        several: confidence when two services or more see the same peer fail: no one change of ours does that.
        single: confidence when one service alone sees it: a malformed request may provoke it.
        quota: confidence when the peer says that a quota is used up: load or a change of ours may have used it.
        min_failing: where calls to the peer are seen, so many of them must fail: retries cover what is less.
    """

    several: float = 0.8
    single: float = 0.6
    quota: float = 0.6
    min_failing: float = 0.3


def detect(scene: Scene, settings: Settings) -> list[Finding]:
    """Find peers outside the system that fail, those that most services see first."""
    own = service_names(scene.store)
    by_host: dict[str, list[Text]] = defaultdict(list)
    for text in telling_texts(scene):
        if _ITS_FAULT.search(text.text) or _QUOTA.search(text.text):
            for host in _peers(text.text, own):
                by_host[host].append(text)
    found = [
        _finding(scene, host, texts, settings)
        for host, texts in by_host.items()
        if _failing_share(scene, host) >= settings.min_failing
    ]
    return sorted(found, key=lambda f: (-f.confidence, f.summary))[:3]


def _failing_share(scene: Scene, host: str) -> float:
    """Of calls to a peer since the onset, the share that fails, as spans tell it; 1 where no span tells."""
    if prepare_exits(scene.store):
        addressed = scene.store.query(
            "SELECT count() AS calls, countIf(failed) AS failed FROM peer_calls "
            "WHERE peer = {host:String} AND start_ns >= {onset:Int64}",
            host=host,
            onset=scene.windows.onset.start_ns,
        )[0]
        if addressed["calls"]:
            return int(addressed["failed"]) / int(addressed["calls"])
    row = scene.store.query(
        """
        WITH told AS (
            SELECT service, name FROM spans
            WHERE status = 'error' AND positionCaseInsensitive(status_message, {host:String}) > 0
              AND (trace_id, span_id) NOT IN (SELECT trace_id, parent_span_id FROM spans WHERE status = 'error')
            GROUP BY service, name
        )
        SELECT count() AS calls, countIf(status = 'error') AS failed FROM spans
        WHERE start_ns >= {onset:Int64} AND (service, name) IN (SELECT service, name FROM told)
        """,
        host=host,
        onset=scene.windows.onset.start_ns,
    )[0]
    calls, failed = int(row["calls"]), int(row["failed"])
    if failed == 1 < calls:
        return 0.0  # any day has one
    return failed / calls if calls else 1.0


def _finding(scene: Scene, host: str, texts: list[Text], settings: Settings) -> Finding:
    services = sorted({text.service for text in texts})
    # Who calls the peer itself is the deepest of them: the others pass its error on.
    deepest = [name for name in services if not set(services) & set(scene.graph.downstream(name)) - {name}]
    quota = any(_QUOTA.search(text.text) for text in texts)
    confidence = settings.several if len(services) > 1 else settings.quota if quota else settings.single
    first = min(
        (text for text in texts if text.service in deepest or not deepest),
        key=lambda text: (text.first_ns, text.service),
    )
    says = "says that a quota is used up" if quota else "answers with errors of its own"
    return Finding(
        "external.third_party",
        "dependency_outage",
        first.service,
        f"{host} {says} to {', '.join(services)}",
        severity=0.8,
        confidence=confidence,
        facts={"host": host, "services": tuple(services), "quota": quota},
        citations=tuple(c for text in texts[:5] for c in text.citations),
        window=scene.windows.incident,
        resource=host,
    )


def _peers(text: str, own: frozenset[str]) -> set[str]:
    found = set()
    for match in _HOST.finditer(text):
        host = match[1].lower()
        labels = set(host.split("."))
        if not _INSIDE.search(host) and not labels & {name.lower() for name in own}:
            found.add(host)
    return found


DETECTOR: Final = Detector(
    "external.third_party",
    (Kind("external.third_party", family="outside"),),
    ("dependency_outage",),
    (),
    Settings(),
    detect,
)
