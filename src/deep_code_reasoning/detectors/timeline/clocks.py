"""The clocks of hosts: how far each is off, and the corrected timeline that follows.

A span that a parent on another host encloses bounds the difference of the two clocks from both sides: it cannot start
before the parent nor end after it. A child that outlives its parent (a message, a call that nobody waits for) bounds it
from one side only. The quickest calls bound it most tightly, and where the way there is as quick as the way back, the
truth lies in the middle (Mills, *Network Time Protocol*, RFC 5905, section 10; for spans the same middle is what
Jaeger's clock skew adjuster takes, child by child). Here the bounds of all calls between two hosts are joined to one
interval a step of time, the offsets of all hosts are fitted to all intervals at once (`offsets.py`), and held against
the time that most of them show (`common_time.py`).

`prepare_clocks` makes the table

    clock_offsets   clock (as `linked_spans.CLOCK_OF` names it), step, offset_ns (what its recorded times are ahead of
                    the common time at the middle of the step), slope (how much more a nanosecond later), doubt_ns (how
                    far the offset may be wrong)

Only clocks that are surely off are in it: one that may be right is left alone. Recorded times are never changed; ask
for the common time with `corrected`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ...domain.instant import NS_PER_MS, NS_PER_S
from ...store import CaseStore
from .change_point import median
from .common_time import Estimate, estimate
from .linked_spans import prepare_linked_spans
from .offsets import Interval
from .time_steps import TimeSteps, step_of, time_steps

# Drift is followed in this many steps at most; a clock needs enough calls a step for some of them to be quick.
_MAX_STEPS: Final = 48
_CALLS_A_STEP: Final = 8
# The quickest of a step's calls, but for one in fifty, whose time stamps may be wrong.
_QUICK: Final = 0.02
# What encloses within a step must do so but for the clock's drift in that step.
_DRIFT_IN_STEP_MS: Final = 2.0
# A line is believed when it passes this near to what each step says; else the clock was set anew in between.
_LINE_MS: Final = 2.0
# Oscillators are wrong by some 100 ppm, and NTP corrects by 500 at most: what seems to run faster was set anew.
_MAX_DRIFT_PPM: Final = 1000.0
# A normal distribution's standard deviation is this many times its median distance from the middle.
_DEVIATION: Final = 1.4826


Moment = tuple[int, float, float]
"""The start of a step, the offset then, how far it may be wrong; all in nanoseconds."""


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock that is off: `offset_ns` ahead of the common time (negative: behind), while it is off.

    `uncertainty_ns` bounds the error of the offset: half of what the quickest calls leave open, added up along the
    way to the clocks that agree, and how far the common time may be wrong, as the others lie about it. `drift_ppm` is
    how fast it runs away, in microseconds a second; None when it was set anew in between. `path` holds each step's
    (start_ns, offset_ns, how far the offset may be wrong against the other clocks).
    """

    name: str
    offset_ns: float
    uncertainty_ns: float
    drift_ppm: float | None
    path: tuple[Moment, ...]


def prepare_clocks(store: CaseStore) -> tuple[Clock, ...]:
    """Make the table `clock_offsets`, once, and say which clocks are off, the furthest first."""
    return store.once("clocks", lambda: _find_clocks(store))


def _find_clocks(store: CaseStore) -> tuple[Clock, ...]:
    prepare_linked_spans(store)
    steps = _steps(store)
    clocks = () if steps is None else _clocks(_bounds(store, steps), steps)
    _keep(store, clocks, steps)
    return clocks


def host_name(store: CaseStore, clock: str) -> str:
    """What people call the host of a clock that is told by its id: its node's name, else its own; else `clock`."""
    return store.once(("host name", clock), lambda: _host_name(store, clock))


def _host_name(store: CaseStore, clock: str) -> str:
    names = store.query(
        """
        SELECT DISTINCT if(resource['k8s.node.name'] != '', resource['k8s.node.name'], resource['host.name']) AS name
        FROM spans WHERE host = {clock:String} AND resource['host.id'] = host LIMIT 2
        """,
        clock=clock,
    )
    return (str(names[0]["name"]) or clock) if len(names) == 1 else clock


