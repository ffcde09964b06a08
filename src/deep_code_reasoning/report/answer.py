"""An investigation as the JSON object of the contract `deep-code-reasoning/investigation/1`."""

from __future__ import annotations

from typing import Any, Final

from ..domain.case import Source
from ..domain.cause import Cause
from ..domain.finding import Finding
from ..domain.instant import format_instant
from ..domain.investigation import Investigation

SCHEMA: Final = "deep-code-reasoning/investigation/1"


def as_json(investigation: Investigation) -> dict[str, Any]:
    """The whole answer as plain JSON values; absent things are None."""
    windows, info = investigation.windows, investigation.case
    return {
        "schema": SCHEMA,
        "case": {
            "id": info.id,
            "title": info.title,
            "noticed_at": _instant(info.noticed_at_ns),
            "onset": format_instant(windows.onset_ns) if windows and windows.changed else None,
            "baseline": windows.baseline.as_text() if windows else None,
            "incident": windows.incident.as_text() if windows else None,
            "evidence": [_source(source) for source in investigation.sources],
        },
        "verdict": investigation.verdict,
        "causes": [_cause(cause) for cause in investigation.causes],
        "findings": [_finding(finding) for finding in investigation.findings],
        "checks": [
            {"detector": check.detector, "verdict": check.verdict, "reason": check.reason}
            for check in investigation.checks
        ],
        "notes": list(investigation.notes),
        "elapsed_s": {
            "read": round(investigation.read_s, 3),
            "analyse": round(investigation.analyse_s, 3),
            "rank": round(investigation.rank_s, 3),
        },
    }


def _instant(ns: int | None) -> str | None:
    return None if ns is None else format_instant(ns)


def _source(source: Source) -> dict[str, Any]:
    return {
        "source": source.name,
        "format": source.format,
        "kind": source.kind,
        "role": source.role,
        "rows": source.rows,
        "rejected": source.rejected,
        "bytes": source.bytes,
        "from": _instant(source.from_ns),
        "to": _instant(source.to_ns),
        "note": source.note or None,
    }


def _cause(cause: Cause) -> dict[str, Any]:
    change = cause.change
    return {
        "rank": cause.rank,
        "mechanism": cause.mechanism,
        "service": cause.service,
        "operation": cause.operation,
        "resource": cause.resource,
        "code_region": cause.code_region,
        "change": None if change is None else {"kind": change.kind, "id": change.id, "repo": change.repo},
        "confidence": round(cause.confidence, 3),
        "summary": cause.summary,
        "first_failing_service": cause.first_failing_service,
        "blast_radius": list(cause.blast_radius),
        "path": list(cause.path),
        "remediation": cause.remediation,
        "citations": [str(citation) for citation in cause.citations],
        "against": list(cause.against),
        "next_checks": list(cause.next_checks),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "mechanism": finding.mechanism,
        "service": finding.service,
        "summary": finding.summary,
        "severity": round(finding.severity, 3),
        "confidence": round(finding.confidence, 3),
        "facts": {
            name: list(fact) if isinstance(fact, tuple) else fact for name, fact in sorted(finding.facts.items())
        },
        "citations": [str(citation) for citation in finding.citations],
        "window": finding.window.as_text() if finding.window else None,
    }
