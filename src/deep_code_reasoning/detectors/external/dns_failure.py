"""Names no longer resolve.

Looks for: resolution errors (no such host, SERVFAIL, getaddrinfo) for several unrelated names, or from several
services, that begin together; failing name servers.

Why it matters: a resolver's trouble looks like trouble of every dependency at once, and each team blames its own last
deploy. No change of one service makes others fail to resolve other names.

Stays silent when: nothing speaks of resolution. A single name that only one service fails to find is told with little
confidence: a typing error in a configured host looks just like that. Where the resolver says that it failed for now,
and not that there is no such name, it is no typing error.

Example finding: `4 services fail to resolve 4 names since 10:30:05Z, first payments`.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from ...domain.finding import Finding
from ..base import Detector, Kind, Scene
from ..symptoms.shifts import shifts
from ..symptoms.symptom import Text
from ..symptoms.texts import new_texts
from ..vocabulary.lexicon import kinds_of_text
from ..vocabulary.metrics import words_of

_HOST: Final = re.compile(r"(?<![\w.@/\-])((?:[a-zA-Z0-9](?:[\w\-]*\w)?\.)+[a-zA-Z][\w\-]+)(?![\w(])")
_CODE: Final = re.compile(r"(?i)^(java|javax|org|com|net|io|sun|kotlin)\.\w+\.|exception$|error$")
_SERVER: Final = re.compile(r"(?i)\b(servfail|upstreams?|nameservers?|forward|recursion|resolver)\b")
# What only name servers say of a name that they were asked for: CoreDNS, BIND, Unbound.
_SERVING: Final = re.compile(r"(?i)\bplugin/(errors|forward)\b|resolving '[^']+/\w+/in'|servfail <\S+ \w+ in>")
# Whom clients asked: Go names the server's address.
_ASKED: Final = re.compile(r"(?i)\blookup \S+ on (\S+?:\d+): ")

# Words of metrics that say of a name server that it fails, or answers late; more questions are none of these.
_UNWELL: Final = frozenset("servfail duration latency failed failures errors broken timeouts".split())
_FOR_NOW: Final = re.compile(
    r"(?i)temporary failure in name|eai_again|try again|servfail|server misbehaving|"
    r"(lookup|resol\w+|dns).{0,200}(i/o timeout|timed? ?out)|resource temporarily unavailable"
)


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        outage: confidence when several names, from several services or seen by a name server, fail together, or a
            name server is unwell by its own metrics.
        several_names: confidence when one service fails to resolve several names.
        for_now: confidence when the resolver says that it failed, and not that the name does not exist.
        one_name: confidence when it is one name: more often a wrong name than a failing resolver.
    """

    outage: float = 0.93
    several_names: float = 0.7
    for_now: float = 0.75
    one_name: float = 0.35


def detect(scene: Scene, settings: Settings) -> list[Finding]:
    """Find trouble with name resolution."""
    texts = [text for text in new_texts(scene) if "dns" in kinds_of_text(text.text)]
    if not texts:
        return []
    servers = {text.service for text in texts if _is_servers(text)}
    gauges = [s for s in shifts(scene) if s.kind == "dns"]
    clients = sorted({text.service for text in texts} - servers)
    names = sorted({host for text in texts if text.service not in servers for host in _hosts(text)})
    # A resolver that fails, or answers late, by its own metrics is no wrong name of anybody's.
    measured = any(words_of(gauge.name) & _UNWELL for gauge in gauges)
    if measured or (len(names) >= 2 and (len(clients) >= 2 or servers or gauges)):
        confidence = settings.outage
    elif any(_FOR_NOW.search(text.text) for text in texts):
        confidence = settings.for_now
    else:
        confidence = settings.several_names if len(names) >= 2 else settings.one_name
    first = min((t for t in texts if t.service not in servers or not clients), key=lambda t: (t.first_ns, t.service))
    who = f"{len(clients)} services fail" if len(clients) > 1 else f"{first.service} fails"
    what = f"{len(names)} names" if len(names) > 1 else (names[0] if names else "a name")
    asked = {match[1] for text in texts if (match := _ASKED.search(text.text))}
    return [
        Finding(
            "external.dns_failure",
            "dns_failure",
            first.service,
            f"{who} to resolve {what}" + (f"; {', '.join(sorted(servers))} fails as name server" if servers else ""),
            severity=0.9,
            confidence=confidence,
            facts={
                "services": tuple(clients),
                "names": tuple(names[:12]),
                "components": tuple(sorted(servers | {g.service for g in gauges})),
            },
            citations=(*(c for t in texts[:4] for c in t.citations), *(c for g in gauges[:2] for c in g.citations)),
            window=scene.windows.incident,
            resource=names[0] if len(names) == 1 else _only(servers) or _only(asked),
        )
    ]


def _is_servers(text: Text) -> bool:
    """Whether a name server speaks: of itself and of no name, or as only such servers do."""
    return bool(_SERVING.search(text.text)) or bool(_SERVER.search(text.text) and not _hosts(text))


def _only(names: Collection[str]) -> str | None:
    return next(iter(names)) if len(names) == 1 else None


def _hosts(text: Text) -> set[str]:
    return {match[1].lower() for match in _HOST.finditer(text.text) if not _CODE.search(match[1])}


DETECTOR: Final = Detector(
    "external.dns_failure", (Kind("external.dns_failure", family="outside"),), ("dns_failure",), (), Settings(), detect
)