def corrected(column: str) -> str:
    """SQL: a recorded time on the common timeline, beside `join_offsets`."""
    return f"toInt64({column} - o.offset_ns - o.slope * ({column} - o.middle_ns))"


def join_offsets(clock: str, column: str) -> str:
    """SQL: joins a clock's offset at a time to a row, as `o`; what is not off has offset 0."""
    first, width, last = (f"(SELECT any({name}) FROM clock_steps)" for name in ("first_ns", "width_ns", "last"))
    step = f"toInt64(least(greatest(intDiv({column} - {first}, {width}), 0), {last}))"
    return f"LEFT JOIN clock_offsets AS o ON {clock} = o.clock AND {step} = o.step"


def _steps(store: CaseStore) -> TimeSteps | None:
    """How finely the calls between clocks let drift be followed; None when there are none."""
    row = store.query(
        """
        SELECT count() AS calls, uniqExactArray([clock, parent_clock]) AS clocks
        FROM linked_spans WHERE has_parent AND clock != parent_clock AND clock != '' AND parent_clock != ''
        """
    )[0]
    if not row["calls"]:
        return None
    count = int(row["calls"]) // (int(row["clocks"]) * _CALLS_A_STEP)
    return time_steps(store, "linked_spans", count=max(1, min(_MAX_STEPS, count)))


def _bounds(store: CaseStore, steps: TimeSteps) -> dict[int, list[Interval]]:
    """By step: what the calls between each two clocks leave open of their difference."""
    rows = store.query(
        f"""
        WITH crossing AS (
            SELECT parent_clock AS a, clock AS b, parent_name, name, kind, parent_kind,
                   start_ns - parent_start_ns AS after_ns,
                   parent_start_ns + parent_duration_ns - start_ns - duration_ns AS before_ns,
                   -- All calls of a trace belong to one step, however far apart the clocks are.
                   min(parent_start_ns) OVER (PARTITION BY trace_id) AS trace_ns
            FROM linked_spans
            WHERE has_parent AND clock != parent_clock AND clock != '' AND parent_clock != '' AND start_ns > 0
        ),
        edges AS (
            SELECT a, b, {step_of("trace_ns")} AS step, parent_name, name,
                   quantileExact({_QUICK})(after_ns) AS upper_ns, -quantileExact({_QUICK})(before_ns) AS lower_ns,
                   count() AS calls,
                   any(kind) != 'consumer' AND any(parent_kind) != 'producer'
                       AND lower_ns <= upper_ns + {{drift:Int64}} AS encloses
            FROM crossing
            GROUP BY a, b, step, parent_name, name
        )
        SELECT least(a, b) AS first, greatest(a, b) AS second, step, sum(calls) AS calls,
               maxIf(if(a < b, lower_ns, -upper_ns), a > b OR encloses) AS lower,
               minIf(if(a < b, upper_ns, -lower_ns), a < b OR encloses) AS upper,
               countIf(a > b OR encloses) > 0 AS has_lower, countIf(a < b OR encloses) > 0 AS has_upper
        FROM edges GROUP BY first, second, step HAVING has_lower AND has_upper ORDER BY first, second, step
        """,
        drift=round(_DRIFT_IN_STEP_MS * NS_PER_MS),
        **steps.parameters(),
    )
    found: dict[int, list[Interval]] = defaultdict(list)
    for row in rows:
        bounds = (float(row["lower"]), float(row["upper"]))
        interval = Interval(row["first"], row["second"], min(bounds), max(bounds), int(row["calls"]))
        found[int(row["step"])].append(interval)
    return found


def _clocks(bounds: dict[int, list[Interval]], steps: TimeSteps) -> tuple[Clock, ...]:
    series = estimate(bounds)
    levels = {name: median([found.offset for found in of.values()]) for name, of in series.items()}
    clocks = []
    for name in sorted(series):
        common = _common_doubt([abs(level) for other, level in levels.items() if other != name])
        clock = _clock(name, sorted(series[name].items()), common, steps)
        clocks += [clock] if clock is not None else []
    return tuple(sorted(clocks, key=lambda clock: (-abs(clock.offset_ns), clock.name)))


