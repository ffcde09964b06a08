"""What requests lose since a moment against those before it: in which operations, or by calling which more often.

What is compared is an operation's own time, without that of its calls. Time that is lost because something is called
more often is counted to the call that multiplied, and not to what is called.

Times are averaged, not ranked: only means add up to the mean of the whole, and a few requests that wait very long are
a loss as well. Where a caller hangs up before the answer, the time until then is its own: the callee works on for
nobody. They are compared request kind by request kind, weighed as often as each comes since the moment.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ...domain.citation import Citation, span_citation
from ...store import CaseStore
from ..timeline.linked_spans import prepare_linked_spans
from .moved_deadlines import PutOff, deadlines_put_off

# Less is the noise of a scheduler.
_MIN_LOST_MS: Final = 1.0
# Of all that is lost: what is less than a tenth is a side effect.
_MIN_SHARE: Final = 0.1
# Standard errors that a loss must exceed: means of a few dozen requests are unsure. No more, since that something was
# lost is known from their being slower in all.
_MIN_Z: Final = 1.5
# Where nothing tells that they are: of the hundred kinds of spans of a system hardly one is so many standard errors
# slower by chance.
_SURELY: Final = 4.0
# Calls are *more* from this factor on,
_MULTIPLIED: Final = 1.8
# and *many* from so many on for each time that their caller is called.
_MANY: Final = 4.0
# A call that takes half as long again is slower itself, however much more often it is made.
_LONGER: Final = 1.5
# Attributes that name code or what it works on.
_TELLING: Final = (
    "code.",
    "db.query.text",
    "db.statement",
    "db.collection",
    "db.sql",
    "http.route",
    "url.template",
    "messaging.destination",
    "rpc.",
)
Place = tuple[str, str]
"""A service and the name of a span of it."""


@dataclass(slots=True)
class _Side:
    calls: float = 0.0
    self_ms: float = 0.0
    variance: float = 0.0


@dataclass(slots=True)
class _Node:
    """A kind of span below another: what a request spends in it, before and after."""

    place: Place
    parent: Place
    outward: bool
    before: _Side = field(default_factory=_Side)
    after: _Side = field(default_factory=_Side)

    @property
    def lost_ms(self) -> float:
        return self.after.self_ms - self.before.self_ms

    @property
    def error_ms(self) -> float:
        return math.sqrt(self.before.variance + self.after.variance)


@dataclass(frozen=True, slots=True)
class Loss:
    """What requests lose in one operation, or by calling it more often (`multiplied`).

    `is_outside`: it is a call of something that records no traces and is no database of the caller's own, and takes
    longer than before. `caller`: the other service that calls the operation more often, '' where none does.
    `deadline`: calls that hang are waited for longer, where that is what is lost.
    """

    service: str
    operation: str
    callers: tuple[str, ...]
    lost_ms: float
    share: float
    calls_before: float
    calls_after: float
    multiplied: bool
    is_outside: bool
    z: float
    deadline: PutOff | None = None
    caller: str = ""

    @property
    def blamed(self) -> str:
        """The service that lost the time: that of the operation, or the caller that asks it more often."""
        return self.caller or self.service

    @property
    def surely_lost_ms(self) -> float:
        """What is lost, less its standard error."""
        return self.lost_ms * (1 - 1 / self.z)


def losses_between(store: CaseStore, since_ns: int) -> list[Loss]:
    """What the requests since a moment lose against those before it, the greatest loss first."""
    prepare_linked_spans(store)
    nodes = _nodes(store, since_ns)
    by_place: dict[Place, _Side] = defaultdict(_Side)
    before: dict[Place, _Side] = defaultdict(_Side)
    for node in nodes:
        by_place[node.place].calls += node.after.calls
        before[node.place].calls += node.before.calls
    grew = {place for place in by_place if _more(before[place].calls, by_place[place].calls)}
    parents = _parents(nodes)
    groups: dict[tuple[Place, bool], list[_Node]] = defaultdict(list)
    for node in nodes:
        groups[_chief(node, grew, parents)].append(node)
    total = sum(max(0.0, node.lost_ms) for node in nodes)
    put_off = deadlines_put_off(store, since_ns)
    found = []
    for (place, multiplied), members in groups.items():
        lost = sum(node.lost_ms for node in members)
        error = math.sqrt(sum(node.error_ms**2 for node in members))
        deadline = put_off.get(place)
        if deadline is not None:
            lost, error = (by_place[place].calls * ms for ms in (deadline.lost_ms, deadline.error_ms))
        if lost < max(_MIN_LOST_MS, _MIN_SHARE * total) or lost < _MIN_Z * error:
            continue
        found.append(
            Loss(
                *place,
                callers=_callers(place, parents),
                lost_ms=lost,
                share=min(1.0, lost / total),
                calls_before=before[place].calls,
                calls_after=by_place[place].calls,
                multiplied=multiplied and by_place[place].calls >= _MANY * _calls(by_place, place, parents),
                is_outside=all(node.outward for node in members)
                and not (multiplied and not _takes_longer(members))
                and not _is_database(store, place),
                z=lost / max(error, 1e-9),
                deadline=deadline,
                caller=_other_caller(place, parents) if multiplied else "",
            )
        )
    return sorted(found, key=lambda loss: (-loss.surely_lost_ms, loss.service, loss.operation))


def sure_losses(store: CaseStore, since_ns: int) -> list[Loss]:
    """Losses that prove themselves, for where nothing else tells that requests became slower at that moment.

    That a deadline was put off is certain of a few calls (`moved_deadlines.py`).
    """
    return [loss for loss in losses_between(store, since_ns) if loss.z >= _SURELY or loss.deadline is not None]


def _is_database(store: CaseStore, place: Place) -> bool:
    rows = store.query(
        "SELECT count() AS n FROM spans WHERE service = {service:String} AND name = {name:String} "
        "AND (attributes['db.system.name'] != '' OR attributes['db.system'] != '')",
        service=place[0],
        name=place[1],
    )
    return bool(rows[0]["n"])


def _takes_longer(members: Sequence[_Node]) -> bool:
    """Whether each call takes longer, and there are not only more of them."""
    before, after = (
        sum(node.before.self_ms for node in members) / max(1e-9, sum(node.before.calls for node in members)),
        sum(node.after.self_ms for node in members) / max(1e-9, sum(node.after.calls for node in members)),
    )
    return after > _LONGER * before > 0


def _other_caller(place: Place, parents: Mapping[Place, Place]) -> str:
    above = parents.get(place)
    return above[0] if above is not None and above[0] != place[0] else ""


def _more(before: float, after: float) -> bool:
    return after >= _MULTIPLIED * before and after - before >= 0.1


def _parents(nodes: Sequence[_Node]) -> dict[Place, Place]:
    """The usual caller of each operation: that of most calls."""
    best: dict[Place, tuple[float, Place]] = {}
    for node in nodes:
        if node.parent != node.place:
            candidate = (node.after.calls, node.parent)
            best[node.place] = max(best.get(node.place, candidate), candidate)
    return {place: parent for place, (_, parent) in best.items()}


def _callers(place: Place, parents: Mapping[Place, Place]) -> tuple[str, ...]:
    """Names of the operations of the same service that lead to a call, the nearest first."""
    names: list[str] = []
    while (above := parents.get(place)) is not None and above[0] == place[0] and above[1] not in names:
        names.append(above[1])
        place = above
    return tuple(names)


def _calls(by_place: Mapping[Place, _Side], place: Place, parents: Mapping[Place, Place]) -> float:
    """How often an operation's caller is called a request; once where it has none."""
    above = parents.get(place)
    return by_place[above].calls if above is not None and above in by_place else 1.0


