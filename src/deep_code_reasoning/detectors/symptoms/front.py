"""Where trouble began and whom it reached, from symptoms and from who calls or speaks of whom."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ...domain.graph import ServiceGraph
from ...domain.instant import NS_PER_S
from .symptom import Symptom

# Symptoms that a service shows because of somebody else's trouble, and that never make it the first to fail:
# more or fewer requests than usual, and callers that hang up.
PASSIVE: Final = frozenset({"traffic_up", "volume_drop", "cancelled", "limit_dropped", "fanout"})
# How a service feels, or takes, what one that it calls has.
_OF_OTHERS: Final = frozenset(
    "errors server_error exception complaint slow slow_outside timeout late_timeout unreachable retries_up "
    "retry_exhausted throttled".split()
)


@dataclass(frozen=True, slots=True)
class Front:
    """The service that failed first, and all others that fail, in the order in which they began to.

    `began` says when each did, where that is known; `of_itself` when it first had a trouble not made of others'.
    """

    first: str
    victims: tuple[str, ...]
    first_ns: int
    began: Mapping[str, int] = field(default_factory=dict, compare=False)
    of_itself: Mapping[str, int] = field(default_factory=dict, compare=False)

    @property
    def failing(self) -> tuple[str, ...]:
        """The first and the victims."""
        return ((self.first,) if self.first else ()) + self.victims

    def began_first(self, service: str, other: str) -> bool:
        """Whether a service had a trouble of its own no later than another began to fail."""
        return service in self.of_itself and self.of_itself[service] <= self.began.get(other, 0)


def failing_front(
    symptoms: Sequence[Symptom],
    graph: ServiceGraph,
    services: Iterable[str] = (),
    moved: Mapping[str, float] | None = None,
    latest_ns: int = 0,
) -> Front:
    """Find the first failing service: one that fails while none of those it depends on does; among them the earliest.

    Of several that began together it is the one whose trouble is the most specific, then the one that moved most.

    Args:
        symptoms: all symptoms.
        graph: who calls whom, spoken calls included.
        services: further names of services, by which texts may speak of them.
        moved: by which factor services fail more often or are slower, of those that do.
        latest_ns: who begins to fail after that is a victim at most; 0 where nothing says.
    """
    began = _began(symptoms)
    if not began:
        began = {s.service: s.first_ns or _FOREVER for s in symptoms if s.service and s.kind != "traffic_up"}
    if not began:
        return Front("", (), 0)
    blamed = {name: set(graph.callees(name)) for name in {*began, *services}}
    # The platform speaks of pods that it restarts and nodes that it lost: a witness, and seldom the first to fail.
    early = {name: at for name, at in began.items() if not latest_ns or at <= latest_ns or at == _FOREVER} or began
    failing = [name for name in early if not is_platform(name)] or list(early)
    roots = [name for name in failing if not _reaches_failing(name, blamed, early)] or failing
    weight = {name: max(s.weight for s in symptoms if s.service == name) for name in began}
    moved = moved or {}
    order = {name: (began[name], -weight[name], -moved.get(name, 1.0), name) for name in roots}
    first = min(roots, key=lambda name: order[name])
    of_itself = _began([symptom for symptom in symptoms if symptom.kind not in _OF_OTHERS])
    first = min(_of_same_minute(first, roots, began, symptoms, of_itself) or [first], key=lambda name: order[name])
    victims = sorted((name for name in began if name != first), key=lambda name: (began[name], name))
    known = {name: at_ns for name, at_ns in began.items() if at_ns != _FOREVER}
    return Front(first, tuple(victims), known.get(first, 0), known, of_itself)


def is_platform(name: str) -> bool:
    """Whether a name is one of those who run others' processes, and speak of these."""
    return _PLATFORM.fullmatch(name) is not None


def is_store(name: str) -> bool:
    """Whether a name is one of those that stores bear, after their owners' (`orders-db`)."""
    return _STORE.search(name) is not None


_FOREVER: Final = 2**63 - 1


def _began(symptoms: Sequence[Symptom]) -> dict[str, int]:
    """When each failing service began to fail: by its messages where it has any, else by its metrics."""
    began: dict[str, int] = {}
    for said in (False, True):
        times: dict[str, int] = {}
        for symptom in symptoms:
            if symptom.said == said and symptom.service and not _is_passive(symptom):
                times[symptom.service] = min(times.get(symptom.service, _FOREVER), symptom.first_ns or _FOREVER)
        began.update(times)
    return began


