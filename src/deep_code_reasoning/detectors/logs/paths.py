"""The paths that an operation's spans take through its log statements, and how often each was cut short.

Built from the table `span_steps` (see `steps.py`): the engine counts, for every operation, its *variants* (which
statements, in which order) per step of time; Python then works on a few hundred variants, never on spans.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from ...store import CaseStore
from ..timeline.time_steps import STEPS, TimeSteps, step_of
from .steps import START

# Variants of one operation beyond the most frequent ones are loops in ever new orders; they add nothing.
_MAX_VARIANTS: Final = 400
# One statement precedes another when it does so nearly always: two threads may swap them now and then.
_MIN_PRECEDENCE: Final = 0.9
# Statements that came together only once say nothing about their order.
_MIN_TOGETHER: Final = 2


@dataclass(frozen=True, slots=True)
class Variant:
    """One way through an operation: its statements in order, those that are errors, traces in each step of time."""

    labels: tuple[str, ...]
    errors: frozenset[str]
    counts: Mapping[int, int]
    total: int


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of a service and all variants of it that were seen."""

    service: str
    entry: str
    name: str
    variants: tuple[Variant, ...]

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it apart from all others."""
        return self.service, self.entry, self.name


@dataclass(frozen=True, slots=True)
class Break:
    """A statement after which the path may stop.

    `anchor` is the last statement passed (`''`: the span's start), `expected` the one that most often comes next,
    `following` all that may come later. `failures` of `trials` spans in each step passed the anchor and nothing after.
    """

    anchor: str
    expected: str
    following: tuple[str, ...]
    failures: tuple[int, ...]
    trials: tuple[int, ...]
    errors: tuple[str, ...] = field(default=())


def operations_of(store: CaseStore, steps: TimeSteps) -> list[Operation]:
    """Every operation that logs, with its variants. Needs `prepare_span_steps`."""
    rows = store.query(
        f"""
        SELECT service, entry, operation, labels, errors, groupArray((step, traces)) AS counts, sum(traces) AS total
        FROM (
            SELECT service, entry, operation, labels, errors, {step_of("start_ns")} AS step,
                   uniqExact(trace_id) AS traces
            FROM span_steps
            GROUP BY service, entry, operation, labels, errors, step
        )
        GROUP BY service, entry, operation, labels, errors
        ORDER BY service, entry, operation, total DESC, labels, errors
        LIMIT {{variants:UInt32}} BY service, entry, operation
        """,
        variants=_MAX_VARIANTS,
        **steps.parameters(),
    )
    grouped: dict[tuple[str, str, str], list[Variant]] = defaultdict(list)
    for row in rows:
        counts = {int(step): int(traces) for step, traces in row["counts"]}
        variant = Variant(tuple(row["labels"]), frozenset(row["errors"]), counts, int(row["total"]))
        grouped[(row["service"], row["entry"], row["operation"])].append(variant)
    return [Operation(*key, tuple(variants)) for key, variants in sorted(grouped.items())]


def breaks_of(operation: Operation) -> Iterator[Break]:
    """Every statement of an operation that something follows, in the order of the path (the span's start first)."""
    errors = frozenset().union(*(variant.errors for variant in operation.variants))
    together, before = _precedence(operation)
    position = _typical_position(operation)
    labels = sorted(position, key=lambda label: (position[label], label))
    for anchor in ["", *(label for label in labels if label not in errors)]:
        following = frozenset(
            label
            for label in labels
            if label not in errors
            and label != anchor
            and together[(anchor, label)] >= _MIN_TOGETHER
            and before[(anchor, label)] >= _MIN_PRECEDENCE * together[(anchor, label)]
        )
        if following:
            yield _break(operation, anchor, following)


def name_of(operation: str, label: str) -> str:
    """A statement's name in a region: its place, or `OPERATION start`."""
    return label or f"{operation}{START}"


def _break(operation: Operation, anchor: str, following: frozenset[str]) -> Break:
    failures, trials = [0] * STEPS, [0] * STEPS
    next_one: Counter[str] = Counter()
    met: Counter[str] = Counter()
    for variant in operation.variants:
        if anchor and anchor not in variant.labels:
            continue
        rest = variant.labels[variant.labels.index(anchor) + 1 :] if anchor else variant.labels
        passed = any(label in following for label in variant.labels)
        first = next((label for label in rest if label in following), None)
        if first is not None:
            next_one[first] += variant.total
        if not passed:
            met.update(dict.fromkeys(variant.errors, variant.total))
        for step, traces in variant.counts.items():
            trials[step] += traces
            failures[step] += 0 if passed else traces
    expected = max(sorted(next_one), key=lambda label: next_one[label], default=min(following))
    return Break(anchor, expected, tuple(sorted(following)), tuple(failures), tuple(trials), tuple(sorted(met)))


def _precedence(operation: Operation) -> tuple[Counter[tuple[str, str]], Counter[tuple[str, str]]]:
    """In how many spans two statements came together, and in how many the first of them came first."""
    together: Counter[tuple[str, str]] = Counter()
    before: Counter[tuple[str, str]] = Counter()
    for variant in operation.variants:
        path = ("", *variant.labels)
        for place, first in enumerate(path):
            for second in path[place + 1 :]:
                together[(first, second)] += variant.total
                together[(second, first)] += variant.total
                before[(first, second)] += variant.total
    return together, before


def _typical_position(operation: Operation) -> dict[str, float]:
    """The mean place of each statement among those of its spans, from 0 to 1; for ordering only."""
    places: Counter[str] = Counter()
    weights: Counter[str] = Counter()
    for variant in operation.variants:
        for place, label in enumerate(variant.labels):
            places[label] += variant.total * round(1000 * (place + 1) / (len(variant.labels) + 1))
            weights[label] += variant.total
    return {label: places[label] / weights[label] for label in places}