def _chief(node: _Node, grew: set[Place], parents: Mapping[Place, Place]) -> tuple[Place, bool]:
    """The highest call above a span, itself included, that is made more often; the span itself when none is."""
    place = node.place
    if place not in grew:
        return place, False
    seen = {place}
    while (above := parents.get(place)) in grew and above not in seen and above is not None:
        seen.add(above)
        place = above
    return place, True


_TIMES: Final = """
WITH roots AS (
    SELECT trace_id, argMin((service, name), (start_ns, span_id)) AS root, min(start_ns) AS at
    FROM linked_spans WHERE NOT has_parent GROUP BY trace_id
),
aside AS (SELECT DISTINCT trace_id, service FROM linked_spans WHERE kind = 'consumer'),
totals AS (SELECT root, countIf(at < {since:Int64}) AS n_before, countIf(at >= {since:Int64}) AS n_after FROM roots
           GROUP BY root HAVING n_before > 2 AND n_after > 2),
spent AS (
    SELECT s.trace_id AS trace_id, (s.service, s.name) AS place, (s.parent_service, s.parent_name) AS parent,
           count() AS calls,
           sum(greatest(0, s.duration_ns - if(c.child_duration_ns > s.duration_ns, 0, c.inside_ns))) / 1e6 AS self_ms,
           min(s.kind = 'client' AND c.children = 0) AS outward
    FROM linked_spans AS s LEFT ANY JOIN span_children AS c ON s.span_key = c.span_key
    WHERE (s.trace_id, s.service) NOT IN aside AND s.kind != 'producer'
          AND NOT (s.parent_kind = 'client' AND s.duration_ns > s.parent_duration_ns)
    GROUP BY trace_id, place, parent
)
SELECT t.root AS root, place, parent, min(outward) AS outward, any(n_before) AS n_before, any(n_after) AS n_after,
       sumIf(calls, at < {since:Int64}) AS calls_before, sumIf(calls, at >= {since:Int64}) AS calls_after,
       sumIf(self_ms, at < {since:Int64}) AS ms_before, sumIf(self_ms, at >= {since:Int64}) AS ms_after,
       sumIf(self_ms * self_ms, at < {since:Int64}) AS squares_before,
       sumIf(self_ms * self_ms, at >= {since:Int64}) AS squares_after
FROM spent JOIN roots AS r USING (trace_id) JOIN totals AS t ON r.root = t.root
GROUP BY root, place, parent ORDER BY root, place, parent
"""


