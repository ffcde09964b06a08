"""How requests ended: the table `request_outcomes`, and which of them count as bad.

    request_outcomes    a row a trace: number (from 0, in order of trace_id), trace_id, root (service and name of its
                        first span), start_ns, duration_ns (of that span), failed (a service failed its caller in it)

Of a case with very many traces a couple of thousand are taken, by a hash of their id: what separates good from bad
shows in any of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ...domain.instant import NS_PER_MS
from ...domain.separation import Requests, requests
from ...domain.window import Window
from ...store import CaseStore
from ..timeline.change_point import median
from ..timeline.linked_spans import prepare_linked_spans

_MAX_TRACES: Final = 2_000
# A request is slow beyond what one in twenty of its kind took before, half as much again, and this: the noise of a
# scheduler.
_USUAL_QUANTILE: Final = 0.95
_SLOWER: Final = 1.5
_MIN_EXTRA_MS: Final = 10.0
# Where so many more are slow than fail, the failures are the slowest of them; where most that fail are slow first (an
# ordinary day's errors are among them too), a few more that are slow and do not fail say the same.
_TELLING: Final = 0.25
_SLOW_FIRST: Final = 0.67
_FEWER: Final = 0.75
# So many earlier requests of a kind tell what is usual for it.
_KNOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The requests of two stretches as sets, and what is bad about the bad ones.

    Attributes:
        earlier: requests that began in the first stretch.
        later: those of the second.
        bad: of both stretches: those that failed, where failures became more frequent; else those that were slow.
        suffering: those that failed or were slow.
        failed: whether `bad` are those that failed.
        traces: trace ids by number.
    """

    earlier: Requests
    later: Requests
    bad: Requests
    suffering: Requests
    failed: bool
    traces: tuple[str, ...]

    def only(self, some: Requests) -> Outcomes:
        """The same of some requests only."""
        return replace(
            self,
            earlier=self.earlier & some,
            later=self.later & some,
            bad=self.bad & some,
            suffering=self.suffering & some,
        )


def outcomes(store: CaseStore, calm: Window, late: Window) -> Outcomes:
    """Divide the requests of two stretches into good and bad ones."""
    prepare_outcomes(store)
    rows = store.query(
        """
        SELECT number, trace_id, root, start_ns, duration_ns, failed FROM request_outcomes
        WHERE start_ns >= {first:Int64} AND start_ns < {last:Int64} ORDER BY number
        """,
        first=min(calm.start_ns, late.start_ns),
        last=max(calm.end_ns, late.end_ns),
    )
    before = [row for row in rows if calm.holds(int(row["start_ns"]))]
    since = [row for row in rows if late.holds(int(row["start_ns"]))]
    usual: dict[tuple[str, ...], list[int]] = {}
    for row in before:
        usual.setdefault(tuple(row["root"]), []).append(int(row["duration_ns"]))
    limits = {root: _limit(times) for root, times in usual.items() if len(times) >= _KNOWN}
    slow = _numbers([row for row in rows if int(row["duration_ns"]) > limits.get(tuple(row["root"]), 1 << 62)])
    failed, earlier, later = _numbers([row for row in rows if row["failed"]]), _numbers(before), _numbers(since)
    by_failing = not slow or (_risen(failed, earlier, later) and not _are_slowest(failed & later, slow & later))
    traces = {int(row["number"]): str(row["trace_id"]) for row in rows}
    return Outcomes(
        earlier,
        later,
        failed if by_failing else slow,
        failed | slow,
        by_failing,
        tuple(traces.get(number, "") for number in range(max(traces, default=-1) + 1)),
    )


def prepare_outcomes(store: CaseStore) -> None:
    """Make the table `request_outcomes`, once."""
    prepare_linked_spans(store)
    store.derive(
        "request_outcomes",
        """
        SELECT toUInt32(row_number() OVER (ORDER BY trace_id) - 1) AS number, trace_id, root, start_ns,
               duration_ns, failed
        FROM (
            SELECT trace_id, min(s.start_ns) AS start_ns,
                   argMin((service, name, s.duration_ns), (has_parent, s.start_ns, s.span_id)) AS first,
                   (first.1, first.2) AS root, first.3 AS duration_ns,
                   max(s.failed AND s.parent_service != s.service) AS failed
            FROM linked_spans AS s
            WHERE cityHash64(trace_id, 1) % (SELECT greatest(1, intDiv(uniqExact(trace_id), {most:UInt32}))
                                             FROM linked_spans) = 0
            GROUP BY trace_id
        )
        """,
        "number UInt32, trace_id String, root Tuple(String, String), start_ns Int64, duration_ns Int64, failed UInt8",
        most=_MAX_TRACES,
    )


def _limit(times: Sequence[int]) -> float:
    ordered = sorted(times)
    usual = ordered[int(_USUAL_QUANTILE * (len(ordered) - 1))]
    return max(_SLOWER * usual, usual + _MIN_EXTRA_MS * NS_PER_MS, median(ordered))


def _risen(bad: Requests, before: Requests, since: Requests) -> bool:
    """Whether the share of bad requests at least doubled."""
    if not since.bit_count():
        return False
    share_before = (bad & before).bit_count() / max(1, before.bit_count())
    return (bad & since).bit_count() / since.bit_count() >= max(0.01, 2 * share_before)


def _are_slowest(failed: Requests, slow: Requests) -> bool:
    """Whether those that fail are the slowest of many that are slow, such as somebody gives up on."""
    share = failed.bit_count() / max(1, slow.bit_count())
    return share < _TELLING or (share < _FEWER and (failed & slow).bit_count() >= _SLOW_FIRST * failed.bit_count())


def _numbers(rows: Sequence[Mapping[str, int]]) -> Requests:
    return requests(int(row["number"]) for row in rows)
