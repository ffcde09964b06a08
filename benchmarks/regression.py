"""An API that got 40 % slower: is the commit that did it named, out of two hundred in ten repositories?

    PYTHONPATH=. python benchmarks/regression.py [--seeds 1] [--first-seed 1] [--only KIND...] [--size 4MB]
        [--curves-only | --continuous] [--format text|json]

Every case is made by `examples/regression` (repositories, deploys, curves, traces of before and after) and scored
by what the public `investigate` use case answers:

    commit     the first cause names the culprit's commit; in the first three; for "none" that no change is blamed first
    service    the first cause names the service that got slower
    mechanism  the first cause has the planted mechanism
    decoys     cases in which the first cause blames a planted decoy

With `--curves-only` the traces are withheld: metrics, the deploy timeline and the repositories have to do. With
`--continuous` the stretches of before and after are one recording, with the deploy in the middle.

Results are kept under `$DCR_HOME/regression`, by the content of the case and of the source.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from examples.regression.culprits import KINDS
from examples.regression.incident import Wish, make
from examples.simulator.__main__ import size_of

from deep_code_reasoning.app.ingest import Evidence
from deep_code_reasoning.app.investigate import investigate
from mechanisms import SOURCE, at_home, digest, kept_in, share, wilson

# An API that is slower by less in what was recorded has not the fault that was planted.
SLOWER = 0.1


@dataclass(frozen=True)
class Score:
    """One case. `rank` is the place of the first cause that names the commit (for "none": that names no change).

    `rise` is by how much the API is slower in what was recorded, as a share: the rare request that hangs is not in
    every small recording.
    """

    kind: str
    seed: int
    rise: float
    verdict: str
    named: str | None
    rank: int | None
    service_right: bool
    mechanism_right: bool
    blames_decoy: bool
    cpu_seconds: float
    seconds: float


def main() -> int:
    """Run what was asked for and print the table."""
    parser = argparse.ArgumentParser(description="Which commit made the API slower?")
    parser.add_argument("--seeds", type=int, default=1, help="cases of each kind")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--only", nargs="*", default=list(KINDS), choices=list(KINDS), metavar="KIND")
    parser.add_argument("--size", type=size_of, default=4_000_000, metavar="4MB")
    told = parser.add_mutually_exclusive_group()
    told.add_argument("--curves-only", action="store_true", help="withhold the traces")
    told.add_argument("--continuous", action="store_true", help="one recording, with the deploy in the middle")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    arguments = parser.parse_args()
    kept = kept_in("regression")
    source = digest(sorted(SOURCE.rglob("*.py")))
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    scores = [
        score(Wish(kind, seed, arguments.size, arguments.continuous), source, kept, curves_only=arguments.curves_only)
        for kind in arguments.only
        for seed in seeds
    ]
    print(json.dumps([asdict(one) for one in scores], indent=1) if arguments.format == "json" else table(scores))
    return 0


def score(wish: Wish, source: str, kept: Path, *, curves_only: bool = False) -> Score:
    """Make a case and investigate it, unless that was done before."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        truth = make(wish, folder)
        if curves_only:
            for recorded in ("before", "after"):
                shutil.rmtree(folder / "evidence" / recorded)
        evidence = [path for path in sorted((folder / "evidence").rglob("*")) if path.is_file()]
        result = kept / f"{digest([*evidence, folder / 'answer.json'])}-{source}.json"
        if not result.is_file():
            with at_home(folder / "home"):
                result.write_text(json.dumps(asdict(_investigate(wish, truth, folder))))
        return Score(**json.loads(result.read_text()))


def _investigate(wish: Wish, truth: dict[str, Any], folder: Path) -> Score:
    repositories = tuple(sorted((folder / "repos").iterdir()))
    started, started_cpu = time.perf_counter(), time.process_time()
    answer = investigate(Evidence((folder / "evidence",), repositories=repositories))
    causes = sorted(answer.causes, key=lambda cause: cause.rank)
    blamed = [_commit(cause.change.id) if cause.change else None for cause in causes]
    wanted = truth["change"]["id"] if truth["change"] else None
    top = causes[0] if causes else None
    ranks = [place for place, sha in enumerate(blamed, 1) if sha == wanted]
    return Score(
        kind=wish.kind,
        seed=wish.seed,
        rise=truth["latency_ms"]["rise"],
        verdict=answer.verdict,
        named=blamed[0] if blamed else None,
        rank=min(ranks, default=1 if wanted is None and not causes else None),
        service_right=top is not None and top.service == truth["service"],
        mechanism_right=top is not None and top.mechanism == truth["mechanism"],
        blames_decoy=bool(blamed) and blamed[0] in truth["decoys"],
        cpu_seconds=round(time.process_time() - started_cpu, 3),
        seconds=round(time.perf_counter() - started, 3),
    )


def _commit(change: str) -> str:
    """The commit of a change's id, which may have its repository before it."""
    return change.rpartition("@")[2]


def table(scores: Sequence[Score]) -> str:
    """What people read: a line a kind, the whole, and the cases that are wrong."""
    columns = f"{'commit':>7} {'interval':>13} {'top-3':>7} {'service':>8} {'mechanism':>10} {'decoys':>7}"
    lines = [f"{'kind':15}{'cases':>6} {columns}"]
    for kind in dict.fromkeys(one.kind for one in scores):
        lines.append(_line(kind, [one for one in scores if one.kind == kind]))
    if culprits := [one for one in scores if one.kind != "none"]:
        lines.append(_line("all but none", culprits))
        lines.append(_line("of them slower", [one for one in culprits if one.rise >= SLOWER]))
    lines.append(f"\nprocessor seconds a case: {sum(one.cpu_seconds for one in scores) / len(scores):.2f}")
    lines += ["", "wrong:"]
    for one in scores:
        if one.rank != 1:
            lines.append(
                f"  {one.kind} {one.seed}: {one.named or one.verdict}; right at {one.rank or '-'}; API {one.rise:+.0%}"
            )
    return "\n".join(lines)


def _line(name: str, of: Sequence[Score]) -> str:
    hits = sum(one.rank == 1 for one in of)
    low, high = wilson(hits, len(of))
    return (
        f"{name:15}{len(of):6} {share(hits, len(of)):>7} {low:5.1%}..{high:5.1%} "
        f"{share(sum((one.rank or 9) <= 3 for one in of), len(of)):>7} "
        f"{share(sum(one.service_right for one in of), len(of)):>8} "
        f"{share(sum(one.mechanism_right for one in of), len(of)):>10} "
        f"{share(sum(one.blames_decoy for one in of), len(of)):>7}"
    )


if __name__ == "__main__":
    sys.exit(main())
