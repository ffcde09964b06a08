"""Replay of the routing policy on published outcomes: 25 models x 500 tasks, who solved what for how much.

    python benchmarks/routing.py [--data DIR] [--runs N] [--format text|json]

The data (`outcomes.csv`: SWE-bench Verified, bash-only; CC BY-NC) is for evaluation alone: nothing of it is in the
package. The policy is the package's own code (`routing/choice.py`, `routing/climb.py`). Tasks come one after the other
in a random order; each is decided before its outcomes are looked at, and what comes of it updates the records as the
ledger does. A verifier says whether an answer holds: a perfect one, or one that accepts 80 % of right and 20 % of wrong
answers. A task is solved when the answer that was handed back is right, whatever the verifier says.

Settings of the policy: `shipped` are the defaults of the package; `told` knows how good the verifier is, and may ask
four models. What it knows of the models at first: `nothing` (the same prior and the same cost for all 25), or
`other tasks` (each model's share of solved tasks and mean cost, taken from that half of the tasks which is not
replayed; then the halves change places). Beside it stand policies that know all outcomes beforehand.

Intervals are 95 % bootstrap intervals: runs (orders and seeds) are drawn anew, and tasks.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np

from deep_code_reasoning.domain.call import Verification
from deep_code_reasoning.domain.model import ModelCard, ModelRecord, PriceTier
from deep_code_reasoning.domain.routing_decision import RoutingDecision
from deep_code_reasoning.routing.choice import Need, Occasion, choose
from deep_code_reasoning.routing.climb import Attempted, best_answer, climb
from deep_code_reasoning.routing.settings import ANY, Policy, Prior

ROOT: Final = Path(__file__).resolve().parents[1]
DEFAULT_DATA: Final = ROOT.parent / "shared" / "data" / "routing"
TODAY: Final = date(2026, 11, 25)
CLASS: Final = "repair"
PACK_TOKENS: Final = 20_000
RESAMPLES: Final = 2000
# What every model is expected to cost when nothing is known: the same for all, so it says nothing of any.
FLAT_USD: Final = 0.3
# What a share of solved tasks from elsewhere is worth: there are 250 of them, but they are other tasks.
PRIOR_WEIGHT: Final = 40.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a model made of a task."""

    solved: bool
    usd: float


Outcomes: TypeAlias = Mapping[str, Mapping[str, Outcome]]  # task -> model -> outcome
Done: TypeAlias = list[Outcome]  # one entry a task: what was handed back, and what it took


@dataclass(frozen=True, slots=True)
class Verifier:
    """How often it accepts a right and a wrong answer, 0..1."""

    name: str
    right: float
    wrong: float

    def accepts(self, solved: bool, source: random.Random) -> bool:
        """Judge an answer."""
        return source.random() < (self.right if solved else self.wrong)


PERFECT: Final = Verifier("perfect verifier", 1.0, 0.0)
IMPERFECT: Final = Verifier("verifier 80/20", 0.8, 0.2)


@dataclass
class History:
    """Records of models, kept as the ledger keeps them."""

    confirmed: dict[str, int] = field(default_factory=dict)
    refuted: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)
    late: dict[str, int] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)
    usd: dict[str, float] = field(default_factory=dict)

    def add(self, attempts: Sequence[Attempted], outcomes: Mapping[str, Outcome], accepted: str) -> None:
        """Note a task: what everybody took, and who is known to be right or wrong once the outcome is reported."""
        right = outcomes[accepted].solved
        for step, model in enumerate(attempt.model for attempt in attempts):
            _count(self.asked, model)
            self.usd[model] = self.usd.get(model, 0.0) + outcomes[model].usd
            if model == accepted and right:
                _count(self.confirmed, model)
                continue
            _count(self.refuted if model == accepted else self.rejected, model)
            if step:
                _count(self.late, model)

    def records(self) -> dict[tuple[str, str], ModelRecord]:
        """The records as routing takes them."""
        return {
            (model, CLASS): ModelRecord(
                calls=asked,
                failures=0,
                confirmed=self.confirmed.get(model, 0),
                refuted=self.refuted.get(model, 0),
                cost_usd=Decimal(str(self.usd[model])),
                asked=asked,
                rejected=self.rejected.get(model, 0),
                late=self.late.get(model, 0),
            )
            for model, asked in self.asked.items()
        }


def _count(counts: dict[str, int], model: str) -> None:
    counts[model] = counts.get(model, 0) + 1


