"""Which service is faulty: a real system under fault injection, three minutes of traces, logs and metrics a case.

    python benchmarks/nezha.py [--data DIR] [--shift SECONDS] [--no-time] [--rename] [--healthy] [--half SEED]
                               [--format text|json]

DIR holds a folder per case (OTLP JSON lines) and `labels.json`: TrainTicket of IntelligentDDS/Nezha (Yu et al., FSE
2023, MIT), turned into OTLP. What is scored is the answer of the public `investigate` use case:

    rank       place of the faulty service among the services of the causes (strict: no two share a place)
    region     the first cause is right and names the code region or the metric of the label
    chance     what guessing among the services of the traces gives
    s, cpu s   wall and processor time of a case; the second tells what it costs when the machine has other work

`--shift` moves the time at which the incident was noticed, `--no-time` withholds it. `--rename` gives every service a
random word for a name (seeded), in every file. `--half` drops every other trace, by a hash of its id and SEED.
`--healthy` cuts each case off before its fault: there a cause of some confidence is a false alarm. Where traces and
logs begin with the fault, an hour of metrics remains; with `--half` as well, half of the traces of the calm stretch.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import os
import random
import re
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from deep_code_reasoning.app.ingest import Evidence
from deep_code_reasoning.app.investigate import investigate
from deep_code_reasoning.domain.case import CaseInfo
from deep_code_reasoning.domain.instant import NS_PER_S, parse_instant
from deep_code_reasoning.domain.investigation import Investigation

ROOT = Path(__file__).resolve().parents[1]
DEFAULT_DATA = ROOT.parent / "shared" / "data" / "nezha-trainticket"
# A stretch counts as calm up to this long before the fault is said to have begun: labels are to the minute.
CALM_MARGIN_S = 60
# Fewer seconds of calm than this are no stretch.
MIN_CALM_S = 10

Record = dict[str, Any]
Change = Callable[[Record], Record | None]


@dataclass(frozen=True)
class Score:
    """One case: where the faulty service came, and what the first cause says. `rank` is None when it did not come."""

    case: str
    service: str
    fault: str
    rank: int | None
    region_right: bool
    named: str | None
    mechanism: str | None
    confidence: float
    verdict: str
    onset_error_s: float | None
    chance: float
    seconds: float
    cpu_seconds: float


def main() -> int:
    """Run the suite and print its table."""
    arguments = _parser().parse_args()
    if not (arguments.data / "labels.json").is_file():
        print(f"no labelled cases in {arguments.data}", file=sys.stderr)
        return 2
    labels: dict[str, Any] = json.loads((arguments.data / "labels.json").read_text())
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["DCR_HOME"] = str(Path(scratch) / "home")
        # The engine starts with the first case; that is paid once a process and not once a case.
        investigate(Evidence((arguments.data / min(labels),)))
        scores = []
        for name in sorted(labels):
            folder, info, names = prepare(arguments.data / name, labels[name], arguments, Path(scratch))
            if folder is not None:
                scores.append(score(name, folder, info, {**labels[name], "names": names}))
    summary = summarise(scores, healthy=arguments.healthy)
    if arguments.format == "json":
        print(json.dumps({"summary": summary, "cases": [asdict(s) for s in scores]}, indent=1))
    else:
        print(table(scores, summary))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Which service is faulty?")
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="folder of cases and labels.json")
    parser.add_argument("--shift", type=int, default=0, metavar="SECONDS", help="move the time it was noticed")
    parser.add_argument("--no-time", action="store_true", help="withhold the time it was noticed")
    parser.add_argument("--rename", action="store_true", help="give every service a random word for a name")
    parser.add_argument("--healthy", action="store_true", help="cut every case off before its fault")
    parser.add_argument("--half", type=int, metavar="SEED", help="drop every other trace")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    return parser


def prepare(
    case: Path, label: Mapping[str, str], arguments: argparse.Namespace, scratch: Path
) -> tuple[Path | None, CaseInfo, dict[str, str]]:
    """The folder to investigate (the case's own, or a changed copy), what to say of it, and its services' new names."""
    noticed_ns = parse_instant(json.loads((case / "incident.json").read_text())["noticed_at"]) or 0
    info = CaseInfo("", noticed_at_ns=noticed_ns + arguments.shift * NS_PER_S if arguments.shift else None)
    names = new_names(case) if arguments.rename else {}
    changes: list[Change] = []
    if arguments.healthy:
        before = calm(case, label)
        if before is None:
            return None, info, names
        changes.append(before)
    if arguments.half is not None:
        changes.append(lambda record: record if is_kept(record, arguments.half) else None)
    if not (changes or names or arguments.no_time):
        return case, info, names
    copy = scratch / f"changed-{case.name}"
    copy.mkdir()
    for path in sorted(case.glob("*.gz")):
        copy_changed(path, copy / path.name, changes, names)
    if not arguments.no_time:
        (copy / "incident.json").write_text((case / "incident.json").read_text())
    return copy, info, names


def calm(case: Path, label: Mapping[str, str]) -> Change | None:
    """What keeps only the records before a case's fault; None when there are none to speak of."""
    end_ns = (parse_instant(label["injected_at"]) or 0) - CALM_MARGIN_S * NS_PER_S
    starts = (min(_times(path), default=end_ns) for path in sorted(case.glob("*.gz")))
    if end_ns - min(starts) < MIN_CALM_S * NS_PER_S:
        return None
    return lambda record: record if _time_of(record) < end_ns else None


def copy_changed(source: Path, target: Path, changes: Sequence[Change], names: Mapping[str, str]) -> None:
    """Copy a file of OTLP JSON lines with every record changed or dropped, and services renamed."""
    pattern = re.compile("|".join(rf"(?<![\w-]){re.escape(n)}(?![\w-])" for n in sorted(names, key=len, reverse=True)))
    with gzip.open(source, "rt") as lines, gzip.open(target, "wt", compresslevel=1) as out:
        for line in lines:
            if names:
                line = pattern.sub(lambda match: names[match[0]], line)
            if changes:
                line = json.dumps(_changed(json.loads(line), changes)) + "\n"
            out.write(line)


def _changed(line: Record, changes: Sequence[Change]) -> Record:
    for items, holder in _record_lists(line):
        for change in changes:
            items = [kept for record in items if (kept := change(record)) is not None]
        holder[_list_name(holder)] = items
    return line


def _record_lists(line: Record) -> Iterator[tuple[list[Record], Record]]:
    """Every list of spans, log records or data points in a line of OTLP JSON, with the object that holds it."""
    for group in (*line.get("resourceSpans", ()), *line.get("resourceLogs", ()), *line.get("resourceMetrics", ())):
        for scope in (*group.get("scopeSpans", ()), *group.get("scopeLogs", ())):
            yield scope[_list_name(scope)], scope
        for scope in group.get("scopeMetrics", ()):
            for metric in scope["metrics"]:
                holder = metric.get("gauge") or metric["sum"]
                yield holder["dataPoints"], holder


def _list_name(holder: Record) -> str:
    return next(name for name in ("spans", "logRecords", "dataPoints") if name in holder)


def _time_of(record: Record) -> int:
    return int(record.get("startTimeUnixNano") or record["timeUnixNano"])


def _times(path: Path) -> Iterator[int]:
    with gzip.open(path, "rt") as lines:
        for line in lines:
            for records, _ in _record_lists(json.loads(line)):
                yield from map(_time_of, records)


def is_kept(record: Record, seed: int) -> bool:
    """Whether a record's trace is of the half that SEED keeps; what belongs to no trace stays."""
    trace = record.get("traceId", "")
    return not trace or hashlib.blake2b(f"{seed}{trace}".encode(), digest_size=1).digest()[0] % 2 == 0


def new_names(case: Path) -> dict[str, str]:
    """A random word for every service of a case; the same ones in every run."""
    services: set[str] = set()
    for path in sorted(case.glob("*.gz")):
        with gzip.open(path, "rt") as lines:
            for line in lines:
                services.update(re.findall(r'"service\.name","value":\{"stringValue":"([^"]+)"', line))
    generator = random.Random(20230129)
    syllables = "ba co di fu ga he ji ko lu ma ne po qui ra so tu ve wi xa yo zu".split()
    return {name: "".join(generator.sample(syllables, 4)) for name in sorted(services)}


def score(name: str, folder: Path, info: CaseInfo, label: Mapping[str, Any]) -> Score:
    """Investigate one case and compare its causes with the label."""
    started, started_cpu = time.perf_counter(), time.process_time()
    answer = investigate(Evidence((folder,), info=info))
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - started_cpu
    service = label["names"].get(label["service"], label["service"])
    ranked = list(dict.fromkeys(cause.service for cause in answer.causes))
    top = answer.causes[0] if answer.causes else None
    right = top is not None and top.service == service
    injected_ns = parse_instant(label["injected_at"]) or 0
    changed = answer.windows is not None and answer.windows.changed
    return Score(
        case=name,
        service=label["service"],
        fault=label["fault"],
        rank=ranked.index(service) + 1 if service in ranked else None,
        region_right=right and top is not None and label["region"] in (top.code_region, top.resource),
        named=top.service if top else None,
        mechanism=top.mechanism if top else None,
        confidence=top.confidence if top else 0.0,
        verdict=answer.verdict,
        onset_error_s=(answer.windows.onset_ns - injected_ns) / NS_PER_S if changed and answer.windows else None,
        chance=1 / max(1, _services(answer)),
        seconds=seconds,
        cpu_seconds=cpu_seconds,
    )


def _services(answer: Investigation) -> int:
    from deep_code_reasoning.store import open_case
    from deep_code_reasoning.store.library import case_folder

    with open_case(case_folder(answer.case.id)) as store:
        return int(store.query("SELECT uniqExact(service) AS n FROM spans")[0]["n"])


def summarise(scores: Sequence[Score], healthy: bool) -> dict[str, Any]:
    """The figures of the suite as a whole."""
    cost = {
        "seconds_a_case": round(median(s.seconds for s in scores), 3),
        "slowest_s": round(max(s.seconds for s in scores), 3),
        "cpu_seconds_a_case": round(median(s.cpu_seconds for s in scores), 3),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    if healthy:
        alarms = [s.case for s in scores if s.verdict == "cause_found"]
        highest = max((s.confidence for s in scores), default=0.0)
        return {"stretches": len(scores), "false_alarms": alarms, "highest_confidence": highest, **cost}
    count = len(scores)
    top_1 = sum(s.rank == 1 for s in scores)
    return {
        "cases": count,
        "top_1": f"{top_1} of {count} ({top_1 / count:.1%})",
        "top_3": f"{(top_3 := sum((s.rank or 99) <= 3 for s in scores))} of {count} ({top_3 / count:.1%})",
        "region": f"{sum(s.region_right for s in scores)} of {count}",
        "chance_top_1": f"{sum(s.chance for s in scores) / count:.1%}",
        "chance_top_3": f"{sum(min(1, 3 * s.chance) for s in scores) / count:.1%}",
        "confidence_when_right": round(_mean([s.confidence for s in scores if s.rank == 1]), 3),
        "confidence_when_wrong": round(_mean([s.confidence for s in scores if s.rank != 1]), 3),
        **cost,
        "wrong": [s.case for s in scores if s.rank != 1],
        "region_wrong": [s.case for s in scores if not s.region_right],
    }


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def table(scores: Sequence[Score], summary: Mapping[str, Any]) -> str:
    """What people read."""
    lines = [f"{'case':8} {'faulty service':26} {'fault':15} rank  region conf  onset s    s cpu s  mechanism"]
    for s in scores:
        onset = f"{s.onset_error_s:+.0f}" if s.onset_error_s is not None else "-"
        lines.append(
            f"{s.case:8} {s.service:26} {s.fault:15} {s.rank or '-':>4}  {'yes' if s.region_right else 'NO':6} "
            f"{s.confidence:4.2f}  {onset:>7} {s.seconds:4.2f}  {s.cpu_seconds:4.2f}  {s.mechanism or '-'}"
        )
    lines.append("")
    lines += [f"{key.replace('_', ' '):22} {value}" for key, value in summary.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
