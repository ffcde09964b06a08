"""Log templates: grouping accuracy on labelled logs, and lines a second beside drain3 in the same run.

    python benchmarks/loghub.py [--data DIR] [--format text|json] [--seconds N] [-v]

DIR holds a folder per system with `*_2k.log` and `*_log_structured_corrected.csv` (Loghub; Zhu et al., ISSRE 2023;
labels corrected after Khan et al., ICSE 2022). A line counts as right when the lines that were put together with it are
exactly those with its EventTemplate. `content` mines the column of that name, the standard protocol; `raw` mines the
lines of the log file, whose header the miner has to find by itself. One configuration for all systems.

Speed is lines by second of wall time, the best of several runs: `once` over a system's lines, by a miner that has seen
nothing before; `stream` over the same lines twenty times over. Ours includes making the text of every template.
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from deep_code_reasoning.templates import HeaderFormat, mine
from deep_code_reasoning.templates.masking import mask_word

ROOT = Path(__file__).resolve().parents[1]
DEFAULT_DATA = ROOT.parent / "shared" / "data" / "loghub"
STREAM_ROUNDS = 20
# What those who set up drain3 commonly mask: addresses, hexadecimal, numbers.
USUAL_MASKS = (
    (r"(?<![A-Za-z0-9])\d{1,3}(?:\.\d{1,3}){3}(?![A-Za-z0-9])", "IP"),
    (r"(?<![A-Za-z0-9])0x[A-Fa-f0-9]+(?![A-Za-z0-9])", "HEX"),
    (r"(?<![A-Za-z0-9])[-+]?\d+(?![A-Za-z0-9])", "NUM"),
)


@dataclass(frozen=True)
class System:
    """One labelled log."""

    name: str
    content: list[str]
    templates: list[str]
    raw: list[str] | None


@dataclass(frozen=True)
class Peer:
    """What drain3 did."""

    ga: float
    ga_masked: float
    once_lines_per_s: float
    stream_lines_per_s: float
    masked_lines_per_s: float


@dataclass(frozen=True)
class Score:
    """One row of the table; accuracies are shares of lines."""

    system: str
    lines: int
    templates: int
    found: int
    ga_content: float
    ga_raw: float | None
    header: str
    chance_one_group: float
    chance_each_alone: float
    once_lines_per_s: float
    stream_lines_per_s: float
    drain3: Peer | None


def load(data: Path) -> list[System]:
    """Every system in the folder."""
    systems = []
    for answer in sorted(data.glob("*/*_structured_corrected.csv")):
        with answer.open(encoding="utf-8", errors="replace", newline="") as stream:
            rows = list(csv.DictReader(stream))
        logs = sorted(answer.parent.glob("*.log"))
        raw = None
        if logs:
            text = logs[0].read_bytes().decode("utf-8", "replace").removesuffix("\n")
            lines = [line.removesuffix("\r") for line in text.split("\n")]
            raw = lines if len(lines) == len(rows) else None
        templates = [row["EventTemplate"] for row in rows]
        systems.append(System(answer.parent.name, [row["Content"] for row in rows], templates, raw))
    return systems


def groups(labels: Iterable[Any]) -> dict[Any, tuple[int, ...]]:
    """Indexes of the lines of each label."""
    found = defaultdict(list)
    for index, label in enumerate(labels):
        found[label].append(index)
    return {label: tuple(indexes) for label, indexes in found.items()}


def grouping_accuracy(truth: Sequence[Any], found: Sequence[Any]) -> float:
    """Share of lines whose group is exactly right."""
    right = set(groups(truth).values())
    return sum(len(group) for group in groups(found).values() if group in right) / len(truth)


def lines_per_s(lines: Sequence[str], run: Callable[[Sequence[str]], object], seconds: float) -> float:
    """The best of the runs that fit into some seconds, at least two."""
    best = float("inf")
    started = time.perf_counter()
    runs = 0
    while runs < 2 or time.perf_counter() - started < seconds:
        before = time.perf_counter()
        run(lines)
        best = min(best, time.perf_counter() - before)
        runs += 1
    return len(lines) / best


def mine_all(lines: Sequence[str]) -> object:
    """What our speed is measured on: the template of each line, and the templates."""
    mask_word.cache_clear()
    mining = mine(lines)
    return mining.template_ids, mining.templates


def score(system: System, drain3: bool, seconds: float) -> Score:
    """All figures of one system, each speed measured for some seconds."""
    truth = system.templates
    mining = mine(system.content)
    header = HeaderFormat.learn(system.raw) if system.raw else None
    ga_raw = grouping_accuracy(truth, mine(system.raw, header).template_ids) if system.raw else None
    stream = system.content * STREAM_ROUNDS
    return Score(
        system.name,
        len(truth),
        len(set(truth)),
        len(mining.templates),
        grouping_accuracy(truth, mining.template_ids),
        ga_raw,
        header.kinds if header else "",
        grouping_accuracy(truth, [0] * len(truth)),
        grouping_accuracy(truth, range(len(truth))),
        lines_per_s(system.content, mine_all, seconds),
        lines_per_s(stream, mine_all, seconds),
        score_drain3(system, stream, seconds) if drain3 else None,
    )


def score_drain3(system: System, stream: Sequence[str], seconds: float) -> Peer:
    """The same of drain3: its default configuration, and the usual masks."""
    from drain3 import TemplateMiner
    from drain3.masking import MaskingInstruction
    from drain3.template_miner_config import TemplateMinerConfig

    def run(lines: Sequence[str], masks: tuple[tuple[str, str], ...] = ()) -> list[int]:
        config = TemplateMinerConfig()
        config.masking_instructions = [MaskingInstruction(pattern, name) for pattern, name in masks]
        miner = TemplateMiner(config=config)
        return [miner.add_log_message(line)["cluster_id"] for line in lines]

    return Peer(
        grouping_accuracy(system.templates, run(system.content)),
        grouping_accuracy(system.templates, run(system.content, USUAL_MASKS)),
        lines_per_s(system.content, run, seconds),
        lines_per_s(stream, run, seconds),
        lines_per_s(system.content, lambda lines: run(lines, USUAL_MASKS), seconds),
    )


def overall(scores: Sequence[Score]) -> dict[str, float | None]:
    """Means of accuracies; speeds as all lines by all time."""

    def speed(rate: Callable[[Score], float]) -> float:
        return sum(s.lines for s in scores) / sum(s.lines / rate(s) for s in scores)

    raw = [s.ga_raw for s in scores if s.ga_raw is not None]
    peers = [s.drain3 for s in scores if s.drain3]
    known = len(peers) == len(scores)
    once, stream = speed(lambda s: s.once_lines_per_s), speed(lambda s: s.stream_lines_per_s)
    drain_once = speed(lambda s: s.drain3.once_lines_per_s if s.drain3 else 0) if known else None
    drain_stream = speed(lambda s: s.drain3.stream_lines_per_s if s.drain3 else 0) if known else None
    return {
        "ga_content": fmean(s.ga_content for s in scores),
        "ga_raw": fmean(raw) if raw else None,
        "ga_drain3": fmean(peer.ga for peer in peers) if known else None,
        "ga_drain3_masked": fmean(peer.ga_masked for peer in peers) if known else None,
        "chance_one_group": fmean(s.chance_one_group for s in scores),
        "chance_each_alone": fmean(s.chance_each_alone for s in scores),
        "once_lines_per_s": once,
        "stream_lines_per_s": stream,
        "drain3_once_lines_per_s": drain_once,
        "drain3_stream_lines_per_s": drain_stream,
        "once_ratio": once / drain_once if drain_once else None,
        "stream_ratio": stream / drain_stream if drain_stream else None,
    }


def mistakes(system: System) -> list[str]:
    """Every template that was not found as it is, with what was found instead."""
    mining = mine(system.content)
    text_of = {template.id: template.text for template in mining.templates}
    sizes = Counter(mining.template_ids)
    exact = set(groups(mining.template_ids).values())
    report = []
    for text, lines in sorted(groups(system.templates).items(), key=lambda item: (-len(item[1]), item[0])):
        if lines not in exact:
            report.append(f"  {len(lines):5} lines  {text}")
            for found, count in Counter(mining.template_ids[line] for line in lines).most_common(5):
                report.append(f"        {count} of {sizes[found]} found as  {text_of[found]}")
    return report


def cell(value: float | None, form: str) -> str:
    """A figure for the table."""
    return "-".rjust(len(format(0.0, form))) if value is None else format(value, form)


def row(s: Score) -> str:
    """One system's row."""
    peer = s.drain3
    ours = f"{s.system:14} {s.templates:4} {s.found:5}  {s.ga_content:7.4f} {cell(s.ga_raw, '6.4f')}"
    once, stream = s.once_lines_per_s / 1e3, s.stream_lines_per_s / 1e3
    if not peer:
        return f"{ours} {'-':>7} {'-':>7} {once:7.0f} {'-':>7} {stream:8.0f} {'-':>7} {'-':>6}"
    return (
        f"{ours} {peer.ga:7.4f} {peer.ga_masked:7.4f} {once:7.0f} {peer.once_lines_per_s / 1e3:7.0f} "
        f"{stream:8.0f} {peer.stream_lines_per_s / 1e3:7.0f} {s.stream_lines_per_s / peer.stream_lines_per_s:6.1f}"
    )


