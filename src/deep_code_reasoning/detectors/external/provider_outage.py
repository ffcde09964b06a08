"""A provider or platform says itself that it is degraded, and what fails is what it provides.

Looks for: events of status pages that were open at the onset and began near it, and that speak of what the errors
speak of (the product, the host, the operation, the region); or of a component that several services depend on.

Why it matters: the most tempting change is always the last one on the path to the provider; no rollback helps.

Stays silent when: the event is over, began long before or after the onset, or is about something that no error here
mentions: some product of a large provider is degraded at any time.

Example finding: `Amazon S3 (us-east-1) was degraded from 13:46Z; calls of media to it began to fail at 13:46:11Z`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ...domain.finding import Finding
from ...domain.instant import NS_PER_S, format_instant
from ..base import Detector, Kind, Scene, Skipped
from ..symptoms.symptom import Text
from ..symptoms.texts import new_texts
from ..vocabulary.words import telling_words
from .notices import Notice, notices

_CALM: Final = re.compile(
    r"(?i)\b(operational|operating[- _]normally|normal|resolved|completed|ok|healthy|up|scheduled|"
    r"available|green|informational|closed|postmortem)\b"
)
# Words that every status page says; they tie an event to nothing.
_SAID_ALWAYS: Final = telling_words(
    ["elevated increased rates rate latency latencies error errors requests request degraded "
    "degradation performance service services "
     "experiencing investigating monitoring identified region regions issue issues customers affected "
     "impact impacted may we are "
     "operations api apis some other upstream provider status unavailable timeout timeouts failures "
     "failure failed started incident "
     "health dashboard detail source component event cluster infra slow fetch calls call connection multiple"]
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        max_lead_s: an event may be told as begun this long before the onset: providers date events back, and
            harm needs load to show.
        max_lag_s: status pages are late, often by a quarter of an hour.
        min_shared_words: an event must share so many telling words with the errors; one alone ("redis") happens.
        aligned_s: within this of the onset, time itself speaks for the event.
        related, aligned: confidence in an event that is related, and in one that is aligned in time as well.
    """

    max_lead_s: float = 3600.0
    max_lag_s: float = 1200.0
    min_shared_words: int = 2
    aligned_s: float = 600.0
    related: float = 0.75
    aligned: float = 0.93


def detect(scene: Scene, settings: Settings) -> list[Finding] | Skipped:
    """Find provider events that explain the errors, the best explained first."""
    events = notices(scene.store, "status")
    if not events:
        return Skipped("the case has no status feed")
    texts = new_texts(scene)
    found = [finding for event in events if (finding := _weigh(event, texts, scene, settings)) is not None]
    return sorted(found, key=lambda f: (-f.confidence, f.summary))[:3]


def _weigh(event: Notice, texts: Sequence[Text], scene: Scene, settings: Settings) -> Finding | None:
    onset = scene.windows.onset_ns
    lag_s = (event.start_ns - onset) / NS_PER_S
    if not event.start_ns or not -settings.max_lead_s <= lag_s <= settings.max_lag_s or 0 < event.end_ns <= onset:
        return None
    if _CALM.search(event.status.replace("_", " ")):
        return None
    told = telling_words([event.subject, event.text]) - _SAID_ALWAYS
    tied = [
        (text, shared)
        for text in texts
        if len(shared := told & telling_words([text.text, text.service])) >= settings.min_shared_words
    ]
    if not tied:
        return None
    services = sorted({text.service for text, _ in tied})
    # What the event is about is the component itself, and not one of those that it hurts.
    spoken = f"{event.subject} {event.text}".lower()
    components = {name for name in services if name.lower() in spoken}
    hurt = [pair for pair in tied if pair[0].service not in components] or tied
    first = min(hurt, key=lambda pair: (pair[0].first_ns, pair[0].service))[0]
    aligned = abs(lag_s) <= settings.aligned_s
    words = sorted({word for _, shared in tied for word in shared})
    return Finding(
        "external.provider_outage",
        "dns_failure" if "dns" in told or "coredns" in told else "dependency_outage",
        first.service,
        f"{event.subject or event.id} is {event.status or 'degraded'} from {format_instant(event.start_ns)} on; "
        f"errors of {', '.join(services)} speak of it",
        severity=0.9,
        confidence=settings.aligned if aligned else settings.related,
        facts={
            "provider": event.subject,
            "status": event.status,
            "services": tuple(services),
            "components": tuple(sorted(components)),
            "shared_words": tuple(words[:10]),
            "lag_s": round(lag_s, 1),
        },
        citations=(event.citation, *(c for text, _ in tied[:4] for c in text.citations)),
        window=scene.windows.incident,
        resource=event.subject or None,
    )


DETECTOR: Final = Detector(
    "external.provider_outage",
    (Kind("external.provider_outage", family="outside"),),
    ("dependency_outage", "dns_failure"),
    (),
    Settings(),
    detect,
)
