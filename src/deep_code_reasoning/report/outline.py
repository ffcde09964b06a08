"""What every written form of an answer says, in what order; `text` and `markdown` only dress it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ..domain.cause import Cause
from ..domain.finding import Finding
from ..domain.instant import format_instant
from ..domain.investigation import Investigation
from .plain import to_milliseconds

_HEADLINES: Final = {
    "no_cause_found": "Something changed, but no cause could be proven.",
    "healthy": "Nothing is wrong in what was given.",
    "insufficient_evidence": "There is too little evidence to look for a cause.",
}
# A reader takes in about this many lines of evidence a cause; the rest is in the JSON answer.
MAX_FINDINGS: Final = 6
MAX_CITATIONS: Final = 3
MAX_OWNERS: Final = 4


def headline(investigation: Investigation) -> str:
    """The answer in one sentence."""
    if investigation.verdict == "cause_found":
        return to_milliseconds(investigation.causes[0].summary)
    return _HEADLINES[investigation.verdict]


def likelihood(confidence: float) -> str:
    """A probability as people say it, with its figure; what is listed is never said to be out of the question."""
    words = ((0.85, "very likely"), (0.65, "likely"), (0.4, "possible"), (0.0, "a guess"))
    word = next(word for floor, word in words if confidence >= floor)
    return f"{word}, {confidence:.0%}" if confidence >= 0.01 else f"{word}, under 1%"


def evidence_of(cause: Cause, findings: Sequence[Finding]) -> list[Finding]:
    """The findings a cause rests on: those it cites, then others on its service; the strongest first."""
    cited = set(cause.citations)
    related = [
        finding
        for finding in findings
        if cited.intersection(finding.citations)
        or (finding.service == cause.service and finding.mechanism == cause.mechanism)
    ]
    return sorted(related, key=lambda f: (-f.severity * f.confidence, f.code, f.summary))[:MAX_FINDINGS]


def facts_of(cause: Cause) -> list[tuple[str, str]]:
    """A cause's attributes as (label, value), only those that are known."""
    change = cause.change
    known = [
        ("mechanism", cause.mechanism),
        ("operation", cause.operation),
        ("resource", cause.resource),
        ("code region", cause.code_region),
        ("change", f"{change.kind} {change.id}" + (f" in {change.repo}" if change.repo else "") if change else None),
        ("first failing", cause.first_failing_service),
        ("also hurt", ", ".join(cause.blast_radius)),
        ("path", " → ".join(cause.path)),
        ("remedy", cause.remediation),
    ]
    return [(label, value) for label, value in known if value]


def times_of(investigation: Investigation) -> str | None:
    """The onset and what was compared with what, in one line."""
    windows = investigation.windows
    if windows is None:
        return None
    compared = f"compared {' to '.join(windows.incident.as_text())} with {' to '.join(windows.baseline.as_text())}"
    if not windows.changed:
        return f"no onset found; {compared}"
    return to_milliseconds(f"began about {format_instant(windows.onset_ns)}; {compared}")


def latency_of(investigation: Investigation) -> list[str]:
    """Who owns the latency that was added, one line an operation; nothing where requests did not become slower."""
    for finding in investigation.findings:
        if finding.code == "traces.critical_path":
            owners = finding.facts["owners"]
            lines = [str(owner) for owner in owners] if isinstance(owners, tuple) else []
            return [finding.summary, *lines[:MAX_OWNERS]]
    return []


def partial_of(investigation: Investigation) -> list[str]:
    """One line for each source that was not read whole: nothing is lost without a word."""
    lines = []
    for source in investigation.sources:
        said = [source.note] if source.note else []
        if source.rejected:
            said.append(f"{source.rejected} rejected row{'s' if source.rejected > 1 else ''}, {source.rows} good")
        if said:
            lines.append(f"{source.name}: {'; '.join(said)}")
    return lines


def skipped_of(investigation: Investigation) -> list[str]:
    """Detectors that could not look, each with the reason."""
    return [f"{check.detector}: {check.reason}" for check in investigation.checks if check.verdict == "skipped"]
