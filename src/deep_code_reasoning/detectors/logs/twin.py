"""Two services that run the same code, and one of them stops short.

Looks for: a message that two services write from the same logger (a shared library, a service and its sibling made from
it). In the one another message always follows; in the other that one never comes, the path ends there.

Why it matters: when evidence begins after the fault did, there is no calm stretch to compare with. A twin is the next
best thing: it shows what the same code does where it is not broken.

Stays silent when: the path that has no successor goes on with something else (the twins differ by design), or the
missing message comes at least once; there are too few requests on either side.

Example finding: `orders-eu: after OrderService#31 nothing follows (53 of 53 requests), while orders-us, which runs the
same code, goes on to OrderService#37 (45 of 45)`.

Confidence is modest: twins may differ for a reason, and a branch that some inputs take may not have been taken yet. How
likely that is depends on how many requests never took it and on how many messages were compared.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ...domain.citation import span_citation
from ...domain.finding import Finding
from ...store import CaseStore
from ..base import Detector, Kind, Scene, Skipped
from ..timeline.change_point import probability
from .steps import SEPARATOR, prepare_statements

_LINE_OF_PLACE: Final = re.compile(r"^(.*#)(\d+)$")


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        min_requests: on either side; that all of three go on here and none of three there is chance in one of twenty
            cases even if half of all requests did.
        always: share of requests from which on a successor "always" follows, or a path "always" ends.
        confidence: of a finding that cannot be chance; see the module's text.
    """

    min_requests: int = 3
    always: float = 0.9
    confidence: float = 0.6