def _common_doubt(apart: Sequence[float]) -> float:
    """Two standard errors of the common time, as far as these clocks are apart from it; 0 of none."""
    return 2 * _DEVIATION * median(apart) / math.sqrt(len(apart)) if apart else 0.0


def _clock(name: str, series: Sequence[tuple[int, Estimate]], common: float, steps: TimeSteps) -> Clock | None:
    """A clock's offset over time: a line where one fits, else as each step says; None when it may be right."""
    uncertainty = median([found.uncertainty for _, found in series])
    # One step may be misled, by a few late time stamps.
    if sum(abs(found.offset) > found.uncertainty for _, found in series) < min(2, len(series)):
        return None
    slopes = [(b.offset - a.offset) / (j - i) for i, a in series for j, b in series if j > i]
    slope = median(slopes) if slopes else 0.0
    level = median([found.offset - slope * step for step, found in series])
    tolerance = max(_LINE_MS * NS_PER_MS, uncertainty)
    drift_ppm = slope / steps.width_ns * 1e6
    straight = abs(drift_ppm) <= _MAX_DRIFT_PPM and all(
        abs(found.offset - level - slope * step) <= tolerance for step, found in series
    )
    if straight:
        path = [(steps.start_of(step), level + slope * step, uncertainty) for step in range(steps.count)]
    else:
        path = _as_each_step_says(dict(series), steps, uncertainty)
    furthest = max(abs(offset) for _, offset, _ in path)
    off = median([offset for _, offset, _ in path if straight or abs(offset) > furthest / 2])
    return Clock(name, off, uncertainty + common, drift_ppm if straight else None, tuple(path))


def _as_each_step_says(known: dict[int, Estimate], steps: TimeSteps, uncertainty: float) -> list[Moment]:
    """The path of a clock that was set anew; around the step in which it was, nobody knows when."""
    offsets, last = [], known[min(known)].offset
    for step in range(steps.count):
        last = known[step].offset if step in known else last
        offsets.append(last)
    path = []
    for step, offset in enumerate(offsets):
        beside = offsets[max(0, step - 1) : step + 2]
        jump = max(abs(offset - other) for other in beside)
        path.append((steps.start_of(step), offset, jump if jump > _LINE_MS * NS_PER_MS else uncertainty))
    return path


def _keep(store: CaseStore, clocks: Sequence[Clock], steps: TimeSteps | None) -> None:
    store.execute(
        "CREATE TABLE clock_steps ENGINE = Memory AS "
        "SELECT {first:Int64} AS first_ns, {width:Int64} AS width_ns, {last:Int64} AS last",
        first=steps.first_ns if steps else 0,
        width=steps.width_ns if steps else NS_PER_S,
        last=steps.count - 1 if steps else 0,
    )
    store.execute(
        "CREATE TABLE clock_offsets (clock String, step Int64, offset_ns Float64, slope Float64, middle_ns Int64, "
        "doubt_ns Float64) ENGINE = Memory"
    )
    moments = [(clock, step, moment) for clock in clocks for step, moment in enumerate(clock.path)]
    if moments and steps is not None:
        store.execute(
            """
            INSERT INTO clock_offsets
            SELECT row.1, row.2, row.3, row.4, row.5, row.6
            FROM (SELECT arrayJoin(arrayZip({clocks:Array(String)}, {steps:Array(Int64)}, {offsets:Array(Float64)},
                                            {slopes:Array(Float64)}, {middles:Array(Int64)}, {doubts:Array(Float64)}))
                         AS row)
            """,
            clocks=[clock.name for clock, _, _ in moments],
            steps=[step for _, step, _ in moments],
            offsets=[offset for _, _, (_, offset, _) in moments],
            slopes=[(clock.drift_ppm or 0.0) / 1e6 for clock, _, _ in moments],
            middles=[start_ns + steps.width_ns // 2 for _, _, (start_ns, _, _) in moments],
            doubts=[doubt for _, _, (_, _, doubt) in moments],
        )
