"""How fast spans in Parquet are read, beside a bare read of the same columns, in one run.

    python benchmarks/tables.py [--spans 300000] [--runs 3] [--format text|json]

Files of the columns of ClickHouse's `otel_traces`, an event on every tenth span; attributes as maps, as structures, or
as text of JSON. Each contender is a process of its own; they take turns, and the median counts. What counts is the
processor time: times on a shared machine are noisy.

    dcr       the read step of `investigate`: every span in the case's tables
    by rows   the same spans from lines of JSON, record by record
    bare      the columns read by Arrow, a batch at a time, and written as Parquet again: the limit
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

KINDS = ("map", "struct", "json")
_STEP = 20_000


def write(path: Path, kind: str, spans: int) -> None:
    """A file of so many spans, the same for the same arguments."""
    import pyarrow as pa
    import pyarrow.parquet

    dice = random.Random(spans)
    pairs = pa.map_(pa.string(), pa.string())
    writer = None
    for first in range(0, spans, _STEP):
        rows = range(first, min(first + _STEP, spans))
        own = [
            {
                "http.route": f"/api/{n % 50}",
                "http.status_code": dice.choice(["200", "200", "200", "500"]),
                "user.id": str(dice.randrange(10**6)),
                "db.statement": "SELECT * FROM orders WHERE id = ?",
            }
            for n in rows
        ]
        resources = [
            {"service.name": f"service-{n % 20}", "k8s.pod.name": f"pod-{n % 40}", "host.name": f"host-{n % 10}"}
            for n in rows
        ]

        def attributes(values: list[dict[str, str]]) -> Any:
            if kind == "json":
                return pa.array(map(json.dumps, values))
            return pa.array([list(value.items()) for value in values], pairs) if kind == "map" else pa.array(values)

        event = pa.struct([("Timestamp", pa.timestamp("ns")), ("Name", pa.string()), ("Attributes", pairs)])
        times = [1_781_784_000_000_000_000 + 1_000 * n for n in rows]
        events = [
            [] if n % 10 else [{"Timestamp": at, "Name": "exception", "Attributes": [("exception.type", "Timeout")]}]
            for n, at in zip(rows, times, strict=True)
        ]
        table = pa.table(
            {
                "Timestamp": pa.array(times, pa.timestamp("ns")),
                "TraceId": [f"{n // 8:032x}" for n in rows],
                "SpanId": [f"{n + 1:016x}" for n in rows],
                "ParentSpanId": [f"{n:016x}" if n % 8 else "" for n in rows],
                "SpanName": [f"GET /api/{n % 50}" for n in rows],
                "SpanKind": pa.array([("Server", "Client")[n % 2] for n in rows]).dictionary_encode(),
                "ServiceName": pa.array([f"service-{n % 20}" for n in rows]).dictionary_encode(),
                "Duration": pa.array([dice.randrange(10**8) for _ in rows], pa.uint64()),
                "StatusCode": [("Ok", "Error")[n % 17 == 0] for n in rows],
                "ResourceAttributes": attributes(resources),
                "SpanAttributes": attributes(own),
                "Events": pa.array(events, pa.list_(event)),
            }
        )
        writer = writer or pyarrow.parquet.ParquetWriter(path, table.schema, compression="zstd")
        writer.write_table(table)
    if writer is not None:
        writer.close()


def read_with_dcr(file: Path, scratch: Path) -> None:
    """The read step."""
    os.environ["DCR_HOME"] = str(scratch / "home")
    from deep_code_reasoning.app.ingest import Evidence, ingest

    ingest(Evidence((file,)))


def read_by_rows(file: Path, scratch: Path) -> None:
    """The read step, were there no columns."""
    from deep_code_reasoning.readers import flat_spans
    from deep_code_reasoning.readers.span_columns import UnsuitedError

    def unsuited(*_: Any) -> Any:
        raise UnsuitedError

    vars(flat_spans).update(spans_of=unsuited, json_batches=unsuited_table)
    read_with_dcr(file, scratch)


def unsuited_table(_: Path) -> Any:
    """A table whose rows have spans of their own, which is read as lines."""
    yield {"spans": []}, {}


def read_bare(file: Path, scratch: Path) -> None:
    """Nothing but Arrow's reader and writer."""
    import pyarrow.parquet

    stored = pyarrow.parquet.ParquetFile(file)
    with pyarrow.parquet.ParquetWriter(scratch / "copy", stored.schema_arrow, compression="lz4") as copy:
        for batch in stored.iter_batches(_STEP):
            copy.write_batch(batch)


CONTENDERS = {"dcr": read_with_dcr, "by rows": read_by_rows, "bare": read_bare}


def one_run(contender: str, file: Path) -> dict[str, float]:
    """Run a contender in a process of its own."""
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, __file__, "--run", contender, str(file), scratch]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{contender} failed:\n{done.stderr}")
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def main() -> int:
    """The command line."""
    if sys.argv[1:2] == ["--run"]:
        contender, path, scratch = sys.argv[2:]
        started, started_cpu = time.perf_counter(), sum(os.times()[:4])
        CONTENDERS[contender](Path(path), Path(scratch))
        figures = {"s": time.perf_counter() - started, "cpu_s": sum(os.times()[:4]) - started_cpu}
        print(json.dumps({**figures, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
        return 0
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--spans", type=int, default=300_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--format", choices=["text", "json"], default="text")
    options = parser.parse_args()
    measured: dict[str, dict[str, dict[str, float]]] = {}
    if options.format == "text":
        print(
            f"{options.spans:,} spans{'cpu s':>22}{'spans a cpu s':>15}{'x bare':>8}{'wall s':>8}{'peak MB':>9}",
            flush=True,
        )
    with tempfile.TemporaryDirectory() as folder:
        for kind in KINDS:
            file = Path(folder, f"{kind}.parquet")
            write(file, kind, options.spans)
            found = [{name: one_run(name, file) for name in CONTENDERS} for _ in range(options.runs)]
            measured[kind] = {
                name: {key: median(run[name][key] for run in found) for key in found[0][name]} for name in CONTENDERS
            }
            if options.format == "text":
                report(kind, options.spans, measured[kind])
    if options.format == "json":
        print(json.dumps({"spans": options.spans, **measured}, indent=1))
    return 0


def report(kind: str, spans: int, named: dict[str, dict[str, float]]) -> None:
    """A line for each contender."""
    for name, row in named.items():
        rate, times = spans / row["cpu_s"], row["cpu_s"] / named["bare"]["cpu_s"]
        label = f"{kind:8}{name}"
        print(
            f"{label:24}{row['cpu_s']:12.2f}{rate:15,.0f}{times:8.1f}{row['s']:8.1f}{row['peak_mb']:9.0f}", flush=True
        )


if __name__ == "__main__":
    sys.exit(main())