@cache
def load(path: Path) -> dict[str, dict[str, Outcome]]:
    """Read the outcomes."""
    outcomes: dict[str, dict[str, Outcome]] = {}
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            outcome = Outcome(row["resolved"] == "1", float(row["cost_usd"]))
            outcomes.setdefault(row["instance_id"], {})[row["model"]] = outcome
    return outcomes


def card(model: str, policy: Policy, usd: float) -> ModelCard:
    """A model as a user's catalogue would have it, at a price that makes a question cost so much."""
    per_million = Decimal(str(usd)) * 1_000_000 / (PACK_TOKENS + policy.expected_output_tokens)
    return ModelCard(
        model, f"{vendor_of(model)}:{model.replace('/', ' ')}", prices=(PriceTier(per_million, per_million),)
    )


def vendor_of(model: str) -> str:
    """Whose model it is, by the first word of its name."""
    word = model.split()[0].split("-")[0].lower()
    if word.startswith("qwen"):
        return "qwen"
    return "openai" if word in ("gpt", "o3", "o4") else word


def solved_by(outcomes: Outcomes, model: str, tasks: Iterable[str]) -> list[Outcome]:
    """What one model made of some tasks."""
    return [outcomes[task][model] for task in tasks]


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to run the policy."""

    settings: str
    known: str
    policy: Policy
    verifier: Verifier


def variants() -> list[Variant]:
    """Every row of the policy."""
    made = []
    for verifier in (PERFECT, IMPERFECT):
        told = Policy(accepts_right=verifier.right, accepts_wrong=verifier.wrong, max_models=4)
        for settings, policy in (("shipped", Policy()), ("told", told)):
            made += [Variant(settings, known, policy, verifier) for known in ("nothing", "other tasks")]
    return made


def run(path: Path, variant: Variant, seed: int) -> Done:
    """Run the policy over all tasks once; the result is in the order of the file."""
    outcomes, source = load(path), random.Random(seed)
    order = list(outcomes)
    source.shuffle(order)
    models = list(outcomes[order[0]])
    if variant.known == "nothing":
        cards = [card(model, variant.policy, FLAT_USD) for model in models]
        done = replay(outcomes, order, cards, variant.policy, variant.verifier, source)
    else:
        half, done = len(order) // 2, {}
        for tasks, others in ((order[:half], order[half:]), (order[half:], order[:half])):
            seen = {model: solved_by(outcomes, model, others) for model in models}
            share = {model: sum(outcome.solved for outcome in seen[model]) / len(others) for model in models}
            priors = {(model, ANY): Prior(min(0.99, max(0.01, share[model])), PRIOR_WEIGHT) for model in models}
            policy = replace(variant.policy, priors=priors)
            cards = [card(m, policy, sum(outcome.usd for outcome in seen[m]) / len(others)) for m in models]
            done |= replay(outcomes, tasks, cards, policy, variant.verifier, source)
    return [done[task] for task in outcomes]


def replay(
    outcomes: Outcomes,
    order: Sequence[str],
    cards: Sequence[ModelCard],
    policy: Policy,
    verifier: Verifier,
    source: random.Random,
) -> dict[str, Outcome]:
    """Run the policy over tasks in an order."""
    need = Need("repair", CLASS, PACK_TOKENS, TODAY)
    history, done = History(), {}
    for number, task in enumerate(order):
        records = history.records()
        attempts: list[Attempted] = []
        occasion = Occasion(task, source.getrandbits(60), number)
        decision: RoutingDecision | None = choose(cards, need, policy, records, occasion)
        while decision is not None and decision.chosen is not None:
            accepted = verifier.accepts(outcomes[task][decision.chosen].solved, source)
            attempts.append(Attempted(decision.chosen, Verification("verified" if accepted else "refuted")))
            occasion = Occasion(task, source.getrandbits(60), number, len(attempts))
            decision = climb(attempts, cards, need, policy, records, occasion, remaining_s=float("inf")).decision
        best = best_answer(attempts)
        assert best is not None
        history.add(attempts, outcomes[task], best.model)
        usd = sum(outcomes[task][attempt.model].usd for attempt in attempts)
        done[task] = Outcome(outcomes[task][best.model].solved, usd)
    return done


def hindsight(outcomes: Outcomes, seed: int) -> dict[str, list[Done]]:
    """Policies that know all outcomes beforehand, or none at all; each as runs."""
    models = list(next(iter(outcomes.values())))
    ranked = sorted(models, key=lambda model: -sum(task[model].solved for task in outcomes.values()))
    best, strong = ranked[:2]
    spent = {model: sum(task[model].usd for task in outcomes.values()) for model in models}
    solved = {model: sum(task[model].solved for task in outcomes.values()) for model in models}
    cheap = min((model for model in models if solved[model] >= 0.8 * solved[best]), key=spent.__getitem__)
    source = random.Random(seed)
    rows = {
        f"best single: {best}": [solved_by(outcomes, best, outcomes)],
        "random model": [[task[source.choice(models)] for task in outcomes.values()] for _ in range(50)],
        "oracle: the cheapest that solves it": [[oracle(task) for task in outcomes.values()]],
    }
    for verifier in (PERFECT, IMPERFECT):
        ladder = [cheap, strong, best]
        runs = [[fixed(task, ladder, verifier, source) for task in outcomes.values()] for _ in range(50)]
        rows[f"cascade {' > '.join(model.split(' (')[0] for model in ladder)}, {verifier.name}"] = runs
    return rows


def oracle(task: Mapping[str, Outcome]) -> Outcome:
    """The cheapest model that solves a task; nobody is asked when none does."""
    return min((outcome for outcome in task.values() if outcome.solved), key=lambda o: o.usd, default=Outcome(False, 0))


def fixed(task: Mapping[str, Outcome], ladder: Sequence[str], verifier: Verifier, source: random.Random) -> Outcome:
    """Ask models in a fixed order until an answer is accepted; the last one's is handed back in any case."""
    usd = 0.0
    for model in ladder:
        usd += task[model].usd
        if verifier.accepts(task[model].solved, source):
            break
    return Outcome(task[model].solved, usd)


