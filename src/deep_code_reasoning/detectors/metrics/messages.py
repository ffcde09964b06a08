"""Messages that pile up: nobody takes them fast enough, or they are taken and never acknowledged.

Looks for: a queue, topic or subscription whose depth, lag or number of unacknowledged messages leaves what is usual
and stays away from it.

Why it matters: producers notice nothing; the work is simply not done, until memory or retention ends. What is taken
and not acknowledged is held by broker and consumer alike, and comes again after a restart.

Stays silent when: the depth comes and goes as it always did, there is hardly more than consumers work on at a time, or
the metric is about workers or connections.

Example finding: `mailer: messages of orders are taken and not acknowledged since 09:19:50 (9 now, 0 usual)`.

The consumer's spans tell the two apart. Where the broker counts what is held unacknowledged, that is far more than
what is in work at a time (Little's law over the spans). Where all is one lag: who takes what comes as soon as before,
and is behind nevertheless, does not acknowledge.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from ...domain.citation import metric_citation
from ...domain.finding import Finding
from ...domain.instant import format_instant
from ...domain.window import Window
from ...domain.wording import figure
from ...store import CaseStore
from ...store.counters import MESSAGES_DONE
from ..base import Detector, Kind, Scene, Skipped
from ..timeline.change_point import median, outcome_change, probability
from ..traces.taken_messages import keeps_pace
from ..vocabulary.metrics import words_of

_DEPTH: Final = frozenset(
    {"queue", "lag", "backlog", "depth", "ready", "undelivered", "outstanding", "unacked", "unacknowledged", "visible"}
)
_HELD: Final = frozenset({"unacked", "unacknowledged", "inflight", "outstanding"})
_OTHERS: Final = frozenset(
    {"worker", "workers", "thread", "threads", "executor", "pool", "connection", "connections", "request", "requests",
     "time", "duration", "seconds", "latency", "age", "run", "cpu", "disk", "limit", "max", "total", "db",
     "replication", "consumers", "subscribers", "listeners", "letter", "letters", "dlq"}
)  # fmt: skip
_MESSAGES: Final = frozenset({"message", "messages"})
# What is counted of messages may be told by a label: `rabbitmq.message.current` has the state `unacknowledged`.
_STATE: Final = re.compile(r"(?i)(^|[._])(state|status)$")
# Labels by which brokers and their exporters name what messages wait in; the conventions' own first.
_DESTINATION: Final = re.compile(r"(?i)destination|queue|topic|subscription|subject|stream|channel")
# What only those say who take messages.
_TAKES: Final = (
    r"(?i)consum|subscri|listener|basic\.(cancel|deliver|ack|nack|reject)|rebalanc|partitions? (assigned|revoked)"
    r"|prefetch|(un)?ack"
)


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        far: a depth is unusual beyond so many times its usual level: queues breathe.
        min_unusual: so many of the latest points must be unusual: one is a burst that is being worked off.
        in_hand: one or two messages beyond those that are in work at a time are between broker and consumer.
        max_chance: where spans tell how many are in work, that so many are held at each of the latest points must be so
            unlikely: points are further apart than messages take, so each is a chance of its own.
        min_probability: a finding is told when it is likelier than not.
        confidence: at most; consumers may be slow for another's sake.
    """

    far: float = 3.0
    min_unusual: int = 3
    in_hand: float = 2.0
    max_chance: float = 0.01
    min_probability: float = 0.5
    confidence: float = 0.9


@dataclass(frozen=True, slots=True)
class _Depth:
    """How many messages of a destination wait, or are held, over time; `apart`: what is held is counted beside it."""

    service: str
    name: str
    destination: str
    held: bool
    apart: bool
    points: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class _Pile:
    """A depth that had left the usual level at `since_ns`, and not yet at `filled_ns`.

    `before` is its mean until then, `least` the lowest of its latest points.
    """

    depth: _Depth
    since_ns: int
    filled_ns: int
    usual: float
    before: float
    least: float
    now: float
    chance: float


@dataclass(frozen=True, slots=True)
class _Consumption:
    """A destination's consumer ('' when no span tells); messages sent, processed, and in work at a time, all since
    they pile up."""

    service: str
    published: int
    processed: int
    in_work: float


def detect(scene: Scene, settings: Settings) -> Sequence[Finding] | Skipped:
    """Find destinations in which messages pile up."""
    depths = _depths(scene.store)
    if not depths:
        return Skipped("no metric tells how many messages wait")
    piles: dict[str, list[_Pile]] = defaultdict(list)
    for depth in depths:
        pile = _pile(depth, len(depths), settings)
        if pile is not None:
            piles[depth.destination or depth.service].append(pile)
    told = (_finding(scene, group, settings) for _, group in sorted(piles.items()))
    found = [finding for finding in told if finding is not None]
    return sorted(found, key=lambda f: (-f.severity * f.confidence, f.service, f.resource or ""))