def _of_same_minute(
    silent: str, names: Sequence[str], began: Mapping[str, int], symptoms: Sequence[Symptom], own: Mapping[str, int]
) -> list[str]:
    """Of some those that say within a minute what they have, where one is only measured to be slow or to fail others.

    A metric is dated by the minute, and a message by its second: the silent one would always come first. `own`: when
    each first had a trouble not made of others'.
    """
    of_silent = [s for s in symptoms if s.service == silent]
    if any(s.said or not (_is_passive(s) or s.kind in _OF_OTHERS) for s in of_silent):
        return []
    asked_for_more = {s.service for s in symptoms if s.kind == "traffic_up"}  # others made its trouble
    until_ns = began[silent] + 60 * NS_PER_S
    return [n for n in names if n in own and n not in asked_for_more and max(own[n], began[n]) < until_ns]


def _is_passive(symptom: Symptom) -> bool:
    # A gauge of a certificate's remaining life stands at its owner; those that fail say so themselves.
    return symptom.kind in PASSIVE or (symptom.kind == "certificate_expired" and not symptom.said)


def within_reach(service: str, changed: str, graph: ServiceGraph) -> bool:
    """Whether a change of one service can be felt at another: along calls, either way; True where they are unknown."""
    if service == changed or not {service, changed} <= {name for call in graph.calls for name in call}:
        return True
    return service in graph.downstream(changed) or service in graph.upstream(changed)


def spoken_graph(graph: ServiceGraph, symptoms: Sequence[Symptom], services: Iterable[str]) -> ServiceGraph:
    """The service graph with the calls added of which only error texts speak ("upstream X timed out"): count 0."""
    names = sorted({*graph.services, *services})
    calls = dict(graph.calls)
    for name in names:
        # A store that bears a service's name (`orders-db`) is the service's own.
        owner = _STORE.sub("", name)
        if owner != name and owner in names:
            calls.setdefault((owner, name), 0)
    for symptom in symptoms:
        if symptom.kind == "cancelled" or not symptom.said:
            continue
        text = " ".join(symptom.texts).lower()
        for other in names:
            edge = (symptom.service, other)
            # Who is spoken of by one that it calls is a client that is complained about, and no dependency.
            if other == symptom.service or calls.get(edge) or calls.get(edge[::-1]) or len(other) < 3:
                continue
            position = _spoken_at(text, other.lower())
            if position >= 0 and _CLIENT.search(text[:position]):
                calls.pop(edge, None)
                calls[edge[::-1]] = 0
            elif position >= 0 and edge[::-1] not in calls:
                calls[edge] = 0
    return ServiceGraph(tuple(names), calls)


_PLATFORM: Final = re.compile(
    r"(?i)kubelet|kube-?(proxy|scheduler|controller[\w-]*|apiserver)|kernel|systemd|containerd|dockerd|"
    r"node-[\w-]+|core-?dns"
)
_STORE: Final = re.compile(r"(?i)[-_.](db|database|cache|redis|queue|postgres\w*|mysql|mongo\w*|store|kafka|rds)$")
# "client X exceeded its rate" complains about a caller.
_CLIENT: Final = re.compile(r"\b(client|caller|consumer|requested by|called by|requests from)[\s:='\"]+$")


def _spoken_at(text: str, name: str) -> int:
    """Where a text speaks of a name as a whole; -1 when it does not."""
    position = text.find(name)
    while position >= 0:
        before = text[position - 1] if position else " "
        after = text[position + len(name)] if position + len(name) < len(text) else " "
        if not (before.isalnum() or before in "_-") and not (after.isalnum() or after in "_-"):
            return position
        position = text.find(name, position + 1)
    return -1


def _reaches_failing(name: str, blamed: dict[str, set[str]], began: dict[str, int]) -> bool:
    seen, stack = {name}, [name]
    while stack:
        here = stack.pop()
        for other in blamed.get(here, ()):
            if other in seen:
                continue
            seen.add(other)
            # Two that blame each other: the one that began earlier is the deeper one.
            if other in began and not (name in blamed.get(other, ()) and began[name] <= began[other]):
                return True
            stack.append(other)
    return False
