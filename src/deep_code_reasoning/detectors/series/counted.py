"""What is counted since a program began, as what came in between: how long requests took, how many came, which failed.

Histograms and summaries are exported as how many there were and what they come to together (`_count` and `_sum` of
Prometheus, OpenTelemetry's default temporality), and requests as counters with a label of how they were answered. All
of these only grow: after a day, a latency that doubles moves the mean of a process's life by a thousandth. What came
between two points is their difference, which begins anew with the process.

Each stretch knows how many events it is made of, so that the mean of two requests is not taken for a level.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ...store import CaseStore, Row
from ...store.counters import RISES_A_RESET
from ..vocabulary.answers import ANSWERED, FAILED, REFUSED, answer, telling_labels
from ..vocabulary.metrics import meaning, words_of

# Of distributions with more label sets than that, those of an instance are taken together, and of more instances those
# of a service: most count next to nothing.
MOST_SETS: Final = 2_000
_MOST_ANSWERS: Final = 10_000
# So many points at most are held (24,000 label sets of 60 points: 1.3 GB at the peak): of more label sets fewer points
# each, and where that leaves too few none.
MOST_POINTS: Final = 1_500_000
_LEAST_POINTS: Final = 20
# What never falls is cumulative when it rose this often: what is told of each interval falls every other time.
_MIN_RISES: Final = 3
# Who counts what it is asked, and not what it asks of others or does by itself.
_SERVED: Final = frozenset("request requests server http grpc rpc calls".split())
_NOT_SERVED: Final = frozenset(
    "client outbound outgoing egress upstream db sql redis cache query queries queue kafka broker gc pause".split()
)


@dataclass(frozen=True, slots=True)
class Distribution:
    """What the events of one label set came to: a mean a stretch, and how many events it is the mean of (never none).

    `source` is the metric whose rows tell it: of two halves, that of the sum.
    """

    service: str
    instance: str
    metric: str
    source: str
    unit: str
    times_ns: tuple[int, ...]
    means: tuple[float, ...]
    events: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Answers:
    """The requests of a service in each stretch, its instances together: all, and those that ended `badly`, by how.

    `is_served`: they came to the service; others are what it asks of somebody else. `name` is what their number is
    called: as the counter is, or `requests` where `metric` is a distribution of how long they took.
    """

    service: str
    metric: str
    name: str
    source: str
    is_served: bool
    times_ns: tuple[int, ...]
    requests: tuple[float, ...]
    badly: Mapping[str, tuple[float, ...]]

    @property
    def counts_requests(self) -> bool:
        """Whether their number says how much is asked: how often a service called others is known by the others."""
        return self.is_served or self.name == self.metric


@dataclass(frozen=True, slots=True)
class Names:
    """The metrics of a case that count.

    `spread`: distributions whose points hold count and sum; `halves`: by the name of each half (`x_count`, `x_sum`) the
    distribution `x`; `answering`: what counts requests by how they were answered; `keys`: the labels that may tell it.
    """

    spread: frozenset[str]
    halves: Mapping[str, str]
    answering: frozenset[str]
    keys: tuple[str, ...]

    @property
    def distributions(self) -> frozenset[str]:
        """Names whose points are parts of distributions, and say little as they stand."""
        return self.spread | self.halves.keys()

    @property
    def told(self) -> frozenset[str]:
        """Names that `distributions` and `answers` speak for."""
        return self.distributions | self.answering


def names_of(store: CaseStore) -> Names:
    """Which metrics of a case are distributions, and which count answers, by their rows and names.

    None where there are more label sets than can be held: then they are read as they stand.
    """
    return store.once("counted names", lambda: _names(store))


def distributions(store: CaseStore, max_points: int) -> list[Distribution]:
    """Every distribution of a case, a label set each; where there are very many, an instance or a service each."""
    table = _counted(store, max_points)
    return store.once(("distributions", table), lambda: _distributions(store, table)) if table else []


def answers(store: CaseStore, max_points: int) -> list[Answers]:
    """The requests of every service, by each metric that counts them."""
    table = _counted(store, max_points)
    return store.once(("answers", table), lambda: _answers(store, table)) if table else []


def _names(store: CaseStore) -> Names:
    keys = telling_labels(store.attribute_names("metrics") or ()) if store.count("metrics") else []
    rows = store.query(
        "SELECT name, max(unit) AS unit, max(kind) AS kind, max(isFinite(count) AND isFinite(sum)) AS spread "
        "FROM metrics GROUP BY name ORDER BY name"
    )
    known = {row["name"] for row in rows}
    halves: dict[str, str] = {}
    for name in sorted(known):
        base, mark = name[:-6], name[-6:-5]
        if name.endswith(("_count", ".count")) and f"{base}{mark}sum" in known:
            halves |= {name: base, f"{base}{mark}sum": base}
    spread = frozenset(row["name"] for row in rows if row["spread"])
    counting = [row["name"] for row in rows if row["name"] not in spread | halves.keys() and _counts_events(row)]
    names = Names(spread, halves, _answering(store, counting, keys), tuple(keys))
    if names.told and _LEAST_POINTS * _sets(store, names)[0] > MOST_POINTS:
        return Names(frozenset(), {}, frozenset(), ())
    return names


def _counts_events(row: Row) -> bool:
    about = meaning(row["name"], row["unit"], row["kind"])
    return about.counter or (about.kind == "traffic" and not about.ratio)


def _answering(store: CaseStore, counting: Sequence[str], keys: Sequence[str]) -> frozenset[str]:
    """Of metrics that count, those that count what went well and what did not."""
    if not counting or not keys:
        return frozenset()
    rows = store.query(
        f"SELECT DISTINCT name, {_TOLD} AS told FROM metrics "
        "WHERE name IN {names:Array(String)} AND hasAny(mapKeys(attributes), {keys:Array(String)}) "
        "ORDER BY name, told LIMIT {most:UInt32}",
        names=list(counting),
        keys=list(keys),
        most=_MOST_ANSWERS,
    )
    ends: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        ends[row["name"]].add(_ending(row["told"], keys))
    return frozenset(name for name, found in ends.items() if ANSWERED in found and found & {FAILED, REFUSED})


# What the labels of a point say that may tell how a request was answered, in the order of `keys`.
_TOLD: Final = "arrayStringConcat(arrayMap(key -> attributes[key], {keys:Array(String)}), '\x1f')"


def _ending(told: str, keys: Sequence[str]) -> str:
    return answer(dict(zip(keys, told.split("\x1f"), strict=False)))


# A point a stretch and label set: where count and sum stood at its end, and what was told of the stretch alone.
_POINTS: Final = """
    SELECT service, instance, metric, labels, max(is_counter) AS is_counter, max(source) AS source, max(unit) AS unit,
           any(told) AS told, min(time_ns) AS at,
           argMaxIf(n, time_ns, isFinite(n)) AS end_n, sumIf(n, isFinite(n)) AS own_n,
           argMaxIf(s, time_ns, isFinite(s)) AS end_s, sumIf(s, isFinite(s)) AS own_s
    FROM (
        SELECT toString(service) AS service, toString(instance) AS instance, toString(name) AS source, time_ns,
               toString(m.unit) AS unit, kind = 'sum' AS is_counter,
               transform(source, {halves:Array(String)}, {bases:Array(String)}, source) AS metric,
               cityHash64(mapKeys(attributes), mapValues(attributes)) AS labels,
               arrayStringConcat(arrayMap(key -> attributes[key], {keys:Array(String)}), '\\x1f') AS told,
               multiIf(isFinite(count), count, metric = source OR endsWith(source, 'count'), value, nan) AS n,
               multiIf(isFinite(sum), sum, metric != source AND endsWith(source, 'sum'), value, nan) AS s
        FROM metrics AS m
        WHERE name IN {names:Array(String)} AND time_ns > 0 AND (isFinite(value) OR isFinite(count))
    )
    GROUP BY service, instance, metric, labels, intDiv(time_ns, {width:Int64})
