"""Runs every detector on a case. A new detector is a file of its own and a line here."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Final

from ..domain.finding import Check, Finding
from ..store import CaseStore
from .base import Detector, Kind, Scene, Skipped
from .contrast.deploys import date_by_deploys
from .series.dating import date_by_curves
from .timeline.graph import service_graph
from .timeline.windows import date_windows, undated_windows

# Modules in this package, each with a `DETECTOR`. The order is that of the answer's checks.
MODULES: Final[tuple[str, ...]] = (
    "traces.failures",
    "traces.unreachable",
    "traces.lost_host",
    "traces.not_found",
    "traces.self_time",
    "traces.stragglers",
    "traces.lost_time",
    "traces.critical_path",
    "traces.network_gap",
    "traces.clock_skew",
    "locks.lease_expired",
    "locks.deadlock",
    "locks.contention",
    "traces.repeated_calls",
    "traces.call_shapes",
    "traces.serial_calls",
    "traces.retry_storm",
    "traces.hedged_calls",
    "traces.early_timeout",
    "traces.exhausted",
    "traces.pool_waits",
    "traces.cache_misses",
    "traces.race_condition",
    "traces.message_waits",
    "traces.idle_consumers",
    "traces.poison_messages",
    "traces.message_order",
    "traces.missing_writes",
    "traces.set_apart",
    "logs.path_break",
    "logs.twin",
    "logs.silent_operation",
    "logs.new_errors",
    "logs.told_outright",
    "logs.chronic_error",
    "logs.crash_loop",
    "metrics.saturation",
    "metrics.shortage",
    "metrics.leak",
    "metrics.evictions",
    "metrics.messages",
    "metrics.neighbour",
    "metrics.service_level",
    "heap.held_messages",
    "heap.growth",
    "changes.correlation",
    "external.certificate_expired",
    "external.dns_failure",
    "external.provider_outage",
    "external.third_party",
    "external.peer_outage",
    "external.component_down",
    "external.component_short",
    "external.slow_peer",
    "external.platform",
    "external.traffic_surge",
    "external.request_rate",
    "external.bunched_requests",
)

# Two keep two processors busy; more would wait for each other: what is done in Python is done by one at a time.
_AT_ONCE: Final = 2
# What people call the evidence that a table holds.
_SPOKEN: Final = {
    "spans": "traces",
    "changes": "deploys, commits or flags",
    "heap_holders": "heap dumps",
    "heap_classes": "heap dumps",
}


def detectors() -> tuple[Detector, ...]:
    """Every known detector, in order."""
    found = []
    for name in MODULES:
        found.append(importlib.import_module(f".{name}", __package__).DETECTOR)
    return tuple(found)


@cache
def _kinds() -> Mapping[str, Kind]:
    return {kind.code: kind for detector in detectors() for kind in detector.kinds}


def kind_of(finding: Finding) -> Kind:
    """What a finding is, as the detector it comes from declares it."""
    return _kinds()[finding.code]


def look(
    store: CaseStore, noticed_at_ns: int | None, chosen: Sequence[Detector] | None = None
) -> tuple[Scene | None, tuple[Finding, ...], tuple[Check, ...]]:
    """Estimate the onset and run all detectors: first those that date their own findings, then those that need it.

    Returns:
        The scene (None when nothing in the case has a time), the findings, and a check a detector, in its order.
    """
    windows = undated_windows(store, noticed_at_ns)
    if windows is None:
        return None, (), ()
    known = detectors() if chosen is None else tuple(chosen)
    scene = Scene(store, windows, service_graph(store))
    dated, first_checks = run(scene, [detector for detector in known if detector.dated])
    windows = date_by_deploys(store, date_by_curves(store, date_windows(windows, dated)))
    scene = Scene(store, windows, scene.graph, dated)
    others, other_checks = run(scene, [detector for detector in known if not detector.dated])
    order = {detector.code: place for place, detector in enumerate(known)}
    checks = sorted((*first_checks, *other_checks), key=lambda check: order[check.detector])
    return scene, (*dated, *others), tuple(checks)


def run(scene: Scene, chosen: Sequence[Detector]) -> tuple[tuple[Finding, ...], tuple[Check, ...]]:
    """Run detectors on a scene and say of each whether it fired, is clear, or was skipped and why.

    On a case that is held in memory several work at once: queries are short then, and one alone leaves processors
    idle. The answer has the detectors' order, whoever was done first.
    """
    with ThreadPoolExecutor(_AT_ONCE if scene.store.in_memory else 1, "detector") as pool:
        outcomes = list(pool.map(lambda detector: _outcome(scene, detector), chosen))
    findings: list[Finding] = []
    checks: list[Check] = []
    for detector, outcome in zip(chosen, outcomes, strict=True):
        if isinstance(outcome, Skipped):
            checks.append(Check(detector.code, "skipped", outcome.reason))
        elif outcome:
            findings.extend(outcome)
            checks.append(Check(detector.code, "fired", f"{len(outcome)} finding{'s' if len(outcome) > 1 else ''}"))
        else:
            checks.append(Check(detector.code, "clear", "looked, and saw nothing beyond its thresholds"))
    return tuple(findings), tuple(checks)


def _outcome(scene: Scene, detector: Detector) -> Sequence[Finding] | Skipped:
    missing = [table for table in detector.needs if not scene.store.count(table)]
    if missing:
        return Skipped(f"the case has no {' and no '.join(_SPOKEN.get(table, table) for table in missing)}")
    return detector.detect(scene, detector.settings)
