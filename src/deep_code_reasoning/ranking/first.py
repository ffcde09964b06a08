"""Which service failed first, where what lies at the root is none: a store, a queue, a link between networks.

What others keep their data in, or send their packets over, is where the trouble is, and the first *service* to fail is
the nearest that stands on it. Unless a change that was made to the store itself is to blame: then it is what failed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from ..detectors.base import Scene
from ..detectors.changes.records import history
from ..detectors.changes.trial import deployed
from ..detectors.symptoms.front import is_store
from ..detectors.symptoms.trouble import Trouble, trouble
from ..detectors.vocabulary.metrics import meaning
from ..domain.cause import Cause

_SPEAKS: Final = """
SELECT service, sum(spans) AS spans, sum(lines) AS lines, groupUniqArrayArray(names) AS names FROM (
    SELECT toString(service) AS service, count() AS spans, 0 AS lines, [] :: Array(String) AS names FROM spans
    WHERE service IN {services:Array(String)} GROUP BY service
    UNION ALL SELECT toString(service) AS service, 0, count(), [] FROM logs
    WHERE service IN {services:Array(String)} GROUP BY service
    UNION ALL SELECT toString(service) AS service, 0, 0, groupUniqArray(toString(name)) FROM metrics
    WHERE service IN {services:Array(String)} GROUP BY service
) GROUP BY service
"""
# What is measured of whom others ask for something.
_OF_REQUESTS: Final = frozenset({"errors", "success", "traffic", "fanout", "latency"})
_OF_NETWORKS: Final = frozenset({"loss", "latency"})


def with_first_service(scene: Scene, cause: Cause) -> Cause:
    """A cause whose first to fail is a service."""
    first = cause.first_failing_service or ""
    if not first or not cause.blast_radius or first in _changed(scene, cause):
        return cause
    found = trouble(scene)
    names = (first, *cause.blast_radius)
    known = _known(scene, names)
    links = {name for name in names if _is_link(known[name], found, name)}
    if not links and not _is_component(known[first], found, first):
        return cause
    failing = [name for name in names if name not in links and not _is_component(known[name], found, name)]
    if not failing:
        return cause
    # Of those who call a store the nearest; where nobody is seen to, whoever began to fail first.
    using = [] if links else [name for name in found.graph.upstream(first) if name in failing]
    nearest = [name for name in using if name in found.graph.callers(first)] or using or failing
    service = min(nearest, key=lambda name: (found.front.began.get(name, 2**63), nearest.index(name)))
    beside = links or {first}
    radius = tuple(name for name in names if name != service and name not in beside)
    return replace(cause, first_failing_service=service, blast_radius=radius)


def _changed(scene: Scene, cause: Cause) -> frozenset[str]:
    """Where the change went out that is to blame, if any."""
    if cause.change is None:
        return frozenset()
    return deployed(change for change in history(scene.store).changes if change.sha == cause.change.id)


@dataclass(frozen=True, slots=True)
class _Known:
    """How many spans and lines a name has, and what its metrics are about."""

    spans: int = 0
    lines: int = 0
    kinds: frozenset[str] = frozenset()


def _known(scene: Scene, names: Sequence[str]) -> dict[str, _Known]:
    """What is known of each of some names, asked for once."""
    rows = {row["service"]: row for row in scene.store.query(_SPEAKS, services=list(names))}
    return {
        name: _Known(row["spans"], row["lines"], frozenset(meaning(metric).kind for metric in row["names"]))
        if (row := rows.get(name))
        else _Known()
        for name in names
    }


def _is_component(known: _Known, found: Trouble, service: str) -> bool:
    """Whether a name is of a store by what it is called, or of what is measured alone and asked for nothing."""
    if any(found.graph.calls.get((service, other)) for other in found.graph.callees(service)):
        return False
    if known.spans:
        return is_store(service)
    return bool(known.kinds) and not known.lines and not known.kinds & _OF_REQUESTS


def _is_link(known: _Known, found: Trouble, service: str) -> bool:
    """Whether all that is known of a name is how packets fare: what crosses it fails together."""
    return (
        not known.spans and not found.graph.callers(service) and "loss" in known.kinds and known.kinds <= _OF_NETWORKS
    )