@dataclass(frozen=True, slots=True)
class Follower:
    """What follows a message in one service: in how many of its requests, and both statements' places there."""

    requests: int
    place: str
    next_place: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message of one service: in how many requests it came, and what followed ('' for the end of the span)."""

    service: str
    logger: str
    text: str
    requests: int
    followers: dict[str, Follower]


def detect(scene: Scene, settings: Settings) -> Sequence[Finding] | Skipped:
    """Find paths that end in one service where its twin goes on."""
    shared: dict[tuple[str, str], list[Message]] = defaultdict(list)
    for message in _messages(scene.store):
        if message.requests >= settings.min_requests:
            shared[(message.logger, message.text)].append(message)
    findings = []
    compared = sum(len(group) > 1 for group in shared.values())
    for group in shared.values():
        for short in group:
            ended = short.followers.get("")
            if ended is None or ended.requests < settings.always * short.requests:
                continue
            for whole in group:
                follower = _missing(short, whole, settings)
                if follower is not None:
                    findings.append(
                        _finding(scene, short, whole, follower, settings.confidence * _sureness(short, compared))
                    )
                    break
    findings.sort(key=lambda f: (-f.severity, f.service, f.code_region or ""))
    return findings


def _sureness(short: Message, compared: int) -> float:
    """Probability that a path is broken rather than not taken yet.

    A branch whose share is unknown (uniform) is missing from `n` requests with probability 1 / (n + 1), a broken path
    with certainty; one of the `compared` messages may be broken.
    """
    return probability(math.log(short.requests + 1), compared)


def _missing(short: Message, whole: Message, settings: Settings) -> Follower | None:
    """What always follows in `whole` and never in `short`."""
    if whole.service == short.service:
        return None
    for text, follower in sorted(whole.followers.items()):
        if text and text not in short.followers and follower.requests >= settings.always * whole.requests:
            return follower
    return None


def _messages(store: CaseStore) -> list[Message]:
    """Messages that at least two services write from the same logger, with what follows each within a span.

    A message is its template without numbers, so that statements which differ in their line alone are the same text.
    """
    if not _prepare_shared_messages(store):
        return []
    rows = store.query(
        """
        WITH totals AS (
            SELECT service, logger, text, uniqExact(trace_id) AS requests FROM message_pairs
            GROUP BY service, logger, text
        )
        SELECT service, logger, text, max(totals.requests) AS requests, next_text, uniqExact(trace_id) AS followed,
               min(place) AS place, min(next_place) AS next_place
        FROM message_pairs JOIN totals USING (service, logger, text)
        GROUP BY service, logger, text, next_text
        ORDER BY logger, text, service, next_text
        """
    )
    messages: dict[tuple[str, str, str], Message] = {}
    for row in rows:
        key = (row["service"], row["logger"], row["text"])
        message = messages.setdefault(key, Message(*key, int(row["requests"]), {}))
        message.followers[row["next_text"]] = Follower(int(row["followed"]), row["place"], row["next_place"])
    return list(messages.values())


def _prepare_shared_messages(store: CaseStore) -> bool:
    """Make the table `message_pairs`: each shared message with what follows it. False when none is shared."""
    prepare_statements(store)
    store.derive(
        "shared_messages",
        """
        WITH
            texts AS (
                SELECT shape, min(replaceRegexpAll(template, '#\\d+|<\\*>|\\d+', '')) AS text
                FROM log_shapes GROUP BY shape
            ),
            loggers AS (
                SELECT replaceRegexpOne(place, '#\\d+$', '') AS logger
                FROM (SELECT DISTINCT service, place FROM statements)
                WHERE place LIKE '%#%' GROUP BY logger HAVING uniqExact(service) > 1
            )
        SELECT DISTINCT trace_id, span_id, service, place, written_at, if(written_at = '', time_ns, 0) AS stamp,
               replaceRegexpOne(place, '#\\d+$', '') AS logger, text
        FROM statements LEFT ANY JOIN texts USING (shape)
        WHERE logger IN loggers
        """,
        "trace_id String, span_id String, service LowCardinality(String), place String, written_at String, "
        "stamp Int64, logger String, text String",
    )
    if not store.query("SELECT count() AS n FROM shared_messages")[0]["n"]:
        return False
    store.derive(
        "message_pairs",
        """
        WITH
            shared AS (SELECT logger, text FROM shared_messages GROUP BY logger, text HAVING uniqExact(service) > 1),
            paths AS (
                SELECT trace_id, service, arraySort(groupArray((written_at, stamp, logger, text, place))) AS path
                FROM shared_messages GROUP BY trace_id, span_id, service
            )
        SELECT trace_id, service, step.3 AS logger, step.4 AS text, step.5 AS place,
               path[place_in_path + 1].4 AS next_text, path[place_in_path + 1].5 AS next_place
        FROM paths ARRAY JOIN path AS step, arrayEnumerate(path) AS place_in_path
        WHERE (step.3, step.4) IN shared
        """,
        "trace_id String, service LowCardinality(String), logger String, text String, place String, "
        "next_text String, next_place String",
    )
    return True


def _finding(scene: Scene, short: Message, whole: Message, follower: Follower, confidence: float) -> Finding:
    place = short.followers[""].place
    expected = _same_distance(follower.place, follower.next_place, place)
    spans = scene.store.query(
        """
        SELECT DISTINCT trace_id, span_id, time_ns FROM statements
        WHERE service = {service:String} AND place = {place:String}
        ORDER BY time_ns, trace_id, span_id LIMIT 3
        """,
        service=short.service,
        place=place,
    )
    return Finding(
        code="logs.twin",
        mechanism="exception",
        service=short.service,
        summary=(
            f"{short.service}: after {place} nothing follows ({short.followers[''].requests} of {short.requests} "
            f"requests), while {whole.service}, which runs the same code, goes on to {follower.next_place} "
            f"({follower.requests} of {whole.requests})"
        ),
        severity=1.0,
        confidence=confidence,
        facts={
            "requests": short.requests,
            "twin": whole.service,
            "twin_requests": whole.requests,
            "twin_region": f"{follower.place}{SEPARATOR}{follower.next_place}",
            "region_end_inferred_from_twin": expected is not None,
        },
        citations=tuple(span_citation(row["trace_id"], row["span_id"]) for row in spans),
        window=scene.windows.incident,
        code_region=f"{place}{SEPARATOR}{expected}" if expected else None,
    )


def _same_distance(place: str, next_place: str, here: str) -> str | None:
    """Where the missing statement stands: as many lines after `here` as in the twin, when both are of one file."""
    parts = [_LINE_OF_PLACE.match(text) for text in (place, next_place, here)]
    if not all(parts):
        return None
    (file, line), (next_file, next_line), (here_file, here_line) = (part.groups() for part in parts if part)
    if not file == next_file == here_file:
        return None
    return f"{here_file}{int(here_line) + int(next_line) - int(line)}"


DETECTOR = Detector(
    code="logs.twin",
    kinds=(Kind("logs.twin", directness=0.9, family="standing"),),
    mechanisms=("exception",),
    needs=("spans", "logs"),
    settings=Settings(),
    detect=detect,
)