def show(scores: Sequence[Score], total: dict[str, float | None], peak_mb: float) -> None:
    """The table for people."""
    print("                    grouping accuracy                        lines/s, thousands")
    print("system         true found  content    raw  drain3  masked    once  drain3   stream  drain3  ratio")
    for s in scores:
        print(row(s))
    print()
    for name, what in (
        ("ga_content", "grouping accuracy, content given"),
        ("ga_raw", "grouping accuracy, raw lines"),
        ("ga_drain3", "drain3 as it is"),
        ("ga_drain3_masked", "drain3 with the usual masks"),
        ("chance_one_group", "chance: all lines one group"),
        ("chance_each_alone", "chance: each line its own"),
    ):
        print(f"{what:34} {cell(total[name], '.4f')}")
    for name in ("once", "stream"):
        print(
            f"{'lines/s, ' + name:34} {cell(total[f'{name}_lines_per_s'], ',.0f')}; "
            f"drain3 {cell(total[f'drain3_{name}_lines_per_s'], ',.0f')}; {cell(total[f'{name}_ratio'], '.1f')} times"
        )
    print(f"{'peak memory':34} {peak_mb:.0f} MB with the interpreter and the lines, without drain3")


def main() -> int:
    """Score, print, and say by the exit code whether there was anything to score."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="folder with a folder per system")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.add_argument("--seconds", type=float, default=0.5, help="how long each speed is measured")
    parser.add_argument("-v", "--verbose", action="store_true", help="say which templates are wrong")
    options = parser.parse_args()
    systems = load(options.data)
    if not systems:
        print(f"no labelled logs in {options.data}", file=sys.stderr)
        return 2
    for system in systems:
        mine_all(system.content * STREAM_ROUNDS)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    try:
        import drain3  # noqa: F401 - is it there?
    except ImportError:
        print("drain3 is not installed (pip install '.[bench]'): its columns stay empty", file=sys.stderr)
        peer = False
    else:
        peer = True
    scores = [score(system, peer, options.seconds) for system in systems]
    total = overall(scores)
    if options.format == "json":
        print(json.dumps({"mean": total, "peak_mb": peak_mb, "systems": [asdict(s) for s in scores]}, indent=2))
    else:
        show(scores, total, peak_mb)
    if options.verbose:
        for system in systems:
            print(f"\n{system.name}", *mistakes(system), sep="\n", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
