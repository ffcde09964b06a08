"""How the analysers do on systems that they were not tuned to: Harbour, an independent model of one that goes wrong.

    PYTHONPATH=. python benchmarks/harbour.py [--seeds 1-2] [--only MECHANISM[/VARIANT]]... [--cases DIR]
                                              [--healthy N] [--format text|json]

For every seed and every planted fault that the seed's system has a place for: does the first cause name a right
service (`service`), the exact mechanism (`mechanism`; `kin` also counts the ones that are the same thing seen from
another side), are both within the first three (`top 3`)? A fault without an effect on any request is not counted.
`healthy` runs carry twice the load, deploys and jobs; a cause of some confidence there is a false alarm. The last
table says how often the first cause was right by the confidence that it was given.

`--cases` keeps the generated incidents, so that a second run needs not simulate them again.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from examples.harbour.incident import FAULTS, HEALTHY, generate

from deep_code_reasoning.app.ingest import Evidence
from deep_code_reasoning.app.investigate import investigate

# From here on a cause is told as one; below it is a guess that is marked as such (as in the other suites).
CONFIDENT = 0.5
BUCKETS = (0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 1.01)


@dataclass(frozen=True)
class Score:
    """One incident. The ranks are of the first cause that is right in that respect; None where none is."""

    case: str
    service_rank: int | None
    mechanism_right: bool
    kin_right: bool
    both_rank: int | None
    change_right: bool | None
    innocent_blamed: bool
    verdict: str
    confidence: float
    said: str
    expected: str
    cpu_seconds: float


def main() -> int:
    """Run the suite and print its tables."""
    arguments = _parser().parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["DCR_HOME"] = str(Path(scratch) / "home")
        scores = list(run(arguments, Path(scratch)))
    if arguments.format == "json":
        print(json.dumps([asdict(score) for score in scores], indent=1))
    else:
        print(table(scores))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="How do the analysers do on a system nobody tuned them to?")
    parser.add_argument("--seeds", default="1-2", help="one, or a range such as 50-59")
    parser.add_argument("--only", action="append", metavar="MECHANISM[/VARIANT]", help="these faults alone")
    parser.add_argument("--healthy", type=int, default=2, metavar="N", help="healthy runs a seed")
    parser.add_argument("--cases", type=Path, help="keep the incidents here")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    return parser


def run(arguments: argparse.Namespace, scratch: Path) -> Iterator[Score]:
    """Every incident that is asked for."""
    first, _, last = arguments.seeds.partition("-")
    only = arguments.only or []
    for seed in range(int(first), int(last or first) + 1):
        jobs = [(seed, fault) for fault in FAULTS]
        jobs += [(seed + 1000 * copy, HEALTHY) for copy in range(arguments.healthy)]
        for number, fault in jobs:
            name = "/".join(fault)
            if only and name not in only and fault[0] not in only:
                continue
            folder = (arguments.cases or scratch) / f"{fault[0]}-{fault[1]}-{number}"
            answer = prepare(folder, number, fault)
            if answer is None or not answer["effect"]:
                print(f"{folder.name}: {'no place' if answer is None else 'no effect'}", file=sys.stderr)
                continue
            yield score(folder, answer)


def prepare(folder: Path, seed: int, fault: tuple[str, str]) -> dict[str, Any] | None:
    """The answer of an incident, generated where it is not kept already."""
    kept = folder / "answer.json"
    if not kept.is_file():
        generate(folder, seed, fault)
    if not kept.is_file():
        return None
    answer: dict[str, Any] = json.loads(kept.read_text())
    return answer


def score(folder: Path, answer: dict[str, Any]) -> Score:
    """Investigate one incident and hold the answer against the hidden one."""
    began = time.process_time()
    found = investigate(Evidence((folder / "evidence",)))
    cpu = time.process_time() - began
    causes = found.causes
    top = causes[0] if causes else None
    services, mechanisms = answer["services"], answer["mechanisms"]
    change = answer["change"]
    named = top.change.id if top and top.change else None
    right = bool(change and named and (named == change or named in change or change in named))
    result = Score(
        case=folder.name,
        service_rank=next((c.rank for c in causes if c.service in services), None),
        mechanism_right=bool(top and mechanisms and top.mechanism == mechanisms[0]),
        kin_right=bool(top and top.mechanism in mechanisms),
        both_rank=next((c.rank for c in causes if c.service in services and c.mechanism in mechanisms), None),
        change_right=right if change else None,
        innocent_blamed=named is not None and not right,
        verdict=found.verdict,
        confidence=top.confidence if top else 0.0,
        said=f"{top.mechanism} {top.service}" if top else "-",
        expected=f"{'|'.join(mechanisms)} {'|'.join(services[:3])}",
        cpu_seconds=cpu,
    )
    print(_line(result), file=sys.stderr, flush=True)
    return result


def _line(s: Score) -> str:
    mark = "ok " if s.service_rank == 1 and s.kin_right else "   "
    return f"{mark}{s.case:44} {s.verdict:16} {s.confidence:.2f} {s.said:48} | {s.expected}"


def is_right(s: Score) -> bool:
    """Whether the first cause names a right service and the mechanism or its kin."""
    return s.service_rank == 1 and s.kin_right


def table(scores: Iterable[Score]) -> str:
    """The tables as text."""
    scores = list(scores)
    healthy = [s for s in scores if s.case.startswith(HEALTHY[0])]
    faulty = [s for s in scores if s not in healthy]
    lines = [f"{'mechanism':28}   n  service mechanism   kin  both  top 3  cause  change"]
    groups = sorted({s.case.split("-")[0] for s in faulty})
    for group in [*groups, "all"]:
        lines.append(_row(group, [s for s in faulty if group in ("all", s.case.split("-")[0])]))
    false = [s for s in healthy if s.verdict == "cause_found" and s.confidence >= CONFIDENT]
    lines += ["", f"innocent changes blamed: {sum(s.innocent_blamed for s in scores)} of {len(scores)}"]
    lines += [f"healthy: {len(false)} false causes in {len(healthy)} runs", "", "confidence    n   right"]
    for low, high in pairwise(BUCKETS):
        bucket = [s for s in faulty if low <= s.confidence < high and s.said != "-"]
        if bucket:
            lines.append(
                f"{low:.1f}-{min(high, 1.0):.1f}     {len(bucket):4} {sum(map(is_right, bucket)) / len(bucket):7.2f}"
            )
    return "\n".join(lines)


def _row(name: str, scores: list[Score]) -> str:
    changes = [s for s in scores if s.change_right is not None]
    counts = (
        sum(s.service_rank == 1 for s in scores),
        sum(s.mechanism_right for s in scores),
        sum(s.kin_right for s in scores),
        sum(map(is_right, scores)),
        sum(s.both_rank is not None and s.both_rank <= 3 for s in scores),
        sum(s.verdict == "cause_found" for s in scores),
    )
    widths = (8, 9, 5, 5, 6, 6)
    cells = " ".join(f"{count:>{width}}" for count, width in zip(counts, widths, strict=True))
    return f"{name:28} {len(scores):>3} {cells} {f'{sum(bool(s.change_right) for s in changes)}/{len(changes)}':>7}"


if __name__ == "__main__":
    sys.exit(main())