def _nodes(store: CaseStore, since_ns: int) -> list[_Node]:
    """What a request spends in each kind of span, before and since, in the mean over kinds of requests."""
    rows = store.query(_TIMES, since=since_ns)
    requests = {tuple(row["root"]): int(row["n_after"]) for row in rows}
    total = sum(requests.values())
    nodes: dict[tuple[Place, Place], _Node] = {}
    for row in rows:
        place, parent = (row["place"][0], row["place"][1]), (row["parent"][0], row["parent"][1])
        node = nodes.setdefault((place, parent), _Node(place, parent, bool(row["outward"])))
        weight = requests[tuple(row["root"])] / total
        for side, name in ((node.before, "before"), (node.after, "after")):
            count = int(row[f"n_{name}"])
            mean = float(row[f"ms_{name}"]) / count
            side.calls += weight * float(row[f"calls_{name}"]) / count
            side.self_ms += weight * mean
            spread = max(0.0, float(row[f"squares_{name}"]) / count - mean**2)
            side.variance += weight**2 * spread / max(1, count - 1)
    return list(nodes.values())


def example_of(store: CaseStore, loss: Loss, since_ns: int) -> list[tuple[Citation, Mapping[str, str]]]:
    """The longest spans of an operation since a moment, with their attributes."""
    rows = store.query(
        "SELECT trace_id, span_id, attributes FROM spans WHERE service = {service:String} AND name = {name:String} "
        "AND start_ns >= {since:Int64} ORDER BY duration_ns DESC, trace_id, span_id LIMIT 3",
        service=loss.service,
        name=loss.operation,
        since=since_ns,
    )
    return [(span_citation(row["trace_id"], row["span_id"]), row["attributes"]) for row in rows]


def told_by(examples: Sequence[tuple[Citation, Mapping[str, str]]]) -> tuple[str, ...]:
    """What spans say of the code that made them and of what it works on: functions, statements, routes, topics."""
    told = {text for _, attributes in examples for name, text in attributes.items() if name.startswith(_TELLING)}
    return tuple(sorted(told - {""}))
