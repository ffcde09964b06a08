"""How fast OTLP JSON is read, beside a peer and the limit, in one run.

    python benchmarks/speed.py [--size 500MB] [--gzip] [--runs 3] [--peers/--no-peers] [--format text|json]

Each contender is a process of its own, so that its time and its peak memory are its own; they take turns, and the
median of the runs counts. All work on the same generated file (see `generate_otlp.py`) with two threads or processes:

    dcr read      the read step of `investigate`: every span, attribute-mapped, typed, written as Parquet
    dcr whole     the whole investigation, to the answer
    DuckDB        its JSON reader with the same nested type, the same unnesting and maps, written as Parquet
    simdjson      a bare parse of every line and nothing else: the limit (plain files only)

`cpu s` is the processor time of the read step alone, of all its threads and processes. Times are noisy on a shared
machine: what counts are the ratios within one run, of the processor time above all.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from generate_otlp import size_of, write

VALUE = (
    "STRUCT(stringValue VARCHAR, intValue VARCHAR, doubleValue VARCHAR, boolValue VARCHAR, "
    "arrayValue JSON, kvlistValue JSON, bytesValue VARCHAR)"
)
PAIRS = f"STRUCT(key VARCHAR, value {VALUE})[]"
SPAN = (
    "STRUCT(traceId VARCHAR, spanId VARCHAR, parentSpanId VARCHAR, name VARCHAR, kind VARCHAR, "
    f"startTimeUnixNano BIGINT, endTimeUnixNano BIGINT, attributes {PAIRS}, "
    "status STRUCT(code VARCHAR, message VARCHAR))"
)
GROUPS = (
    f"STRUCT(resource STRUCT(attributes {PAIRS}), scopeSpans STRUCT(scope STRUCT(name VARCHAR), spans {SPAN}[])[])[]"
)


def read_with_dcr(file: Path, scratch: Path) -> dict[str, float]:
    """Our read step, and the rest of the investigation after it."""
    os.environ["DCR_HOME"] = str(scratch / "home")
    from deep_code_reasoning.app.ingest import Evidence, ingest
    from deep_code_reasoning.app.investigate import investigate_case
    from deep_code_reasoning.domain.case import CaseInfo

    started, started_cpu = time.perf_counter(), cpu_s()
    folder = ingest(Evidence((file,)))
    read_s, read_cpu_s = time.perf_counter() - started, cpu_s() - started_cpu
    answer = investigate_case(folder, CaseInfo(""))
    rows = sum(source.rows for source in answer.sources)
    return {"read_s": read_s, "cpu_s": read_cpu_s, "whole_s": time.perf_counter() - started, "rows": rows}


def cpu_s() -> float:
    """Processor time of this process and of those it has waited for."""
    return sum(os.times()[:4])


def read_with_duckdb(file: Path, scratch: Path) -> dict[str, float]:
    """The same spans, the same maps, by DuckDB; starting it is in the time, as it is in ours."""

    def mapped(pairs: str) -> str:
        kinds = "stringValue intValue doubleValue boolValue bytesValue".split()
        texts = [f"x.value.{kind}" for kind in kinds] + ["x.value.arrayValue::VARCHAR", "x.value.kvlistValue::VARCHAR"]
        return f"map_from_entries([(x.key, coalesce({', '.join(texts)})) for x in {pairs}])"

    started, started_cpu = time.perf_counter(), cpu_s()
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET threads = 2; SET preserve_insertion_order = false")
    connection.execute(
        f"""
        COPY (
            WITH groups AS (
                SELECT unnest(resourceSpans) AS r
                FROM read_json('{file}', format = 'newline_delimited', columns = {{resourceSpans: '{GROUPS}'}},
                               maximum_object_size = 67108864)
            ),
            scopes AS (SELECT {mapped("r.resource.attributes")} AS resource, unnest(r.scopeSpans) AS ss FROM groups),
            spans AS (SELECT resource, ss.scope.name AS scope, unnest(ss.spans) AS sp FROM scopes)
            SELECT sp.traceId AS trace_id, sp.spanId AS span_id, sp.parentSpanId AS parent_span_id, sp.name AS name,
                   sp.kind AS kind, resource['service.name'] AS service, sp.startTimeUnixNano AS start_ns,
                   sp.endTimeUnixNano - sp.startTimeUnixNano AS duration_ns, sp.status.code AS status,
                   sp.status.message AS status_message, {mapped("sp.attributes")} AS attributes, resource, scope
            FROM spans
        ) TO '{scratch / "spans.parquet"}' (FORMAT parquet, COMPRESSION lz4_raw)
        """
    )
    rows = connection.execute(f"SELECT count(*) FROM '{scratch / 'spans.parquet'}'").fetchall()[0][0]
    return {"read_s": time.perf_counter() - started, "cpu_s": cpu_s() - started_cpu, "rows": rows}


def parse_with_simdjson(file: Path, scratch: Path) -> dict[str, float]:
    """Every line parsed and thrown away, half the file in each of two processes."""
    import simdjson

    size = file.stat().st_size
    started, started_cpu = time.perf_counter(), cpu_s()
    children = []
    for part in range(2):
        child = os.fork()
        if child == 0:
            parser = simdjson.Parser()
            with file.open("rb") as lines:
                if part:
                    lines.seek(size // 2)
                    lines.readline()
                end = size if part else size // 2
                while lines.tell() <= end and (line := lines.readline()):
                    document = parser.parse(line)
                    del document
            os._exit(0)
        children.append(child)
    for child in children:
        if os.waitpid(child, 0)[1]:
            raise RuntimeError("a parse failed")
    return {"read_s": time.perf_counter() - started, "cpu_s": cpu_s() - started_cpu, "rows": 0}


CONTENDERS = {"dcr": read_with_dcr, "duckdb": read_with_duckdb, "simdjson": parse_with_simdjson}


def one_run(contender: str, file: Path) -> dict[str, float]:
    """Run a contender in a process of its own."""
    with tempfile.TemporaryDirectory() as scratch:
        done = subprocess.run(
            [sys.executable, __file__, "--run", contender, str(file), scratch],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{contender} failed:\n{done.stderr}")
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def measure(file: Path, contenders: list[str], runs: int) -> dict[str, dict[str, float]]:
    """Medians of the runs of all contenders, who take turns."""
    figures: dict[str, list[dict[str, float]]] = {contender: [] for contender in contenders}
    for _ in range(runs):
        for contender in contenders:
            figures[contender].append(one_run(contender, file))
    return {name: {key: median(run[key] for run in found) for key in found[0]} for name, found in figures.items()}


def report(size_bytes: int, figures: dict[str, dict[str, float]]) -> str:
    """The table, and the two ratios that count."""
    lines = [f"{'':14}{'MB/s':>9}{'seconds':>10}{'cpu s':>9}{'peak MB':>10}{'rows':>13}"]

    def row(name: str, seconds: float, cpu: str, found: dict[str, float]) -> None:
        lines.append(
            f"{name:14}{size_bytes / 1e6 / seconds:9.0f}{seconds:10.2f}{cpu:>9}{found['peak_mb']:10.0f}"
            f"{found['rows']:13,.0f}"
        )

    ours = figures["dcr"]
    row("dcr read", ours["read_s"], f"{ours['cpu_s']:.2f}", ours)
    row("dcr whole", ours["whole_s"], "", ours)
    for name in ("duckdb", "simdjson"):
        if name in figures:
            theirs = figures[name]
            row(name, theirs["read_s"], f"{theirs['cpu_s']:.2f}", theirs)
            faster, cheaper = theirs["read_s"] / ours["read_s"], theirs["cpu_s"] / ours["cpu_s"]
            lines.append(f"{'':14}{faster:.2f} x its speed is ours, {cheaper:.2f} x by processor time")
    return "\n".join(lines)


def main() -> int:
    """The command line."""
    if sys.argv[1:2] == ["--run"]:
        contender, path, scratch = sys.argv[2:]
        found = CONTENDERS[contender](Path(path), Path(scratch))
        peak_kb = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        print(json.dumps({**found, "peak_mb": peak_kb / 1024}))
        return 0
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--size", type=size_of, default="500MB", help="bytes of JSON, for example 500MB or 2GB")
    parser.add_argument("--gzip", action="store_true", help="compress the file")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--peers", action=argparse.BooleanOptionalAction, default=True, help="run the others too")
    parser.add_argument("--format", choices=["text", "json"], default="text")
    options = parser.parse_args()
    contenders = ["dcr"]
    if options.peers:
        contenders += ["duckdb"] if options.gzip else ["duckdb", "simdjson"]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "traces.jsonl.gz" if options.gzip else "traces.jsonl")
        write(file, options.size, compressed=options.gzip)
        figures = measure(file, contenders, options.runs)
    if options.format == "json":
        print(json.dumps({"bytes": options.size, **figures}, indent=1))
    else:
        print(report(options.size, figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
