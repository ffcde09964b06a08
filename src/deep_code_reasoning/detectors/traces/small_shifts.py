"""A service that works somewhat longer on its requests, and from some moment on.

A part of `self_time.py`, for slowdowns of a third to some times the usual: within the spread of single requests, so
that hardly any is *long*, and yet of all of them. They show in ranks. The requests of one operation on one host are
ranked by the service's own time; as long as nothing changes, every order of the ranks is as likely as any other, and
where the later ones rank higher the sum of ranks up to the change is lower than chance allows (Pettitt, *A
non-parametric approach to the change-point problem*, Applied Statistics 1979). Ranks of all operations and hosts are
then summed: over the service, over each of its hosts, and over each of its operations.

What is significant need not matter. Told is what takes a third more in the median, in all and close to the change (load
that comes and goes is a slope, and no step), and more than the others did.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ...domain.instant import NS_PER_MS
from ...store import CaseStore, Row
from ..timeline.change_point import median, probability
from ..timeline.time_steps import TimeSteps, step_of

# Ranks of fewer requests of an operation on a host say nothing.
_MIN_CELL: Final = 10
# So many requests are compared on either side, and of an operation on a host so many.
_MIN_SIDE: Final = 20
_MIN_OF_CELL: Final = 5
_MIN_RATIO: Final = 1.33
# Less is the noise of a scheduler.
_MIN_EXTRA_NS: Final = 2 * NS_PER_MS
# Close to the change: half as far as the evidence goes on.
_NEAR: Final = "intDiv((SELECT max(start_ns) FROM request_times) - {since:Int64}, 2)"
# The rest of the system becomes slower under load, too.
_MIN_BEYOND: Final = 1.25
# Requests that come together share their fate: ranks are not as independent as the test has it, and chance must be
# ruled out by more than a little.
_MIN_EVIDENCE: Final = 12.0


@dataclass(frozen=True, slots=True)
class Shift:
    """A service that takes longer from a moment on: all of it, or one of its hosts or operations ('' where all)."""

    service: str
    host: str
    operation: str
    since_ns: int
    ratio: float
    extra_ms: float
    requests: int
    log_evidence: float
    probability: float


@dataclass(frozen=True, slots=True)
class _Witness:
    """The requests of a service, or of its part, in steps of time: how many, and the sum of their centred ranks."""

    service: str
    host: str
    operation: str
    count: list[int]
    ranks: list[float]


def small_shifts(store: CaseStore, steps: TimeSteps) -> list[Shift]:
    """What each service that works longer than before shows most surely, of the table `request_times`."""
    parts = _parts(_ranked(store, steps))
    surest: dict[str, tuple[float, int, _Witness]] = {}
    for part, rows in parts.items():
        witness = _witness(part, rows, steps)
        index, evidence = _turn(witness)
        # A part speaks for itself where it says more than the whole.
        if evidence >= _MIN_EVIDENCE and evidence > surest.get(witness.service, (0.0,))[0]:
            surest[witness.service] = (evidence, index, witness)
    found = []
    for _, (evidence, index, witness) in sorted(surest.items()):
        chance = probability(evidence, len(parts))
        shift = _measured(store, witness, steps.start_of(index), evidence, chance)
        if shift is not None:
            found.append(shift)
    return found


def _ranked(store: CaseStore, steps: TimeSteps) -> list[Row]:
    return store.query(
        f"""
        SELECT service, entry, clock, groupArray((step, n, ranks)) AS steps FROM (
            SELECT service, entry, clock, {step_of("start_ns")} AS step, count() AS n,
                   sum((place - 0.5) / of - 0.5) AS ranks
            FROM (
                SELECT service, entry, clock, start_ns,
                       row_number() OVER (PARTITION BY service, entry, clock ORDER BY self_ns, trace_id) AS place,
                       count() OVER (PARTITION BY service, entry, clock) AS of
                FROM request_times WHERE self_ns > 0
            )
            WHERE of >= {{least:UInt32}} GROUP BY service, entry, clock, step
        )
        GROUP BY service, entry, clock ORDER BY service, entry, clock
        """,
        least=_MIN_CELL,
        **steps.parameters(),
    )


def _parts(rows: Sequence[Row]) -> dict[tuple[str, str, str], list[Row]]:
    """The rows of each service as a whole, and of each of its hosts and operations where there are several."""
    groups: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    hosts: dict[str, set[str]] = defaultdict(set)
    operations: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        service, host, operation = str(row["service"]), str(row["clock"]), str(row["entry"])
        hosts[service].add(host)
        operations[service].add(operation)
        for key in ((service, "", ""), (service, host, ""), (service, "", operation)):
            groups[key].append(row)
    return {
        (service, host, operation): members
        for (service, host, operation), members in sorted(groups.items())
        if not (host and len(hosts[service]) == 1) and not (operation and len(operations[service]) == 1)
    }


def _witness(part: tuple[str, str, str], rows: Iterable[Row], steps: TimeSteps) -> _Witness:
    count, ranks = [0] * steps.count, [0.0] * steps.count
    for row in rows:
        for step, n, total in row["steps"]:
            count[int(step)] += int(n)
            ranks[int(step)] += float(total)
    return _Witness(*part, count, ranks)


def _turn(witness: _Witness) -> tuple[int, float]:
    """From which step on ranks are higher, and the log of the Bayes factor that this can at most stand for.

    The sum of centred ranks up to a moment is a bridge that ends where it began. How low it comes by chance is known
    for many requests; how much a p-value can speak for a change is from Sellke, Bayarri and Berger (*Calibration of p
    values for testing precise null hypotheses*, The American Statistician 2001).
    """
    whole = sum(witness.count)
    lowest, index, passed, total = 0.0, 0, 0, 0.0
    for step, (n, ranks) in enumerate(zip(witness.count, witness.ranks, strict=True)):
        if passed >= _MIN_SIDE and whole - passed >= _MIN_SIDE and total < lowest:
            lowest, index = total, step
        passed, total = passed + n, total + ranks
    log_p = -24 * lowest**2 / whole if whole else 0.0
    return index, -1 - log_p - math.log(-log_p) if log_p < -1 else 0.0


def _measured(store: CaseStore, witness: _Witness, since_ns: int, log_evidence: float, chance: float) -> Shift | None:
    """How much longer a service takes since, where that is more than a little and than the others do."""
    near = _cells(store, since_ns, f"abs(start_ns - {{since:Int64}}) <= {_NEAR}")
    ratio, extra_ns = 0.0, 0.0
    for cells in (_cells(store, since_ns, "1"), near):
        own = [cell for cell in cells if _is_of(cell, witness)]
        if not own:
            return None
        times, longer_ns = _usual(own, _ratio), _usual(own, lambda cell: float(cell["after"]) - float(cell["before"]))
        if times < max(_MIN_RATIO, _MIN_BEYOND * _rest(cells, witness)) or longer_ns < _MIN_EXTRA_NS:
            return None
        ratio, extra_ns = times, longer_ns
    requests = sum(witness.count)
    return Shift(
        witness.service,
        witness.host,
        witness.operation,
        since_ns,
        ratio,
        extra_ns / NS_PER_MS,
        requests,
        log_evidence,
        chance,
    )


def _cells(store: CaseStore, since_ns: int, where: str) -> list[Row]:
    """The middle of what each operation took on each host, before a moment and since."""
    return store.query(
        f"""
        SELECT service, entry, clock, countIf(start_ns < {{since:Int64}}) AS n_before,
               countIf(start_ns >= {{since:Int64}}) AS n_after,
               quantileExactIf(0.5)(self_ns, start_ns < {{since:Int64}}) AS before,
               quantileExactIf(0.5)(self_ns, start_ns >= {{since:Int64}}) AS after
        FROM request_times WHERE self_ns > 0 AND {where}
        GROUP BY service, entry, clock HAVING n_before >= {{least:UInt32}} AND n_after >= {{least:UInt32}}
        ORDER BY service, entry, clock
        """,
        since=since_ns,
        least=_MIN_OF_CELL,
    )


def _rest(cells: Sequence[Row], witness: _Witness) -> float:
    """How many times as long the other services take, the middle one of them; 1 where there are none."""
    others: dict[str, list[Row]] = defaultdict(list)
    for cell in cells:
        if cell["service"] != witness.service:
            others[cell["service"]].append(cell)
    return median([_usual(members, _ratio) for members in others.values()]) if others else 1.0


def _is_of(row: Mapping[str, object], witness: _Witness) -> bool:
    return (
        row["service"] == witness.service
        and witness.host in ("", row["clock"])
        and witness.operation in ("", row["entry"])
    )


def _ratio(cell: Row) -> float:
    return float(cell["after"]) / max(1.0, float(cell["before"]))


def _usual(cells: Sequence[Row], value: Callable[[Row], float]) -> float:
    """The median over cells, each counted as often as it has requests on the side that has fewer."""
    weighed = sorted((value(cell), min(int(cell["n_before"]), int(cell["n_after"]))) for cell in cells)
    half, passed = sum(weight for _, weight in weighed) / 2, 0
    for one, weight in weighed:
        passed += weight
        if passed >= half:
            return one
    return math.nan
