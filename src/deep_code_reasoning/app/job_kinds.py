"""Work that takes long, by name: what is asked and what is answered are JSON values, so that both can be kept.

What is asked holds the `handle` of the work too: by it work that a crash cut off finds what it had begun.
An answer has a `head` (what matters, bounded) and `sections` (lists of objects, or text) that are read piece by piece.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from ..domain.case import CaseInfo
from ..domain.instant import format_instant, parse_instant
from ..domain.investigation import Investigation
from ..errors import UsageError
from ..report import outline
from ..report.answer import as_json
from ..report.markdown import as_markdown
from ..report.plain import to_milliseconds
from ..store.layout import read_manifest
from ..store.library import find_case
from .brief import without_absent
from .ingest import Evidence, Progress, ingest

Asked = Mapping[str, Any]
Answered = Mapping[str, Any]


def run_job(kind: str, asked: Asked, progress: Progress) -> Answered:
    """Do the work of that kind."""
    return KINDS[kind](asked, progress)


def instant_of(text: str | None, name: str) -> int | None:
    """An instant that a caller wrote, in nanoseconds.

    Raises:
        UsageError: when it is none.
    """
    if text is None:
        return None
    time_ns = parse_instant(text)
    if time_ns is None:
        raise UsageError(f"{name}: '{text[:60]}' is no instant", "write it as 2026-01-31T14:05:00Z")
    return time_ns


def _open_case(asked: Asked, progress: Progress) -> Answered:
    """Read evidence into a case."""
    evidence = Evidence(
        paths=tuple(map(Path, asked["paths"])),
        baseline=tuple(map(Path, asked["baseline_paths"])),
        repositories=tuple(map(Path, asked["repositories"])),
        case_name=asked["case_name"],
        info=CaseInfo("", noticed_at_ns=instant_of(asked["noticed_at"], "noticed_at"), question=asked["question"]),
    )
    return describe_case(ingest(evidence, progress))


def describe_case(folder: Path) -> dict[str, Any]:
    """What a case holds: rows by kind, times, and every source with what became of it."""
    manifest = read_manifest(folder)
    sources = manifest.sources
    times = [time for source in sources for time in (source.from_ns, source.to_ns) if time is not None]
    rows: dict[str, int] = {}
    for source in sources:
        rows[source.kind] = rows.get(source.kind, 0) + source.rows
    partial = [source.name for source in sources if source.rejected or source.note]
    return {
        "head": {
            "case": folder.name,
            "rows_by_kind": {kind: count for kind, count in sorted(rows.items()) if count},
            "files": len(sources),
            "from": format_instant(min(times)) if times else None,
            "to": format_instant(max(times)) if times else None,
            "bytes": sum(source.bytes for source in sources),
            "not_read_whole": partial[:10],
            "tables": sorted(name for name, files in manifest.files.items() if files),
        },
        "sections": {
            "evidence": [
                {
                    "source": source.name,
                    "format": source.format,
                    "role": source.role,
                    "rows": source.rows,
                    "rejected": source.rejected,
                    "note": source.note or None,
                }
                for source in sources
            ]
        },
    }


def _investigate(asked: Asked, _: Progress) -> Answered:
    """Find the cause in a case that was read."""
    from .investigate import investigate_case, investigation_of

    case, noticed_at_ns = find_case(asked["case"]), instant_of(asked["noticed_at"], "noticed_at")
    if noticed_at_ns is None:
        return _answered(investigation_of(case))
    return _answered(investigate_case(case, CaseInfo("", noticed_at_ns=noticed_at_ns)))


def _answered(answer: Investigation) -> Answered:
    whole = as_json(answer)
    return {
        "head": {
            "verdict": answer.verdict,
            "headline": outline.headline(answer),
            "case": answer.case.id,
            "model": None,
            "onset": whole["case"]["onset"],
            "causes": [_brief(cause) for cause in whole["causes"][:3]],
            "evidence": [
                {
                    "summary": to_milliseconds(finding.summary),
                    "citations": [str(c) for c in finding.citations[: outline.MAX_CITATIONS]],
                }
                for cause in answer.causes[:1]
                for finding in outline.evidence_of(cause, answer.findings)
            ],
            "not_read_whole": outline.partial_of(answer)[:5],
            "could_not_look": outline.skipped_of(answer)[:8],
            "notes": list(answer.notes[:5]),
        },
        "sections": {
            "causes": whole["causes"],
            "findings": whole["findings"],
            "checks": whole["checks"],
            "evidence": whole["case"]["evidence"],
            "report": as_markdown(answer),
        },
    }


def _brief(cause: Mapping[str, Any]) -> dict[str, Any]:
    """A cause as the first answer shows it."""
    kept = without_absent(cause)
    kept["citations"] = kept.get("citations", [])[: outline.MAX_CITATIONS]
    return kept


def _later(module: str, name: str) -> Callable[[Asked, Progress], Answered]:
    """A use case that may ask a model: its module is loaded when it is wanted, for the clients take a second."""

    def run(asked: Asked, progress: Progress) -> Answered:
        use_case: Callable[[Asked, Progress], Answered] = getattr(import_module(f".{module}", __package__), name)
        return use_case(asked, progress)

    return run


KINDS: Final[dict[str, Callable[[Asked, Progress], Answered]]] = {
    "open_case": _open_case,
    "investigate": _investigate,
    "question": _later("question_job", "answer_question"),
    "pack": _later("question_job", "pack_evidence"),
    "code_question": _later("question_job", "answer_code_question"),
    "hypothesis": _later("hypothesis_job", "examine"),
    "start_conversation": _later("conversation_job", "begin"),
    "continue_conversation": _later("conversation_job", "go_on"),
    "finalize_conversation": _later("conversation_job", "end"),
    "tournament": _later("tournament_job", "hold"),
}