def _depths(store: CaseStore) -> list[_Depth]:
    names = store.query("SELECT name FROM metrics GROUP BY name ORDER BY name")
    about = {row["name"]: words_of(row["name"]) for row in names}
    wanted = [
        name
        for name, words in about.items()
        if words & (_DEPTH | _MESSAGES) and not words & _OTHERS and (words & _HELD or not words & MESSAGES_DONE)
    ]
    if not wanted:
        return []
    rows = store.query(
        """
        SELECT service, name, attributes, arraySort(groupArray((time_ns, value))) AS points FROM metrics
        WHERE name IN {names:Array(String)} AND isFinite(value) AND time_ns > 0
        GROUP BY service, name, attributes ORDER BY service, name, toString(attributes) LIMIT 2000
        """,
        names=wanted,
    )
    found = []
    for row in rows:
        labels = dict(row["attributes"] or {})
        words = about[row["name"]].union(*(words_of(labels[key]) for key in labels if _STATE.search(key)))
        if not words & _DEPTH:
            continue
        destination = next((labels[key] for key in sorted(labels) if _DESTINATION.search(key)), "")
        points = tuple((int(time), float(value)) for time, value in row["points"])
        found.append(_Depth(row["service"], row["name"], destination, bool(words & _HELD), False, points))
    counted = {depth.service for depth in found if depth.held}
    return [replace(depth, apart=depth.service in counted) for depth in found]


