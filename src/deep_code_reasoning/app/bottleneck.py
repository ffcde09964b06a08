"""Where a path of code spends its time: calls in loops as the code shows them, times as the spans show them.

Own times add up over all spans; what owns the *latency* is what lies on the critical path, and what would be saved
without it is said beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ..detectors.contrast.outcomes import prepare_outcomes
from ..domain.window import Window
from ..source import Roots
from ..store import CaseStore
from .cases import open_named
from .code_references import references
from .code_telemetry import milliseconds, spans_of_functions
from .comparison import latency_rows, windows_of
from .execution_path import EntryPoint, Step, entry_of, walk
from .investigate import investigation_of

_Found = Sequence[Mapping[str, Any]]
_Operation = Mapping[str, Any]

_LOOP: Final = re.compile(r"^\s*(?:for|while|foreach)\b|\.(?:forEach|map|flatMap|each|stream)\s*\(|^\s*async for\b")
# Names of calls that usually go to a database, a service, a disk.
_FAR: Final = re.compile(
    r"(?i)^(?:query|find|fetch|load|select|execute|request|send|save|read|post|put|delete|insert|update|publish|call|lock"
    r"|get(?=[A-Z_]))"
)
_WORD: Final = re.compile(r"[a-z0-9]{3,}")

# Time by operation in the traces that pass through some operations: what no child covers is an operation's own.
_OWN_TIME: Final = """
    WITH through AS (SELECT DISTINCT trace_id FROM spans WHERE (service, name) IN (
             SELECT arrayJoin(arrayZip({services:Array(String)}, {operations:Array(String)})) AS pair) LIMIT 20000),
         taken AS (SELECT trace_id, span_id, parent_span_id, toString(service) AS service, toString(name) AS name,
                          duration_ns
                   FROM spans WHERE trace_id IN through),
         inner_ns AS (SELECT trace_id, parent_span_id, sum(duration_ns) AS ns FROM taken
                      GROUP BY trace_id, parent_span_id)
    SELECT t.service AS service, t.name AS operation, count() AS spans, uniqExact(t.trace_id) AS traces,
           sum(greatest(0, toInt64(t.duration_ns) - toInt64(i.ns))) AS own_ns
    FROM taken AS t LEFT JOIN inner_ns AS i ON t.trace_id = i.trace_id AND t.span_id = i.parent_span_id
    GROUP BY service, operation ORDER BY own_ns DESC, service, operation LIMIT {most:UInt32}
"""


def performance_bottleneck(
    roots: Roots, entry_point: EntryPoint, case: str | None, *, suspected_issues: Sequence[str], depth: int
) -> dict[str, Any]:
    """Answer a question for a bottleneck; `depth` says how far calls are followed and how much is shown.

    Raises:
        SourceError, UsageError: as `entry_of`.
        CaseNotFoundError: when a case is named and there is none.
    """
    with references(roots) as names:
        steps, _ = walk(names, entry_of(roots, entry_point), 2 * depth)
    loops = sorted((found for step in steps for found in _calls_in_loops(step)), key=_likely_free)
    with open_named(case) as store:
        operations = _operations(store, steps) if store else []
        times = _times(store, operations, 4 * depth) if store else []
        owners = _owners(store, operations) if store else []
        findings = _findings(store) if store else []
    issues = [_issue(issue, findings, loops, times) for issue in suspected_issues]
    head = {
        "entry_point": steps[0].place,
        "function": steps[0].function.name,
        "followed": f"{len(steps)} functions, {2 * depth} calls deep at most",
        "suspected_issues": issues,
        "latency_owners": owners[: 2 * depth],
        "own_time_by_operation": times[: 4 * depth],
        "calls_in_loops": loops[: 4 * depth],
        "could_not_look_at": [] if case else ["times: needs a case with telemetry"],
        "basis": "loops by their text, calls by name as the grammars tell them; times are measured",
    }
    return {
        "head": head,
        "sections": {
            "calls_in_loops": loops,
            "latency_owners": owners,
            "own_time_by_operation": times,
            "findings": findings,
        },
    }


def _calls_in_loops(step: Step) -> Iterator[dict[str, Any]]:
    """Calls on lines that stand deeper than a loop above them, or on the loop's own line behind it."""
    lines = step.file.lines
    loops: list[tuple[int, int]] = []
    by_line: dict[int, list[str]] = {}
    for name, number in step.function.calls:
        by_line.setdefault(number, []).append(name)
    for number in range(step.function.first, step.function.last + 1):
        text = lines[number - 1]
        if not text.strip():
            continue
        indent = len(text) - len(text.lstrip())
        loops = [(begin, column) for begin, column in loops if indent > column]
        if loops and number in by_line:
            yield {
                "at": f"code:{step.file.where}#{number}",
                "function": step.function.name,
                "calls": by_line[number],
                "loops_around": len(loops),
                "loop": f"code:{step.file.where}#{loops[-1][0]}",
                "line": text.strip()[:160],
            }
        if _LOOP.search(text):
            loops.append((number, indent))


