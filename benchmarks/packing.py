"""How much of the evidence that bears the answer is in a pack, at 8K, 32K and 200K tokens; and how long packing takes.

    python benchmarks/packing.py [--data DIR] [--speed [--size 500MB]] [--format text|json]

DIR holds the suites `nezha-trainticket` and `rootcausebench`. What bears the answer follows from `labels.json` and the
rows of the case, never from our own causes; and what our analysers *say* (the passages `cause` and `finding`) is taken
out of the pack before it is scored, so that naming the answer is not showing its evidence. Per case, one item each for:

    nezha            a log record of the faulty service at each of the region's two statements (those that the case has)
                     the region's metric of the faulty service, with a point after the fault began
                     a span of the faulty service after the fault began, in a trace
    rootcausebench   the culprit commit; nine tenths of the changed lines of its diff; its deploy
                     a warning or error of the first failing service, and a metric of it
                     a warning, error or metric of each service of the blast radius

An item is in the pack when an id that the pack shows (a citation, or a span's id in a trace) resolves to such a row.
Items of which the case has no row do not count. `share` is items in the pack over all items; `complete` counts the
cases of which all items are in it. `random` fills the same budget with rows drawn blindly: the chance level.
`--speed` packs a generated case of OTLP traces (see `generate_otlp.py`): time to pack, without reading and analysing.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
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
from deep_code_reasoning.app.pack import PackRequest, pack_investigation
from deep_code_reasoning.domain.citation import Citation, log_citation
from deep_code_reasoning.domain.instant import parse_instant
from deep_code_reasoning.domain.investigation import Investigation
from deep_code_reasoning.domain.tokens import estimate_tokens
from deep_code_reasoning.store import CaseStore, Row, open_case
from deep_code_reasoning.store.library import case_folder

ROOT = Path(__file__).resolve().parents[1]
DEFAULT_DATA = ROOT.parent / "shared" / "data"
BUDGETS = (8_000, 32_000, 200_000)
LOUD = ("warn", "error", "fatal")
# A citation as packs write it, and the id at the end of a span's line in a trace.
_CITED = re.compile(r"\[((?:log|metric|deploy|flag|notice):[^\]\n]+)\]|\b(commit:\S+)|\b(span:\S+/\S+)")
_TRACE = re.compile(r"^trace (\S+): ", re.MULTILINE)
_SPAN = re.compile(r"\((\S+)\)$", re.MULTILINE)
_PASSAGE = re.compile(r'<evidence-\w+ kind="(\w+)" title="[^"]*">\n(.*?)\n</evidence-\w+>', re.DOTALL)

Item = tuple[str, Callable[["Shown"], bool]]


@dataclass(frozen=True)
class Shown:
    """What a pack shows, resolved to rows: by kind of evidence; `text` is all that is not the analysers' own words."""

    text: str
    rows: Mapping[str, Sequence[Row]]


@dataclass(frozen=True)
class Score:
    """One case at one budget."""

    suite: str
    case: str
    budget: int
    tokens: int
    items: int
    inside: int
    by_chance: int
    missing: tuple[str, ...]


def main() -> int:
    """Run the suites that are there and print the table."""
    arguments = _parser().parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["DCR_HOME"] = str(Path(scratch) / "home")
        if arguments.speed:
            print(json.dumps(speed(arguments.size, Path(scratch)), indent=1))
            return 0
        scores = [
            score
            for suite, items_of in (("nezha-trainticket", nezha_items), ("rootcausebench", rootcause_items))
            if (arguments.data / suite / "labels.json").is_file()
            for score in run(arguments.data / suite, items_of)
        ]
    if not scores:
        print(f"no labelled cases in {arguments.data}", file=sys.stderr)
        return 2
    if arguments.format == "json":
        print(json.dumps({"summary": summarise(scores), "cases": [asdict(s) for s in scores]}, indent=1))
    else:
        print(table(scores))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="How much of what bears the answer is in a pack?")
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="folder of the suites")
    parser.add_argument("--speed", action="store_true", help="time the packing of a large generated case instead")
    parser.add_argument("--size", default="500MB", help="size of that case")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    return parser


def run(suite: Path, items_of: Callable[[CaseStore, Mapping[str, Any]], list[Item]]) -> Iterator[Score]:
    """Score every case of a suite at every budget."""
    labels: dict[str, Any] = json.loads((suite / "labels.json").read_text())
    for name in sorted(labels):
        answer = investigate(Evidence((suite / name,)))
        folder = case_folder(answer.case.id)
        with open_case(folder) as store:
            items = items_of(store, labels[name])
            for budget in BUDGETS:
                packed = pack_investigation(folder, answer, PackRequest(budget_tokens=budget))
                shown = shown_by(store, packed.text)
                missing = tuple(what for what, holds in items if not holds(shown))
                chance = shown_by(store, blind_pack(store, budget))
                lucky = sum(holds(chance) for _, holds in items)
                yield Score(
                    suite.name, name, budget, packed.tokens, len(items), len(items) - len(missing), lucky, missing
                )


