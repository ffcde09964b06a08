"""What the analysers found: ranked causes, the findings they rest on, and what could not be looked at."""

from __future__ import annotations

from collections.abc import Iterator

from ...domain.cause import Cause
from ...domain.finding import Finding
from ...domain.investigation import Investigation
from ..draft import Draft, Line
from ..subject import Subject

# Citations that are shown of a finding: one to look at, one to compare with, one to be sure.
_CITATIONS = 3


def drafts(subject: Subject) -> Iterator[Draft]:
    """The verdict with what could not be looked at, a draft a cause, and the findings together."""
    investigation = subject.investigation
    yield _verdict(investigation)
    for cause in investigation.causes:
        yield _cause(cause)
    told = {cause.summary for cause in investigation.causes}
    findings = [_finding(finding, finding.summary in told) for finding in investigation.findings]
    if findings:
        yield Draft("finding/all", "What the analysers saw", tuple(findings), unit="findings", value=0.9)


def _verdict(investigation: Investigation) -> Draft:
    lines = [Line(f"verdict of the analysers: {investigation.verdict}", weight=10)]
    info, windows = investigation.case, investigation.windows
    if info.title:
        lines.append(Line(f"incident: {info.title}", weight=9))
    if info.alert_text:
        lines.append(Line(f"alert: {info.alert_text}", weight=8))
    if windows:
        began = "began about" if windows.changed else "no change was found; compared around"
        lines.append(
            Line(
                f"{began} {windows.onset.as_text()[0]} ({windows.method}); "
                f"calm {' to '.join(windows.baseline.as_text())}, bad {' to '.join(windows.incident.as_text())}",
                weight=7,
            )
        )
    lines += [Line(f"not looked at: {c.detector}: {c.reason}") for c in investigation.checks if c.verdict == "skipped"]
    return Draft("cause/verdict", "Verdict", tuple(lines), unit="checks", value=2)


def _cause(cause: Cause) -> Draft:
    facts = {
        "operation": cause.operation,
        "resource": cause.resource,
        "code region": cause.code_region,
        "change": f"{cause.change.kind} {cause.change.id}" if cause.change else None,
        "first failing service": cause.first_failing_service,
        "path": " -> ".join(cause.path),
        "also hurt": ", ".join(cause.blast_radius),
        "remedy": cause.remediation,
    }
    lines = [Line(f"{cause.service}: {cause.mechanism} (confidence {cause.confidence:.2f})", weight=10)]
    lines.append(Line(cause.summary, weight=9))
    lines += [Line(f"{name}: {fact}", weight=6) for name, fact in facts.items() if fact]
    lines += [Line(f"against: {reason}", weight=4) for reason in cause.against]
    lines += [Line(f"to check: {check}", weight=3) for check in cause.next_checks]
    lines += [Line(f"evidence: {c}", (c,), weight=5 - n) for n, c in enumerate(cause.citations[:_CITATIONS])]
    title = f"Cause {cause.rank} of the analysers"
    return Draft(f"cause/{cause.rank}", title, tuple(lines), value=1 + cause.confidence / (1 + cause.rank))


def _finding(finding: Finding, told: bool) -> Line:
    """One finding in a line or two; its summary is not repeated when a cause has it."""
    place = ", ".join(filter(None, (finding.operation, finding.resource, finding.code_region, finding.instance)))
    cited = finding.citations[:_CITATIONS]
    text = f"{finding.code} {finding.mechanism} {finding.service}" + (f" [{place}]" if place else "")
    text += f" severity {finding.severity:.2f} confidence {finding.confidence:.2f}"
    if not told:
        text += f": {finding.summary}"
    if cited:
        text += f" ({', '.join(map(str, cited))})"
    return Line(text, cited, weight=finding.severity * finding.confidence)
