"""Planted faults of every mechanism: is the right one named, in the right service, and is a healthy system left alone?

    PYTHONPATH=. python benchmarks/mechanisms.py [--seeds 1] [--first-seed 1] [--only NAME[/VARIANT]...]
        [--styles current,older,sparse | --styles rotate] [--size 3MB] [--format text|json]

Every case is a run of `examples/simulator` (discrete-event model, written apart from the analysis) and is scored by
what the public `investigate` use case answers:

    both       the first cause has the planted mechanism and names the planted service, or one that shares in it
    top-3      so does one of the first three
    mech.      the first cause has the planted mechanism
    service    the first cause names the service
    precision  of the cases whose first cause, in a verdict `cause_found`, has this mechanism: how many were planted so
    false      healthy runs with the verdict `cause_found`; intervals are Wilson's, 95 %

Results are kept under `$DCR_HOME/mechanisms`, by the content of the evidence and of the source: what did not change is
not run again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from examples.simulator.__main__ import size_of
from examples.simulator.faults import SCRIPTS
from examples.simulator.simulate import Order, simulate
from examples.simulator.styles import STYLES

from deep_code_reasoning.app.ingest import Evidence
from deep_code_reasoning.app.investigate import investigate

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "deep_code_reasoning"
# Of the evidence of a case, unless another is asked for.
SIZE_BYTES = 3_000_000


@dataclass(frozen=True)
class Score:
    """One case. `rank` is the place of the first cause that is right in mechanism and service."""

    mechanism: str
    variant: str
    style: str
    seed: int
    verdict: str
    named: str | None
    named_service: str | None
    confidence: float
    rank: int | None
    mechanism_right: bool
    service_right: bool
    seconds: float

    @property
    def name(self) -> str:
        """How to ask for this case again."""
        return f"{self.mechanism}/{self.variant} {self.style} {self.seed}"


def main() -> int:
    """Run what was asked for and print the table."""
    arguments = _parser().parse_args()
    kept = kept_in("mechanisms")
    orders = list(_orders(arguments))
    if not orders:
        print(f"nothing is called {', '.join(arguments.only)}", file=sys.stderr)
        return 2
    source = digest(sorted(SOURCE.rglob("*.py")))
    scores = []
    for number, order in enumerate(orders, 1):
        scores.append(_score(order, source, kept))
        if sys.stderr.isatty():
            print(f"\r{number} of {len(orders)}", end="", file=sys.stderr)
    if arguments.format == "json":
        print(json.dumps([asdict(score) for score in scores], indent=1))
    else:
        print(table(scores))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Planted faults of every mechanism.")
    parser.add_argument("--seeds", type=int, default=1, help="runs of each variant in each style")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME", help="mechanisms, or mechanism/variant")
    parser.add_argument(
        "--styles", type=_styles, default=tuple(STYLES), help="comma-separated; `rotate`: a style a seed, in turn"
    )
    parser.add_argument("--size", type=size_of, default=SIZE_BYTES, metavar="3MB")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    return parser


def _orders(arguments: argparse.Namespace) -> Iterator[Order]:
    for mechanism, variants in SCRIPTS.items():
        for variant in variants:
            if arguments.only and not {mechanism, f"{mechanism}/{variant}"} & set(arguments.only):
                continue
            for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
                for style in arguments.styles or (tuple(STYLES)[seed % len(STYLES)],):
                    yield Order(mechanism, variant, style, seed, arguments.size)


def _styles(text: str) -> tuple[str, ...]:
    """The styles in which every seed is run; none where they take turns."""
    return () if text == "rotate" else tuple(text.split(","))


def kept_in(name: str) -> Path:
    """The folder in which a benchmark keeps its results."""
    folder = Path(os.environ.get("DCR_HOME", ROOT / ".dcr")) / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def at_home(folder: Path) -> Iterator[None]:
    """Let cases be made in a folder of their own."""
    before = os.environ.get("DCR_HOME")
    os.environ["DCR_HOME"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["DCR_HOME"]
        else:
            os.environ["DCR_HOME"] = before


def digest(paths: Sequence[Path]) -> str:
    """A name for the content of files."""
    digest = hashlib.blake2b(digest_size=16)
    for path in paths:
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _score(order: Order, source: str, kept: Path) -> Score:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        truth = simulate(order, folder)
        evidence = folder / "evidence"
        key = digest([*sorted(evidence.iterdir()), folder / "answer.json"])
        result = kept / f"{key}-{source}.json"
        if result.is_file():
            return Score(**json.loads(result.read_text()))
        with at_home(folder / "home"):
            score = _investigate(order, truth, evidence)
    result.write_text(json.dumps(asdict(score)))
    return score


def _investigate(order: Order, truth: dict[str, Any], evidence: Path) -> Score:
    started = time.process_time()
    answer = investigate(Evidence((evidence,)))
    seconds = time.process_time() - started
    services = {truth["service"], *truth["also"]}
    causes = sorted(answer.causes, key=lambda cause: cause.rank)
    right = [cause.rank for cause in causes if cause.mechanism == truth["mechanism"] and cause.service in services]
    top = causes[0] if causes else None
    return Score(
        mechanism=order.mechanism,
        variant=order.variant,
        style=order.style,
        seed=order.seed,
        verdict=answer.verdict,
        named=top.mechanism if top else None,
        named_service=top.service if top else None,
        confidence=top.confidence if top else 0.0,
        rank=min(right, default=None),
        mechanism_right=top is not None and top.mechanism == truth["mechanism"],
        service_right=top is not None and top.service in services,
        seconds=round(seconds, 3),
    )


def wilson(hits: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson, 1927)."""
    if not of:
        return 0.0, 1.0
    z, share = 1.96, hits / of
    middle = share + z * z / (2 * of)
    reach = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return (middle - reach) / (1 + z * z / of), (middle + reach) / (1 + z * z / of)