""".replace("{told}", _TOLD)
_POINT_COLUMNS: Final = (
    "service String, instance String, metric String, labels UInt64, is_counter UInt8, source String, unit String, "
    "told String, at Int64, end_n Float64, own_n Float64, end_s Float64, own_s Float64"
)
# What came since the point before. The first point of what only grows tells of all its life, and is left out. A small
# step back is an exporter's rounding; after a large one the counter began at nothing.
_STRETCHES: Final = """
    SELECT service, instance, metric, labels, source, unit, told, at,
           if(grows, multiIf(end_n >= before_n, end_n - before_n, 2 * end_n < before_n, end_n, 0), own_n) AS events,
           if(grows, if(2 * end_n < before_n, end_s, end_s - before_s), own_s) AS total
    FROM (
        SELECT *, row_number() OVER life AS place, lagInFrame(end_n) OVER life AS before_n,
               lagInFrame(end_s) OVER life AS before_s, metric IN {growing:Array(String)} AS grows
        FROM {points}
        WINDOW life AS (PARTITION BY service, instance, metric, labels ORDER BY at
                        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
    )
    WHERE place > 1 OR NOT grows
"""
_STRETCH_COLUMNS: Final = (
    "service String, instance String, metric String, labels UInt64, source String, unit String, told String, at Int64, "
    "events Float64, total Float64"
)


def _counted(store: CaseStore, max_points: int) -> str:
    """The name of the table of what came in each stretch, a row a stretch and label set; '' where nothing counts."""
    names = names_of(store)
    span = store.time_range("metrics")
    if not names.told or span is None:
        return ""
    sets, longest = _sets(store, names)
    most = min(max_points, MOST_POINTS // sets)
    width_ns = max(1, (span.end_ns - span.start_ns) // most) if longest > most else 1
    table, points = f"counted_{width_ns}", f"counted_points_{width_ns}"
    store.derive(
        points,
        _POINTS,
        _POINT_COLUMNS,
        names=sorted(names.told),
        halves=sorted(names.halves),
        bases=[names.halves[name] for name in sorted(names.halves)],
        keys=list(names.keys),
        width=width_ns,
    )
    growing = store.once(("growing", points), lambda: _growing(store, points))
    store.derive(table, _STRETCHES.replace("{points}", points), _STRETCH_COLUMNS, growing=growing)
    return table


def _sets(store: CaseStore, names: Names) -> tuple[int, int]:
    """How many label sets there are, one at least, and the most points of one."""

    def count() -> tuple[int, int]:
        (row,) = store.query(
            "SELECT count() AS sets, max(n) AS longest FROM (SELECT count() AS n FROM metrics "
            "WHERE name IN {names:Array(String)} "
            "GROUP BY service, instance, name, cityHash64(mapKeys(attributes), mapValues(attributes)))",
            names=sorted(names.told),
        )
        return max(1, int(row["sets"])), int(row["longest"])

    return store.once("counted sets", count)


def _growing(store: CaseStore, points: str) -> list[str]:
    """The metrics that only grow: as their source says of counters, else as they do."""
    rows = store.query(
        f"""
        SELECT metric, max(is_counter) AS says, countIf(place > 1 AND end_n > before_n) AS rises,
               countIf(place > 1 AND end_n < before_n) AS falls
        FROM (
            SELECT metric, is_counter, end_n, row_number() OVER life AS place, lagInFrame(end_n) OVER life AS before_n
            FROM {points}
            WINDOW life AS (PARTITION BY service, instance, metric, labels ORDER BY at
                            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
        )
        GROUP BY metric ORDER BY metric
        """
    )
    return [
        row["metric"]
        for row in rows
        if row["says"] or (int(row["rises"]) >= _MIN_RISES and RISES_A_RESET * int(row["falls"]) <= int(row["rises"]))
    ]


def _distributions(store: CaseStore, table: str) -> list[Distribution]:
    spread = f"FROM {table} WHERE isFinite(total) AND metric NOT IN {{counters:Array(String)}}"
    counters = sorted(names_of(store).answering)
    (sets,) = store.query(
        f"SELECT uniqExact(service, instance, metric, labels) AS all_sets, uniqExact(service, instance, metric) "
        f"AS instances {spread}",
        counters=counters,
    )
    labels = "labels" if int(sets["all_sets"]) <= MOST_SETS else "0"
    place = "instance" if int(sets["instances"]) <= MOST_SETS else "''"
    rows = store.query(
        f"""
        SELECT service, place, metric, max(source) AS source, max(unit) AS unit,
               arraySort(groupArray((at, came, mean))) AS points
        FROM (
            SELECT service, {place} AS place, metric, {labels} AS apart, max(source) AS source, max(unit) AS unit, at,
                   sum(events) AS came, sum(total) / came AS mean
            {spread} GROUP BY service, place, metric, apart, at HAVING came > 0
        )
        GROUP BY service, place, metric, apart ORDER BY service, place, metric, apart LIMIT {{most:UInt32}}
        """,
        counters=counters,
        most=MOST_SETS,
    )
    return [
        Distribution(
            row["service"],
            row["place"],
            row["metric"],
            row["source"],
            row["unit"],
            times_ns=tuple(int(at) for at, _, _ in row["points"]),
            means=tuple(float(mean) for _, _, mean in row["points"]),
            events=tuple(float(came) for _, came, _ in row["points"]),
        )
        for row in rows
    ]


def _answers(store: CaseStore, table: str) -> list[Answers]:
    keys = names_of(store).keys
    told = store.query(f"SELECT DISTINCT told FROM {table} ORDER BY told LIMIT {{most:UInt32}}", most=_MOST_ANSWERS)
    ends = {row["told"]: _ending(row["told"], keys) for row in told}
    rows = store.query(
        f"""
        WITH (SELECT quantileExact(0.5)(pause) FROM (
            SELECT at - lagInFrame(at) OVER life AS pause, row_number() OVER life AS place FROM {table}
            WINDOW life AS (PARTITION BY service, instance, metric, labels ORDER BY at
                            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
        ) WHERE place > 1) AS every
        SELECT service, metric, max(source) AS source, arraySort(groupArray((first, came, failed, refused))) AS points
        FROM (
            SELECT service, metric, max(source) AS source, min(at) AS first, sum(events) AS came,
                   sumIf(events, told IN {{failed:Array(String)}}) AS failed,
                   sumIf(events, told IN {{refused:Array(String)}}) AS refused
            FROM {table} GROUP BY service, metric, intDiv(at, greatest(every, 1))
        )
        GROUP BY service, metric ORDER BY service, metric
        """,
        failed=[one for one, how in ends.items() if how == FAILED],
        refused=[one for one, how in ends.items() if how == REFUSED],
    )
    counters = names_of(store).answering
    return [_answers_of(row, row["metric"] if row["metric"] in counters else "requests") for row in rows]


def _answers_of(row: Row, name: str) -> Answers:
    points = [(int(at), float(came), float(failed), float(refused)) for at, came, failed, refused in row["points"]]
    said = words_of(row["metric"])
    return Answers(
        row["service"],
        row["metric"],
        name,
        row["source"],
        is_served=bool(said & _SERVED) and not said & _NOT_SERVED,
        times_ns=tuple(at for at, *_ in points),
        requests=tuple(came for _, came, _, _ in points),
        badly={FAILED: tuple(failed for _, _, failed, _ in points), REFUSED: tuple(refused for *_, refused in points)},
    )
