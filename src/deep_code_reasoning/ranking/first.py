"""Which service failed first, where what lies at the root is none: a store, a queue, a link between networks.

What others keep their data in, or send their packets over, is where the trouble is, and the first *service* to fail is
the nearest that stands on it. Unless a change that was made to the store itself is to blame: then it is what failed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ..detectors.base import Scene
from ..detectors.changes.records import history
from ..detectors.changes.trial import deployed
from ..detectors.symptoms.front import is_store
from ..detectors.symptoms.trouble import Trouble, trouble
from ..detectors.vocabulary.metrics import meaning
from ..domain.cause import Cause

_SPEAKS: Final = """
SELECT (SELECT count() FROM spans WHERE service = {service:String}) AS spans,
       (SELECT count() FROM logs WHERE service = {service:String}) AS lines,
       (SELECT groupUniqArray(name) FROM metrics WHERE service = {service:String}) AS names
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
    links = {name for name in names if _is_link(scene, found, name)}
    if not links and not _is_component(scene, found, first):
        return cause
    failing = [name for name in names if name not in links and not _is_component(scene, found, name)]
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


def _is_component(scene: Scene, found: Trouble, service: str) -> bool:
    """Whether a name is of a store by what it is called, or of what is measured alone and asked for nothing."""
    if any(found.graph.calls.get((service, other)) for other in found.graph.callees(service)):
        return False
    spans, lines, kinds = _told(scene, service)
    if spans:
        return is_store(service)
    return bool(kinds) and not lines and not kinds & _OF_REQUESTS


def _is_link(scene: Scene, found: Trouble, service: str) -> bool:
    """Whether all that is known of a name is how packets fare: what crosses it fails together."""
    spans, _, kinds = _told(scene, service)
    return not spans and not found.graph.callers(service) and "loss" in kinds and kinds <= _OF_NETWORKS


def _told(scene: Scene, service: str) -> tuple[int, int, set[str]]:
    """How many spans and lines a service has, and what its metrics are about."""
    (row,) = scene.store.query(_SPEAKS, service=service)
    return row["spans"], row["lines"], {meaning(name).kind for name in row["names"]}