def shown_by(store: CaseStore, text: str) -> Shown:
    """Resolve what the passages show, those of the analysers left out."""
    passages = [(kind, body) for kind, body in _PASSAGE.findall(text) if kind not in ("cause", "finding")]
    cited: dict[str, set[str]] = {}
    for kind, body in passages:
        for groups in _CITED.findall(body):
            citation = Citation.parse(next(filter(None, groups)))
            cited.setdefault(citation.kind, set()).add(citation.ref)
        if kind == "trace":
            trace_id = _TRACE.findall(body)[0]
            cited.setdefault("span", set()).update(f"{trace_id}/{span}" for span in _SPAN.findall(body))
    rows = {kind: resolve_all(store, kind, sorted(refs)) for kind, refs in cited.items()}
    return Shown("\n".join(body for _, body in passages), rows)


# How the rows of a table are cited, as SQL: many citations are resolved in one query.
_REFERENCE = {
    "span": ("spans", "concat(trace_id, '/', span_id)", "service, start_ns"),
    "log": ("logs", "concat(toString(source_id), '@', toString(line), if(item = 0, '', concat('.', toString(item))))",
            "service, severity, body"),
    "metric": ("metrics", "concat(name, '{', service, '}@', toString(time_ns))", "service, name, time_ns"),
    "commit": ("changes", "concat(repo, '@', id)", "id, commit_sha"),
    "deploy": ("changes", "id", "id, commit_sha"),
    "flag": ("changes", "id", "id, commit_sha"),
    "notice": ("notices", "id", "id"),
}  # fmt: skip


def resolve_all(store: CaseStore, kind: str, refs: Sequence[str]) -> list[Row]:
    """The rows behind citations of a kind."""
    table, reference, columns = _REFERENCE[kind]
    if kind == "log":
        numbers = {source.name: source.id for source in store.sources}
        refs = [f"{numbers[name]}@{place}" for name, _, place in (ref.rpartition("@") for ref in refs)]
    if kind == "metric":
        refs = [f"{series}@{parse_instant(moment)}" for series, _, moment in (ref.rpartition("@") for ref in refs)]
    return store.query(
        f"SELECT {columns} FROM {table} WHERE {reference} IN {{refs:Array(String)}} ORDER BY ALL", refs=refs
    )


def blind_pack(store: CaseStore, budget: int) -> str:
    """Rows drawn at random (seeded) from logs, metrics, spans and changes alike, until the budget is full."""
    chance = random.Random(20261125)
    drawn: list[str] = []
    for row in store.query(
        "SELECT source_id, line, item, service, body FROM logs ORDER BY cityHash64(line, item) LIMIT 3000"
    ):
        cited = log_citation(store.source(row["source_id"]).name, int(row["line"]), int(row["item"]))
        drawn.append(f"{row['service']} {row['body'][:700]} [{cited}]")
    for row in store.query(
        "SELECT name, service, value, formatDateTime(fromUnixTimestamp64Nano(time_ns), '%FT%TZ') AS at FROM metrics "
        "WHERE time_ns % 1000000000 = 0 ORDER BY cityHash64(line, item) LIMIT 3000"
    ):
        drawn.append(f"{row['value']} [metric:{row['name']}{{{row['service']}}}@{row['at']}]")
    for row in store.query(
        "SELECT trace_id, span_id, service, name FROM spans ORDER BY cityHash64(span_id) LIMIT 3000"
    ):
        drawn.append(f"{row['service']} {row['name']} span:{row['trace_id']}/{row['span_id']} ")
    for row in store.query("SELECT kind, id, repo, message, diff FROM changes ORDER BY cityHash64(id)"):
        cited_change = (
            f"commit:{row['repo']}@{row['id']}" if row["kind"] == "commit" else f"[{row['kind']}:{row['id']}]"
        )
        drawn.append(f"{cited_change} {row['message']}\n{row['diff']}")
    chance.shuffle(drawn)
    kept, room = [], budget
    for text in drawn:
        size = estimate_tokens(text) + 1
        if size <= room:
            kept.append(text)
            room -= size
    body = "\n".join(kept)
    return f'<evidence-x kind="blind" title="">\n{body}\n</evidence-x>'


def nezha_items(store: CaseStore, label: Mapping[str, Any]) -> list[Item]:
    """What bears the answer of a case of fault injection."""
    service, region = label["service"], label["region"]
    since = parse_instant(label["injected_at"]) or 0
    items: list[Item] = [
        (
            f"a span of {service}",
            lambda shown: any(
                row["service"] == service and int(row["start_ns"]) >= since for row in shown.rows.get("span", ())
            ),
        )
    ]
    if store.query(
        "SELECT 1 FROM metrics WHERE service = {s:String} AND name = {n:String} LIMIT 1", s=service, n=region
    ):
        items.append(
            (
                f"the metric {region}",
                lambda shown: any(
                    row["service"] == service and row["name"] == region and int(row["time_ns"]) >= since
                    for row in shown.rows.get("metric", ())
                ),
            )
        )
    for statement in region.split("_"):
        if store.query(
            "SELECT 1 FROM logs WHERE service = {s:String} AND position(body, {t:String}) > 0 LIMIT 1",
            s=service,
            t=f"{statement} ",
        ):
            items.append((f"a record at {statement}", _record_at(service, f"{statement} ")))
    return items