@dataclass(frozen=True, slots=True)
class Row:
    """A policy's result, each figure with the ends of its interval. `gain`: points above the best single model."""

    name: str
    solved_percent: tuple[float, float, float]
    usd: tuple[float, float, float]
    gain_points: tuple[float, float, float]


def summarise(name: str, runs: Sequence[Done], single: Done) -> Row:
    """Means over runs, in percent of tasks and US dollars for all, with bootstrap intervals over runs and tasks."""
    solved = np.array([[outcome.solved for outcome in done] for done in runs], dtype=float) * 100
    usd = np.array([[outcome.usd for outcome in done] for done in runs]) * len(single)
    alone = np.array([outcome.solved for outcome in single], dtype=float) * 100
    source = np.random.default_rng(0)
    drawn = []
    for _ in range(RESAMPLES):
        picked = np.ix_(source.integers(len(runs), size=len(runs)), source.integers(len(single), size=len(single)))
        share = solved[picked].mean()
        drawn.append((share, usd[picked].mean(), share - alone[picked[1]].mean()))
    low, high = np.percentile(np.array(drawn), [2.5, 97.5], axis=0)
    means = (solved.mean(), usd.mean(), solved.mean() - alone.mean())
    figures = [(float(m), float(a), float(b)) for m, a, b in zip(means, low, high, strict=True)]
    return Row(name, *figures)


def measure(path: Path, runs: int, workers: int) -> list[Row]:
    """All rows."""
    outcomes = load(path)
    known = hindsight(outcomes, seed=0)
    single = next(iter(known.values()))[0]
    rows = [summarise(name, done, single) for name, done in known.items()]
    with ProcessPoolExecutor(workers) as pool:
        waiting = [(v, [pool.submit(run, path, v, seed) for seed in range(runs)]) for v in variants()]
        for variant, futures in waiting:
            name = f"ours, {variant.settings}, knows {variant.known}, {variant.verifier.name}"
            rows.append(summarise(name, [future.result() for future in futures], single))
    return rows


def as_text(rows: Sequence[Row]) -> str:
    """A table."""
    width = max(len(row.name) for row in rows)
    lines = [f"{'policy':{width}}  {'solved %':>18}  {'US dollars':>17}  {'against best single':>20}"]
    for row in rows:
        cells = [
            f"{mean:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"
            for (mean, low, high), digits in ((row.solved_percent, 1), (row.usd, 0), (row.gain_points, 1))
        ]
        lines.append(f"{row.name:{width}}  {cells[0]:>18}  {cells[1]:>17}  {cells[2]:>20}")
    return "\n".join(lines)


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    parser.add_argument("--runs", type=int, default=10, help="random orders of the tasks, each with its own seed")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--format", choices=["text", "json"], default="text")
    arguments = parser.parse_args()
    rows = measure(arguments.data / "outcomes.csv", arguments.runs, arguments.workers)
    found: Any = [asdict(row) for row in rows]
    print(json.dumps(found, indent=1) if arguments.format == "json" else as_text(rows))


if __name__ == "__main__":
    main()