def _likely_free(loop: Mapping[str, Any]) -> bool:
    """Whether no call on the line sounds like one that leaves the process: those that do come first."""
    return not any(_FAR.search(name) for name in loop["calls"])


def _operations(store: CaseStore, steps: Sequence[Step]) -> Sequence[_Operation]:
    """The operations that run the code; of the entry point alone when it has spans."""
    ran = spans_of_functions(store, (step.function.name for step in steps))
    entry = ran.get(steps[0].function.name.lower())
    return entry or [operation for found in ran.values() for operation in found]


def _owners(store: CaseStore, operations: Sequence[_Operation]) -> list[dict[str, Any]]:
    """Who owns the latency of the requests that run the code, in the calm and the bad stretch, or in all of the time.

    Of the case as it is where the code ran in no span: the kind of request that lost most, or takes most.
    """
    whole = store.time_range("spans")
    if whole is None:
        return []
    calm, bad = windows_of(store.folder)
    if calm is None or bad is None:
        calm, bad = Window(whole.start_ns, whole.start_ns), whole
    return latency_rows(store, calm, bad, _root(store, operations) if operations else None)


def _root(store: CaseStore, operations: Sequence[_Operation]) -> tuple[str, str] | None:
    prepare_outcomes(store)
    rows = store.query(
        """
        SELECT root, count() AS n FROM request_outcomes
        WHERE trace_id IN (SELECT trace_id FROM linked_spans WHERE (service, name) IN (
                  SELECT arrayJoin(arrayZip({services:Array(String)}, {operations:Array(String)}))))
        GROUP BY root ORDER BY n DESC, root LIMIT 1
        """,
        services=[operation["service"] for operation in operations],
        operations=[operation["operation"] for operation in operations],
    )
    return (rows[0]["root"][0], rows[0]["root"][1]) if rows else None


def _times(store: CaseStore, operations: Sequence[_Operation], most: int) -> list[dict[str, Any]]:
    """Own time by operation, in the traces that run the code."""
    if not operations:
        return []
    rows = store.query(
        _OWN_TIME,
        services=[operation["service"] for operation in operations],
        operations=[operation["operation"] for operation in operations],
        most=most,
    )
    total = sum(row["own_ns"] for row in rows) or 1
    return [
        {
            "service": row["service"],
            "operation": row["operation"],
            "spans": row["spans"],
            "spans_per_trace": float(f"{row['spans'] / max(1, row['traces']):.3g}"),
            "own_ms_per_trace": milliseconds(row["own_ns"] / max(1, row["traces"])),
            "share": round(row["own_ns"] / total, 3),
        }
        for row in rows
    ]


def _findings(store: CaseStore) -> list[dict[str, Any]]:
    return [
        {
            "mechanism": f.mechanism,
            "service": f.service,
            "summary": f.summary,
            "citations": [str(c) for c in f.citations[:3]],
        }
        for f in investigation_of(store.folder).findings
    ]


def _words_of(found: Mapping[str, Any]) -> str:
    kind = "loop n plus one " if "loops_around" in found else ""
    return (kind + " ".join(map(str, found.values()))).lower().replace("_", " ")


def _issue(issue: str, findings: _Found, loops: _Found, times: _Found) -> dict[str, Any]:
    """What speaks for an issue that the asker suspects: whatever shares its words. Nothing seen is said too."""
    words = set(_WORD.findall(issue.lower().replace("n+1", "n plus one").replace("_", " ")))
    related = [
        str(found.get("citations", [found.get("at", found.get("operation"))])[0])
        for found in (*findings, *loops, *times)
        if words & set(_WORD.findall(_words_of(found)))
    ]
    return {"issue": issue, "seen": related[:5], "verdict": "something fits" if related else "nothing seen that fits"}
