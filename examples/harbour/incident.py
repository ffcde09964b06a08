"""One incident: a seed's system, an ordinary half an hour, a fault, and what is left behind in files.

    python -m examples.harbour.incident FOLDER --seed 3 --fault network_delay/edge

writes `FOLDER/evidence` and, beside it, `FOLDER/answer.json`.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import quantiles

from . import everyday, faults_code, faults_data, faults_network, faults_resources
from .changes import History, stamp
from .meters import Meters
from .otlp import Writer
from .scene import Fault, Scene
from .topology import build
from .world import Span, World

FAULTS: dict[tuple[str, str], Callable[[Scene], Fault]] = {
    **faults_resources.FAULTS,
    **faults_network.FAULTS,
    **faults_code.FAULTS,
    **faults_data.FAULTS,
}
HEALTHY = ("healthy", "high_load")
EPOCH_S = 1_793_000_000


@dataclass(frozen=True)
class Answer:
    """What is right. `effect` says whether the fault was to be seen in the requests at all."""

    mechanism: str
    variant: str
    mechanisms: tuple[str, ...]
    services: tuple[str, ...]
    change: str | None
    onset: str
    where: str
    effect: bool
    services_in_all: int


def generate(folder: Path, seed: int, fault: tuple[str, str]) -> Answer | None:
    """Write one incident. Returns None where the seed's system has no place for the fault."""
    dice = random.Random(f"incident {seed} {fault}")
    world = build(seed)
    onset, lasts = dice.uniform(600, 800), dice.uniform(360, 500)
    rate = dice.uniform(1.7, 2.5) * (2.0 if fault == HEALTHY else 1.0)
    everyday.start(world, rate, dice.choice([0.3, 0.4, 0.5]) if fault != HEALTHY else 0.3)
    scene = Scene(world, dice, rate, onset)
    meters, history = Meters(world), History(world, seed)
    world.engine.spawn(meters.run())
    history.decoys(onset)
    planted, change = None, None
    if fault != HEALTHY:
        try:
            planted = FAULTS[fault](scene)
        except (LookupError, StopIteration):
            return None
        world.engine.at(onset, planted.apply)
        if planted.change:
            change = history.culprit(planted.change, onset)
    world.engine.run(onset + lasts)
    epoch = EPOCH_S + seed * 7919
    evidence = folder / "evidence"
    evidence.mkdir(parents=True)
    writer = Writer(evidence, world, epoch)
    writer.traces()
    writer.logs()
    writer.metrics([*meters.history(onset - 60), *meters.points])
    history.write(evidence, epoch)
    noticed = onset + dice.uniform(0.45, 0.85) * lasts
    incident = {"title": "Customers report errors or slow pages", "noticed_at": stamp(epoch + noticed)}
    (evidence / "incident.json").write_text(json.dumps(incident))
    answer = Answer(
        fault[0],
        fault[1],
        planted.mechanisms if planted else (),
        planted.services if planted else (),
        change,
        stamp(epoch + onset),
        planted.where if planted else "",
        planted is None or planted.quiet or has_effect(world, onset),
        len(world.services),
    )
    (folder / "answer.json").write_text(json.dumps(asdict(answer), indent=1))
    return answer


def has_effect(world: World, onset_s: float) -> bool:
    """Whether any service's requests got slower (p90 by a quarter) or failed more often (by two in a hundred)."""
    kinds: dict[tuple[str, str], tuple[list[Span], list[Span]]] = {}
    for span in world.spans:
        kinds.setdefault((span.pod.service.name, span.name), ([], []))[span.start >= onset_s].append(span)
    return any(_differ(before, during) for before, during in kinds.values() if len(before) > 40 and len(during) > 20)


def _differ(before: list[Span], during: list[Span]) -> bool:
    slow_before, slow = (quantiles([s.end - s.start for s in spans], n=10)[-1] for spans in (before, during))
    failed_before, failed = (sum(s.is_error for s in spans) / len(spans) for spans in (before, during))
    return slow > 1.25 * slow_before or failed > failed_before + 0.02


def main() -> int:
    """Write one incident from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fault", default="network_delay/edge", help="MECHANISM/VARIANT, or healthy/high_load")
    arguments = parser.parse_args()
    mechanism, _, variant = arguments.fault.partition("/")
    answer = generate(arguments.folder, arguments.seed, (mechanism, variant))
    if answer is None:
        print("this seed's system has no place for that fault", file=sys.stderr)
        return 1
    print(json.dumps(asdict(answer), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
