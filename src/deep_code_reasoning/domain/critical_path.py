"""The critical path of a trace: which spans, one after the other, decided how long it took; and what if they had not.

After CRISP (Zhang et al., *CRISP: Critical Path Analysis of Large-Scale Microservice Architectures*, USENIX ATC
2022). Of children that run side by side only the one that was waited for is on the path; a child that outlives its
parent, being asynchronous, counts up to the parent's end. A child that seems to begin before its parent is moved, with
all below it, to begin with it, as Jaeger's clock skew adjuster does: two hosts' clocks are never quite the same.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

# What begins this little before another ends began after it: clocks and corrections of them are no finer.
_TOUCH_NS: Final = 20_000


@dataclass(frozen=True, slots=True)
class SpanTimes:
    """What the path is computed from."""

    id: str
    parent: str
    start_ns: int
    end_ns: int


Children = Mapping[str, Sequence[SpanTimes]]


def critical_path(spans: Sequence[SpanTimes]) -> list[tuple[str, int]]:
    """(span id, nanoseconds that it alone contributes), in order of time.

    From the end of the longest root backwards: the child that ended last before the moment is what was waited for; what
    no child covers is the span's own time.
    """
    root, children = _tree(spans)
    if root is None:
        return []
    own: dict[str, int] = defaultdict(int)
    begins: dict[str, int] = {}
    # Traces nest too deep for recursion.
    stack = [(root, root.end_ns)]
    while stack:
        span, until = stack.pop()
        begins[span.id] = span.start_ns
        for child, ends in _waited_for(children.get(span.id, ()), until):
            own[span.id] += until - ends
            stack.append((child, ends))
            until = child.start_ns
        own[span.id] += max(0, until - span.start_ns)
    order = {id_: place for place, id_ in enumerate(begins)}
    return [(id_, own[id_]) for id_ in sorted(begins, key=lambda id_: (begins[id_], order[id_]))]


def time_saved(spans: Sequence[SpanTimes], what_ifs: Sequence[Collection[str]]) -> list[int]:
    """How many nanoseconds sooner a trace would end if the own time of some spans were nothing: what-if slack.

    Whatever began after another had ended is taken to have waited for it; what ran beside the path then decides.

    Args:
        spans: the trace.
        what_ifs: sets of span ids; each is asked apart from the others.
    """
    root, children = _tree(spans)
    if root is None:
        return [0] * len(what_ifs)
    below = [root]
    for span in below:  # grows as it goes: parents come before their children
        below.extend(children[span.id])
    found = []
    for quick in what_ifs:
        saved: dict[str, int] = {}
        for span in reversed(below):
            saved[span.id] = _saved(span, children[span.id], saved, span.id in quick)
        found.append(saved[root.id])
    return found


def _saved(span: SpanTimes, children: Sequence[SpanTimes], saved: Mapping[str, int], is_quick: bool) -> int:
    """How much shorter a span becomes when its children become shorter, and its own time nothing if it is quick."""
    if not children:
        return max(0, span.end_ns - span.start_ns) if is_quick else 0
    ended: list[tuple[int, int]] = []  # of children that have ended: (end, end as it would be)
    was = would_be = span.start_ns
    for child in children:
        while ended and ended[0][0] <= child.start_ns + _TOUCH_NS:
            end, sooner = heapq.heappop(ended)
            was, would_be = max(was, end), max(would_be, sooner)
        begins = would_be + (0 if is_quick else max(0, child.start_ns - was))
        # What outlives its parent was waited for up to the parent's end, or less where it ends sooner now.
        until = min(child.end_ns, max(span.end_ns, child.start_ns))
        sooner = begins + min(until - child.start_ns, child.end_ns - child.start_ns - saved[child.id])
        heapq.heappush(ended, (until, sooner))
    for end, sooner in ended:
        was, would_be = max(was, end), max(would_be, sooner)
    ends = would_be + (0 if is_quick else span.end_ns - was)
    return max(0, span.end_ns - ends)


def _waited_for(children: Sequence[SpanTimes], until: int) -> list[tuple[SpanTimes, int]]:
    """The children that were waited for, the last first, each with the moment up to which it was."""
    by_end = sorted(children, key=lambda c: (c.end_ns, c.start_ns, c.id))
    running: list[tuple[int, str, SpanTimes]] = []  # those that still run at `until`, the latest begun first
    found = []
    while by_end or running:
        while by_end and by_end[-1].end_ns >= until:
            child = by_end.pop()
            heapq.heappush(running, (-child.start_ns, child.id, child))
        while running and -running[0][0] >= until:
            heapq.heappop(running)  # began when it was no longer waited for
        if running:
            chosen, ends = heapq.heappop(running)[2], until
        elif by_end:
            chosen, ends = by_end[-1], by_end[-1].end_ns
            by_end.pop()
        else:
            break
        found.append((chosen, ends))
        until = chosen.start_ns
    return found


def _tree(spans: Sequence[SpanTimes]) -> tuple[SpanTimes | None, Children]:
    """The longest root and the children of each span, as they begin; moved where they begin before their parents."""
    known: dict[str, SpanTimes] = {}
    for span in spans:
        known.setdefault(span.id, span)  # ids repeat in faulty data: the first stands for all
    children: dict[str, list[SpanTimes]] = defaultdict(list)
    roots = []
    for span in known.values():
        if span.parent in known and span.parent != span.id:
            children[span.parent].append(span)
        else:
            roots.append(span)
    if not roots:
        return None, {}
    root = max(roots, key=lambda span: (span.end_ns - span.start_ns, span.id))
    settled: dict[str, list[SpanTimes]] = {}
    stack = [(root, 0)]
    while stack:
        span, shift = stack.pop()
        moved = []
        for child in children[span.id]:
            late = shift + max(0, span.start_ns - child.start_ns - shift)
            at = replace(child, start_ns=child.start_ns + late, end_ns=child.end_ns + late) if late else child
            moved.append(at)
            stack.append((at, late))
        settled[span.id] = sorted(moved, key=lambda c: (c.start_ns, c.end_ns, c.id))
    return root, settled
