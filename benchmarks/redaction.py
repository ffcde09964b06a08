"""What redaction takes out of ordinary evidence and code, and how fast it looks.

    python benchmarks/redaction.py [--data DIR] [--format text|json]

Every line of the suites' files (Loghub's raw logs, RootCauseBench's exports, log records of TrainTicket), of the
examples and of our own source is looked through. Printed by kind: how many lines lose something, with an excerpt of
each that is different, so that people can judge which of them are false alarms. None of the sets holds real secrets but
TrainTicket, whose services log the JSON web tokens of its users (`USER TOKEN:`): these count as hits.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from deep_code_reasoning.packing.redaction import redact

ROOT = Path(__file__).resolve().parents[1]
DEFAULT_DATA = ROOT.parent / "shared" / "data"
CHUNK_LINES = 500
REAL = "USER TOKEN"


def main() -> int:
    """Look through everything and print the table."""
    parser = argparse.ArgumentParser(description="What does redaction take out of ordinary evidence?")
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="folder of the suites")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    arguments = parser.parse_args()
    redact("the rules are loaded once")
    lines = size = real = 0
    alarms: Counter[str] = Counter()
    excerpts: dict[str, str] = {}
    started = time.process_time()
    for chunk in _chunks(_lines(arguments.data)):
        lines += len(chunk)
        text = "\n".join(chunk)
        size += len(text)
        for before, after in zip(chunk, redact(text).text.split("\n"), strict=True):
            if before != after and REAL in before:
                real += 1
            elif before != after:
                kind = after.partition("[redacted:")[2].partition("]")[0]
                alarms[kind] += 1
                place = max(0, after.index("[redacted:") - 60)
                excerpts.setdefault(f"{kind}: {after[place : place + 120]}", before[place : place + 120])
    seconds = time.process_time() - started
    figures = {
        "lines": lines,
        "megabytes": round(size / 1e6, 1),
        "megabytes_a_cpu_second": round(size / 1e6 / seconds, 2),
        "lines_with_real_tokens": real,
        "other_lines_changed": sum(alarms.values()),
        "share_of_other_lines": round(sum(alarms.values()) / max(1, lines), 6),
        "by_kind": dict(alarms),
    }
    print(json.dumps(figures, indent=1))
    if arguments.format == "text":
        for excerpt in sorted(excerpts)[:60]:
            print(f"  {excerpt}")
    return 0


def _lines(data: Path) -> Iterator[str]:
    for path in sorted(data.glob("loghub/*/*.log")):
        yield from path.read_text("utf-8", "replace").splitlines()
    for path in sorted(data.glob("rootcausebench/case-*/**/*")):
        if path.is_file():
            yield from path.read_text("utf-8", "replace").splitlines()
    for path in sorted(data.glob("nezha-trainticket/case-*/logs.otlp.jsonl.gz"))[::4]:
        with gzip.open(path, "rt") as file:
            for line in file:
                for group in json.loads(line)["resourceLogs"]:
                    for scope in group["scopeLogs"]:
                        for record in scope["logRecords"]:
                            yield from record["body"]["stringValue"].splitlines()
    for path in sorted((*ROOT.glob("src/**/*.py"), *ROOT.glob("examples/**/*.json*"), *ROOT.glob("benchmarks/*.py"))):
        yield from path.read_text("utf-8", "replace").splitlines()


def _chunks(lines: Iterator[str]) -> Iterator[list[str]]:
    chunk: list[str] = []
    for line in lines:
        chunk.append(line)
        if len(chunk) == CHUNK_LINES:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


if __name__ == "__main__":
    sys.exit(main())