def _pile(depth: _Depth, looked_at: int, settings: Settings) -> _Pile | None:
    values = [value for _, value in depth.points]
    usual = median(sorted(values)[: max(1, len(values) // 2)])
    unusual = [int(value > settings.far * usual + 1) for value in values]
    if not all(unusual[-settings.min_unusual :]) or len(values) <= settings.min_unusual:
        # A depth that grows from nothing passes by 1, which a queue in order may hold too.
        unusual = [int(value > settings.far * usual) for value in values]
    change = outcome_change(unusual, [1] * len(unusual))
    if change is None or not unusual[-1] or change.failures_after < settings.min_unusual:
        return None
    chance = probability(change.log_evidence, max(1, looked_at // 4))
    # That it still grows is evidence of its own: of three points in a row only one order in six does.
    tail = values[change.index :]
    grows = sum(b >= a for a, b in pairwise(tail)) >= 0.75 * (len(tail) - 1)
    if chance < settings.min_probability and not (grows and change.rate_after == 1.0):
        return None
    since_ns, filled_ns = depth.points[change.index][0], depth.points[max(0, change.index - 1)][0]
    before, least = sum(values[: change.index]) / change.index, min(values[-settings.min_unusual :])
    return _Pile(depth, since_ns, filled_ns, usual, before, least, values[-1], max(chance, 0.6 if grows else 0.0))


def _finding(scene: Scene, group: Sequence[_Pile], settings: Settings) -> Finding | None:
    waiting = [pile for pile in group if not pile.depth.held]
    kept = [pile for pile in group if pile.depth.held]
    pile = max(kept or waiting, key=lambda p: (p.now, p.depth.name))
    consumption = _consumption(scene.store, pile.depth.destination, min(p.since_ns for p in group))
    held = _held(scene, kept, waiting, consumption, settings)
    if not held and waiting:
        pile = max(waiting, key=lambda p: (p.now, p.depth.name))
    if _is_in_hand(pile, consumption, settings):
        return None
    service = consumption.service or pile.depth.service
    what = pile.depth.destination or "its queue"
    return Finding(
        code="metrics.messages",
        mechanism="unacknowledged_messages" if held else "message_backlog",
        service=service,
        summary=(
            f"{service}: messages of {what} {'are taken and not acknowledged' if held else 'pile up'} since "
            f"{format_instant(pile.since_ns)} ({pile.depth.name}: {figure(pile.now)} now, {figure(pile.usual)} usual)"
        ),
        severity=0.8,
        confidence=min(settings.confidence, pile.chance),
        facts={
            "metric": pile.depth.name,
            "usual": pile.usual,
            "now": pile.now,
            "published": consumption.published,
            "processed": consumption.processed,
            "in_work": round(consumption.in_work, 3),
            "onset": format_instant(pile.since_ns),
        },
        citations=tuple(
            metric_citation(pile.depth.name, pile.depth.service, time)
            for time in (pile.since_ns, pile.depth.points[-1][0])
        ),
        window=Window(pile.since_ns, max(pile.since_ns + 1, scene.windows.incident.end_ns)),
        resource=pile.depth.destination or pile.depth.name,
    )


def _is_in_hand(pile: _Pile, seen: _Consumption, settings: Settings) -> bool:
    """Whether what waits or is held is what consumers work on at a time, and a moment ago was no more."""
    if pile.depth.held and seen.service:
        chance = _at_least(pile.least - pile.usual, max(seen.in_work, pile.before))
        return chance**settings.min_unusual > settings.max_chance
    return pile.least <= pile.usual + settings.in_hand or pile.now <= pile.usual + seen.in_work + settings.in_hand


def _at_least(count: float, mean: float) -> float:
    """The most that the chance can be of a Poisson number of this mean to be `count` or more (Chernoff's bound)."""
    return math.exp(count - mean - count * math.log(count / mean)) if count > mean > 0 else float(count <= mean)


def _held(
    scene: Scene, kept: Sequence[_Pile], waiting: Sequence[_Pile], seen: _Consumption, settings: Settings
) -> bool:
    """Whether the messages are not acknowledged, rather than not processed."""
    if kept:
        return not waiting or max(pile.now for pile in kept) > settings.far * seen.in_work + 1
    depth = waiting[0].depth
    # What waits at the first point of a pile was sent since the point before it.
    filled_ns = min(pile.filled_ns for pile in waiting)
    return not depth.apart and bool(keeps_pace(scene.store, depth.destination, filled_ns))


def _consumption(store: CaseStore, destination: str, since_ns: int) -> _Consumption:
    """Who takes a destination's messages, and how it does, as spans that name it tell; else who, by logs."""
    told = _told_by_spans(store, destination, since_ns) if destination and store.count("spans") else None
    return told or _Consumption(_consumer_by_logs(store, destination), 0, 0, 0.0)


def _consumer_by_logs(store: CaseStore, destination: str) -> str:
    """The one service whose log says that it takes messages of a destination, or the only one that speaks of it; ''."""
    if not destination or not store.count("logs"):
        return ""
    rows = store.query(
        """
        SELECT service, countIf(match(body, {takes:String})) AS takes FROM logs
        WHERE service != '' AND position(body, {destination:String}) > 0
          AND match(body, concat('(^|[^\\w.-])', regexpQuoteMeta({destination:String}), '($|[^\\w.-])'))
        GROUP BY service ORDER BY takes DESC, service LIMIT 10
        """,
        destination=destination,
        takes=_TAKES,
    )
    takers = [row for row in rows if row["takes"]] or rows
    return str(takers[0]["service"]) if len(takers) == 1 else ""


def _told_by_spans(store: CaseStore, destination: str, since_ns: int) -> _Consumption | None:
    rows = store.query(
        """
        WITH about AS (
            SELECT trace_id, span_id, parent_span_id, service, kind, start_ns, duration_ns FROM spans
            WHERE has(mapValues(attributes), {destination:String})
        ),
        parents AS (
            SELECT trace_id, span_id, service FROM spans
            WHERE (trace_id, span_id) IN (SELECT trace_id, parent_span_id FROM about)
        ),
        sides AS (
            SELECT a.service AS service, a.start_ns AS start_ns, a.duration_ns AS duration_ns,
                   a.kind = 'consumer' OR (a.kind = '' AND p.service != a.service) AS takes,
                   a.kind = 'producer' OR (a.kind = '' AND p.service = a.service) AS sends
            FROM about AS a LEFT ANY JOIN parents AS p ON a.trace_id = p.trace_id AND a.parent_span_id = p.span_id
        )
        SELECT service, countIf(takes) AS taken_ever, countIf(takes AND start_ns >= {since:Int64}) AS taken,
               countIf(sends AND start_ns >= {since:Int64}) AS sent,
               sumIf(duration_ns, takes AND start_ns >= {since:Int64})
                   / greatest(1, (SELECT max(start_ns + duration_ns) FROM spans) - {since:Int64}) AS in_work
        FROM sides GROUP BY service ORDER BY taken_ever DESC, service
        """,
        destination=destination,
        since=since_ns,
    )
    if not rows or not rows[0]["taken_ever"]:
        return None
    first = rows[0]
    return _Consumption(
        first["service"], sum(int(row["sent"]) for row in rows), int(first["taken"]), max(0.0, float(first["in_work"]))
    )


DETECTOR = Detector(
    code="metrics.messages",
    kinds=(Kind("metrics.messages", directness=1.0, family="shown", outright=True),),
    mechanisms=("message_backlog", "unacknowledged_messages"),
    needs=("metrics",),
    settings=Settings(),
    detect=detect,
    dated=True,
)
