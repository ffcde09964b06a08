"""The critical path of a trace: which spans, one after the other, decided how long it took."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SpanTimes:
    """What the path is computed from."""

    id: str
    parent: str
    start_ns: int
    end_ns: int


def critical_path(spans: Sequence[SpanTimes]) -> list[tuple[str, int]]:
    """(span id, nanoseconds that it alone contributes), in order of time.

    From the end of the longest root backwards: the child that ended last before the moment is what was waited for; what
    no child covers is the span's own time. As in CRISP (Zhang et al., USENIX ATC 2022); children that outlive their
    parent, being asynchronous, count up to its end.
    """
    known = {span.id for span in spans}
    children: dict[str, list[SpanTimes]] = defaultdict(list)
    roots = []
    for span in spans:
        if span.parent in known and span.parent != span.id:
            children[span.parent].append(span)
        else:
            roots.append(span)
    if not roots:
        return []
    root = max(roots, key=lambda span: (span.end_ns - span.start_ns, span.id))
    own: dict[str, int] = defaultdict(int)
    order: list[str] = []
    # A stack of (span, moment up to which it is looked at): traces nest too deep for recursion.
    stack = [(root, root.end_ns)]
    seen = {root.id}
    while stack:
        span, until = stack.pop()
        if span.id not in own:
            order.append(span.id)
        waited_for = max(
            (c for c in children[span.id] if c.id not in seen and c.start_ns < until and c.start_ns >= span.start_ns),
            key=lambda c: (min(c.end_ns, until), c.start_ns, c.id),
            default=None,
        )
        if waited_for is None:
            own[span.id] += max(0, until - span.start_ns)
            continue
        seen.add(waited_for.id)
        ends = min(waited_for.end_ns, until)
        own[span.id] += until - ends
        stack.append((span, waited_for.start_ns))
        stack.append((waited_for, ends))
    begins = {span.id: span.start_ns for span in spans}
    return [(id_, own[id_]) for id_ in sorted(order, key=lambda id_: (begins[id_], order.index(id_)))]
