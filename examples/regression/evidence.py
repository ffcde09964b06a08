"""What was recorded of the week: traces, logs and metrics of a stretch before and one after, and the week's curves.

Both stretches are runs of the model with the versions that were live then. The curves are drawn from the times that
the two runs measured, with the rhythm of the day and noise, so that curves and traces agree.
"""

from __future__ import annotations

import math
import random
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean
from typing import Any

from examples.simulator import plans
from examples.simulator.kernel import SECOND, Process, Simulation
from examples.simulator.otlp import Files
from examples.simulator.simulate import Order, Run, instant
from examples.simulator.styles import STYLES
from examples.simulator.system import World
from examples.simulator.words import BUSINESSES

from .blueprint import LANGUAGES
from .culprits import PLAN_SHARES, Culprit, as_built, lost_ms
from .history import DAY_S, History

STEP_S = 1200
SAMPLE = 60  # requests that stand for one point of a curve
_SPOKEN = {"typescript": "nodejs", "python": "python", "go": "go", "java": "java"}
Served = list[tuple[str, int, int, int]]


@dataclass(frozen=True)
class Stretch:
    """One of the two recorded stretches."""

    name: str
    start_s: int
    length_s: int
    served: Served

    def api_ms(self) -> float:
        """How long the API takes in the mean, with each kind of request weighed as often as it is expected."""
        took: dict[str, list[int]] = {}
        for plan, _, _, each in self.served:
            took.setdefault(plan, []).append(each)
        seen = {
            share: mean(took[f"edge.{name}"]) / 1e6 for name, share in PLAN_SHARES.items() if f"edge.{name}" in took
        }
        return sum(share * ms for share, ms in seen.items()) / sum(seen)


class _Recorder(Run):
    """A run without a fault of its own: it ends at its size."""

    def direct(self) -> Process:
        """Wait for the size."""
        while self.bytes() < self.order.size_bytes:
            yield SECOND // 5
        self.world.ended = True
        self.world.simulation.stop()


def record(
    name: str,
    culprit: Culprit,
    seed: int,
    start_s: int,
    size: int,
    history: History,
    folder: Path,
    rise_ms: float | None,
) -> Stretch:
    """Record a stretch; `rise_ms` is what each affected request loses, None before the culprit went live."""
    chance = random.Random(f"{seed}/{culprit.kind}/system")
    simulation = Simulation(start_s * SECOND)
    files = Files(folder)
    languages = {role: _SPOKEN[language] for role, language in LANGUAGES.items()}
    words = replace(BUSINESSES[0], languages={**BUSINESSES[0].languages, **languages})
    rate = 1.6 * max(1.0, math.sqrt(2 * size / 3e6))
    world = World(
        simulation,
        chance,
        random.Random(f"{seed}/{name}/ids"),
        words,
        STYLES["current"](),
        files,
        rate,
        simulation.now,
        size_bytes=size,
        accounts=max(5, round(2 * rate)),
        rpc_roles=(),
        served=[],
    )
    locking = plans.build(world)
    world.chance = random.Random(f"{seed}/{culprit.kind}/{name}")
    _set_versions(world, history, start_s)
    as_built(world)
    if culprit.prepare:
        culprit.prepare(world, locking, 0.0)
    if rise_ms is not None:
        culprit.effect(world, locking, rise_ms)
    _warm(world)
    run = _Recorder(world, Order("regression", culprit.kind, "current", seed, size), _no_script())
    run.start()
    simulation.run()
    for service in world.services.values():
        for instance in service.instances:
            instance.exporter.flush()
    files.close()
    return Stretch(name, start_s, simulation.now // SECOND - start_s, world.served or [])


def _no_script() -> Generator[None, None, dict[str, Any]]:
    yield
    return {}


def _set_versions(world: World, history: History, at_s: int) -> None:
    for deploy in history.deploys:
        if deploy.at_s <= at_s:
            service = world.services[deploy.role]
            service.version = deploy.version
            own = [commit.sha for commit in deploy.commits if commit.role == deploy.role]
            service.revision = own[-1] if own else service.revision
    for service in world.services.values():
        for instance in service.instances:
            instance.version = service.version
            instance.exporter.set_resource(instance.resource())


def _warm(world: World) -> None:
    """Caches as they are in the middle of a day."""
    item, chance = world.words.item, world.chance
    for page in range(1, 11):
        world.caches["catalog"].put(f"{item}s:page:{page}", int(chance.uniform(1, 40) * SECOND))
    for number in range(1000, 1400):
        if chance.random() < 0.5:
            world.caches["catalog"].put(f"{item}:{number}", int(chance.uniform(1, 60) * SECOND))
            world.caches["catalog"].put(f"price:{number}", int(chance.uniform(1, 30) * SECOND))


def rise_of(culprit: Culprit, before: Stretch, rise: float) -> float:
    """Milliseconds that an affected request must lose for the API's mean to rise by a share."""
    return lost_ms(culprit, before.api_ms(), rise)


def curves(
    before: Stretch, after: Stretch, history: History, names: dict[str, str], end_s: int, chance: random.Random
) -> str:
    """The week's metrics as CSV: `timestamp,service,metric,value`."""
    by_role = [_by_role(stretch.served) for stretch in (before, after)]
    lines = ["timestamp,service,metric,value"]
    for at_s in range(end_s - 8 * DAY_S, end_s, STEP_S):
        share = min(1.0, max(0.0, (at_s - history.onset_s) / STEP_S + 0.5))  # a deploy rolls out within minutes
        rhythm = 1 + 0.35 * math.sin(2 * math.pi * (at_s % DAY_S) / DAY_S - 2.2)
        for role, name in names.items():
            rows = chance.choices(by_role[chance.random() < share].get(role) or [(200, 1_000_000)], k=SAMPLE)
            lines += _points(at_s, name, rows, rhythm, chance)
    return "\n".join(lines) + "\n"


def _by_role(served: Served) -> dict[str, list[tuple[int, int]]]:
    found: dict[str, list[tuple[int, int]]] = {}
    for plan, _, status, took in served:
        found.setdefault(plan.split(".")[0], []).append((status, took))
    return found


def _points(at_s: int, name: str, rows: Sequence[tuple[int, int]], rhythm: float, chance: random.Random) -> list[str]:
    busy = 1 + 0.06 * (rhythm - 1) + chance.gauss(0, 0.02)
    took = sorted(row[1] / 1e6 * busy for row in rows)
    told = {
        "latency_mean_ms": mean(took),
        "latency_p50_ms": took[len(took) // 2],
        "latency_p95_ms": took[int(0.95 * len(took))],
        "requests_per_second": 40 * rhythm * chance.uniform(0.95, 1.05),
        "error_ratio": sum(status >= 500 for status, _ in rows) / len(rows),
    }
    stamp = instant(at_s * SECOND)
    return [f"{stamp},{name},{metric},{value:.4f}" for metric, value in told.items()]