def _record_at(service: str, statement: str) -> Callable[[Shown], bool]:
    return lambda shown: any(
        row["service"] == service and statement in row["body"] for row in shown.rows.get("log", ())
    )


def rootcause_items(store: CaseStore, label: Mapping[str, Any]) -> list[Item]:
    """What bears the answer of an incident with commits."""
    items: list[Item] = []
    sha = label["root_cause_commit"]
    if sha != "none":
        items.append((f"commit {sha[:12]}", lambda shown: _has(shown, "commit", "id", sha)))
        diff = store.query("SELECT diff FROM changes WHERE kind = 'commit' AND id = {id:String}", id=sha)
        changed = [line for row in diff for line in row["diff"].splitlines() if re.match(r"[+-](?![+-])\s*\S", line)]
        if changed:
            items.append(("its diff", lambda shown: _most(changed, shown.text)))
        if store.query("SELECT 1 FROM changes WHERE kind = 'deploy' AND commit_sha = {id:String} LIMIT 1", id=sha):
            items.append(("its deploy", lambda shown: _has(shown, "deploy", "commit_sha", sha)))
    first = label["first_failing_service"]
    logged, measured = _loud(store, first), _measured(store, first)
    if logged:
        items.append((f"a warning or error of {first}", lambda shown: _is_loud(shown, first)))
    if measured:
        items.append((f"a metric of {first}", lambda shown: _has(shown, "metric", "service", first)))
    for victim in label["blast_radius"]:
        if _loud(store, victim) or _measured(store, victim):
            items.append((f"a sign of {victim}", _sign_of(victim)))
    return items


def _sign_of(service: str) -> Callable[[Shown], bool]:
    return lambda shown: _is_loud(shown, service) or _has(shown, "metric", "service", service)


def _has(shown: Shown, kind: str, column: str, value: str) -> bool:
    return any(row[column] == value for row in shown.rows.get(kind, ()))


def _is_loud(shown: Shown, service: str) -> bool:
    return any(row["service"] == service and row["severity"] in LOUD for row in shown.rows.get("log", ()))


def _most(lines: Sequence[str], text: str) -> bool:
    return sum(line in text for line in lines) >= 0.9 * len(lines)


def _loud(store: CaseStore, service: str) -> bool:
    return bool(
        store.query(
            "SELECT 1 FROM logs WHERE service = {s:String} AND severity IN {loud:Array(String)} LIMIT 1",
            s=service,
            loud=LOUD,
        )
    )


def _measured(store: CaseStore, service: str) -> bool:
    return bool(store.query("SELECT 1 FROM metrics WHERE service = {s:String} LIMIT 1", s=service))


def speed(size: str, scratch: Path) -> dict[str, Any]:
    """Pack a large generated case a few times at each budget: wall and processor seconds, medians."""
    from generate_otlp import size_of, write

    file = scratch / "traces.otlp.jsonl"
    write(file, size_of(size), seed=1, compressed=False)
    answer: Investigation = investigate(Evidence((file,)))
    folder = case_folder(answer.case.id)
    pack_investigation(
        folder, answer, PackRequest(budget_tokens=1_000)
    )  # the engine and the rules start once a process
    figures: dict[str, Any] = {"size": size, "rows": sum(source.rows for source in answer.sources)}
    for budget in BUDGETS:
        walls, cpus = [], []
        for _ in range(5):
            wall, cpu = time.perf_counter(), time.process_time()
            pack_investigation(folder, answer, PackRequest(budget_tokens=budget))
            walls.append(time.perf_counter() - wall)
            cpus.append(time.process_time() - cpu)
        figures[f"{budget}"] = {"wall_s": round(median(walls), 3), "cpu_s": round(median(cpus), 3)}
    return figures


def summarise(scores: Sequence[Score]) -> dict[str, Any]:
    """The shares by suite and budget."""
    summary: dict[str, Any] = {}
    for suite in dict.fromkeys(score.suite for score in scores):
        for budget in BUDGETS:
            own = [score for score in scores if (score.suite, score.budget) == (suite, budget)]
            items = sum(score.items for score in own)
            summary[f"{suite} {budget // 1000}K"] = {
                "share": round(sum(score.inside for score in own) / items, 3),
                "items": items,
                "complete": f"{sum(not score.missing for score in own)} of {len(own)}",
                "random": round(sum(score.by_chance for score in own) / items, 3),
            }
    return summary


def table(scores: Sequence[Score]) -> str:
    """What people read."""
    lines = [f"{'suite and budget':24} share   items  complete   random"]
    for name, figures in summarise(scores).items():
        lines.append(
            f"{name:24} {figures['share']:6.1%} {figures['items']:6}  {figures['complete']:9} {figures['random']:6.1%}"
        )
    lines.append("")
    lines += [f"{s.suite} {s.case} {s.budget // 1000}K misses: {', '.join(s.missing)}" for s in scores if s.missing]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