def share(hits: int, of: int) -> str:
    """A share as text."""
    return f"{hits / of:6.1%}" if of else "     -"


def table(scores: Sequence[Score]) -> str:
    """What people read: a line a mechanism, then the variants, the styles and the cases that are wrong."""
    faults = [score for score in scores if score.mechanism != "healthy"]
    healthy = [score for score in scores if score.mechanism == "healthy"]
    columns = f"{'both':>6} {'interval':>13} {'top-3':>6} {'mech.':>6} {'service':>7} {'precision':>9}"
    lines = [f"{'mechanism':26}{'cases':>6}  {columns}"]
    for mechanism in dict.fromkeys(score.mechanism for score in faults):
        lines.append(_line(mechanism, [score for score in faults if score.mechanism == mechanism], scores))
    if faults:
        lines.append(_line("all", faults, scores))
        for style in dict.fromkeys(score.style for score in faults):
            lines.append(_line(f"  {style}", [score for score in faults if score.style == style], scores))
    if healthy:
        wrong = sum(score.verdict == "cause_found" for score in healthy)
        low, high = wilson(wrong, len(healthy))
        lines.append(
            f"{'healthy: false causes':26}{len(healthy):6}  {share(wrong, len(healthy))} {low:5.1%}..{high:5.1%}"
        )
    lines.append(f"\nprocessor seconds a case: {sum(score.seconds for score in scores) / len(scores):.2f}")
    lines += ["", "wrong:"]
    for score in scores:
        if score.verdict == "cause_found" if score.mechanism == "healthy" else score.rank != 1:
            said = f"{score.named} in {score.named_service} ({score.confidence:.2f})" if score.named else score.verdict
            lines.append(f"  {score.name}: {said}; right at {score.rank or '-'}")
    return "\n".join(lines)


def _line(name: str, of: Sequence[Score], scores: Sequence[Score]) -> str:
    both = sum(score.rank == 1 for score in of)
    low, high = wilson(both, len(of))
    named = [score for score in scores if score.named == name and score.verdict == "cause_found"]
    return (
        f"{name:26}{len(of):6}  {share(both, len(of))} {low:5.1%}..{high:5.1%} "
        f"{share(sum((score.rank or 9) <= 3 for score in of), len(of))} "
        f"{share(sum(score.mechanism_right for score in of), len(of))} "
        f"{share(sum(score.service_right for score in of), len(of)):>7} "
        f"{share(sum(score.mechanism == name for score in named), len(named)):>9}"
    )


if __name__ == "__main__":
    sys.exit(main())
