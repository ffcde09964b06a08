"""A certificate, or another credential, passed its end of validity.

Looks for: errors of certificate validation that speak of expiry, or of a key or secret that has expired; an end of
validity (notAfter) that is written in logs or in the alert, and a gauge of remaining life that crosses zero.

Why it matters: everything that trusts the certificate fails at one instant, with no deploy anywhere near; whatever was
deployed last to the client is blamed, and rolling it back changes nothing.

Stays silent when: handshakes fail for other reasons (unknown authority, wrong host name, protocol version): those may
well come from a change; and when nothing says that a certificate is past its end.

Example finding: `orders: calls began to fail when the certificate of payments.internal expired at 15:04:00Z`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from ...domain.citation import Citation
from ...domain.finding import Finding
from ...domain.instant import NS_PER_S, format_instant, parse_instant
from ..base import Detector, Kind, Scene
from ..symptoms.shifts import shifts
from ..symptoms.symptom import Shift, Text
from ..symptoms.texts import new_texts
from ..vocabulary.lexicon import kinds_of_text
from .notices import notices

_NOT_AFTER: Final = re.compile(
    r"(?i)(?:not\s?after|expire[sd]?(?: at| on)?|valid until|is after)[\s:=\"']{1,4}"
    r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:\.\d+)?\s?(?:Z|UTC|[+-]\d\d:?\d\d)?"
    r"|[A-Z][a-z]{2} [A-Z][a-z]{2} +\d+ \d\d:\d\d:\d\d \w+ \d{4}|[A-Z][a-z]{2} +\d+ \d\d:\d\d:\d\d \d{4} GMT)"
)
_OWNER: Final = re.compile(
    r"\bCN\s?=\s?([\w.*\-]+)|\bcertificate (?:for|of) ['\"]?([\w.*\-]+\.[\w.\-]+)|https?://([\w.\-]+)|"
    r"\bhandshake (?:to|with) ([\w.\-]+)"
)
_TEXT_DATES: Final = ("%a %b %d %H:%M:%S %Z %Y", "%b %d %H:%M:%S %Y %Z")


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        max_gap_s: an end of validity this near to the onset is its reason; clients hold sessions open for some
            minutes beyond it, and gauges are scraped once a minute or less.
        proven: confidence when an expiry error and a matching end of validity agree.
        said: confidence when the errors alone say so: libraries mean what they say, but a skewed clock says it too.
    """

    max_gap_s: float = 1800.0
    proven: float = 0.97
    said: float = 0.85


def detect(scene: Scene, settings: Settings) -> list[Finding]:
    """Find the expired certificate, if errors speak of one."""
    texts = [text for text in new_texts(scene) if "certificate_expired" in kinds_of_text(text.text)]
    if not texts:
        return []
    said = [text.text for text in texts] + _validity_lines(scene) + [n.text for n in notices(scene.store, "alert")]
    ends = [end for text in said for end in _ends_of_validity(text)]
    near = [end for end in ends if abs(end - scene.windows.onset_ns) <= settings.max_gap_s * NS_PER_S]
    gauges = [s for s in shifts(scene) if _crosses_zero(s)]
    proven = bool(near or gauges)
    service = min(texts, key=lambda text: (text.first_ns, text.service)).service
    owner = _owner(said)
    end = min(near, key=lambda e: (abs(e - scene.windows.onset_ns), e), default=None)
    what = "the certificate" if any("certificate" in text.lower() for text in said) else "the credential"
    when = f" at {format_instant(end)}" if end else ""
    return [
        Finding(
            "external.certificate_expired",
            "certificate_expired",
            service,
            f"{service}: calls began to fail when {what} of {owner or 'the peer they go to'} expired{when}",
            severity=0.9,
            confidence=settings.proven if proven else settings.said,
            facts={
                "certificate": owner,
                "not_after": format_instant(end) if end else None,
                "services": tuple(sorted({t.service for t in texts})),
            },
            citations=_citations(texts, gauges),
            window=scene.windows.incident,
            resource=owner,
        )
    ]


def _validity_lines(scene: Scene) -> list[str]:
    # Lines that state a validity are often informational, and so no new trouble.
    rows = scene.store.query(
        "SELECT DISTINCT substring(body, 1, 600) AS body FROM logs WHERE match(body, '(?i)not ?after|valid until') "
        "ORDER BY body LIMIT 50"
    )
    return [row["body"] for row in rows]


def _ends_of_validity(text: str) -> list[int]:
    found = []
    for match in _NOT_AFTER.finditer(text):
        instant = parse_instant(match[1].strip()) or _text_date(match[1])
        if instant is not None:
            found.append(instant)
    return found


def _text_date(text: str) -> int | None:
    for form in _TEXT_DATES:
        try:
            moment = datetime.strptime(re.sub(r"\s+", " ", text), form).replace(tzinfo=UTC)
        except ValueError:
            continue
        return int(moment.timestamp()) * NS_PER_S
    return None


def _crosses_zero(shift: Shift) -> bool:
    return shift.kind == "certificate_expired" and shift.before > 0 >= shift.after


def _owner(texts: Iterable[str]) -> str | None:
    for text in texts:
        match = _OWNER.search(text)
        if match:
            return next(group for group in match.groups() if group).rstrip(".")
    return None


def _citations(texts: Sequence[Text], gauges: Sequence[Shift]) -> tuple[Citation, ...]:
    said = (citation for text in texts[:4] for citation in text.citations)
    measured = (citation for gauge in gauges[:2] for citation in gauge.citations)
    return tuple(dict.fromkeys((*said, *measured)))


DETECTOR: Final = Detector(
    "external.certificate_expired",
    (Kind("external.certificate_expired", family="outside"),),
    ("certificate_expired",),
    (),
    Settings(),
    detect,
)
