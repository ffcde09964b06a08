"""What every written form of an answer says, in what order; `text`, `markdown` and `html` only dress it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ..domain.cause import Cause
from ..domain.citation import Citation
from ..domain.finding import Finding
from ..domain.instant import format_instant
from ..domain.investigation import Investigation
from ..domain.mechanisms import MECHANISMS
from ..domain.wording import stretch
from ..ranking.remedy import relief
from .plain import to_milliseconds

_HEADLINES: Final = {
    "no_cause_found": "Something changed, but no cause could be proven.",
    "healthy": "Nothing is wrong in what was given.",
    "insufficient_evidence": (
        "There is too little evidence to look for a cause: give traces, logs or metrics of the incident and of a calm "
        "time before it."
    ),
}
# Where causes are listed all the same.
_LISTED: Final = {
    "no_cause_found": "Something changed, but no cause could be proven. The likeliest explanations are:",
    "healthy": "Nothing became worse in what was given. What fails in it has failed all along:",
}
# A reader takes in about this many lines of evidence a cause; the rest is in the JSON answer.
MAX_FINDINGS: Final = 6
MAX_CITATIONS: Final = 3
MAX_OWNERS: Final = 4
# An explanation less likely than one in ten is told in one paragraph: what else was thought of.
ASIDE: Final = 0.1
_MISSING: Final = "the case has no "
_ACQUITTED: Final = "acquitted: "
_SPOKEN: Final = {"n_plus_one": "N+1 calls", "cpu_saturation": "CPU saturation", "dns_failure": "DNS failure"}
_CHANGES: Final = frozenset({"commit", "deploy", "flag"})
_REMEDIES: Final = {
    "rollback": "roll back {}",
    "roll-forward": "roll forward: supply what {} left out or took away; going back would leave it missing",
    "config-revert": "revert the configuration to what it was before {}",
    "scale": "add capacity, or shed load",
    "feature-flag-disable": "switch off {}",
}


def headline(investigation: Investigation) -> str:
    """The answer in one sentence: who, what, by which change, how sure."""
    verdict = investigation.verdict
    if verdict != "cause_found":
        return (_LISTED if investigation.causes else _HEADLINES)[verdict]
    cause = investigation.causes[0]
    by = f", by {_change_of(cause)}" if cause.change else ""
    return f"{title_of(cause)}{by} ({likelihood(cause.confidence)})"


def title_of(cause: Cause) -> str:
    """Who and what, in words: `pricing: N+1 calls`."""
    what = _SPOKEN.get(cause.mechanism) or cause.mechanism.replace("_", " ")
    return f"{cause.service}: {what}" if cause.service else what


def likelihood(confidence: float) -> str:
    """A probability as people say it, with its figure; what is listed is never said to be out of the question."""
    words = ((0.85, "very likely"), (0.65, "likely"), (0.4, "possible"), (ASIDE, "a guess"), (0.0, "unlikely"))
    # By the figure that is shown: 85% is not at once likely and very likely.
    word = next(word for floor, word in words if round(confidence, 2) >= floor)
    return f"{word}, {confidence:.0%}" if confidence >= 0.01 else f"{word}, under 1%"


def in_full(investigation: Investigation) -> list[tuple[Cause, list[Finding]]]:
    """The causes that are argued for, each with its findings; a finding is told once, where it counts most."""
    told: set[str] = set()
    argued = []
    for cause in investigation.causes:
        if cause.rank == 1 or cause.confidence >= ASIDE:
            found = [f for f in evidence_of(cause, investigation.findings) if f.summary not in told]
            told.update(finding.summary for finding in found)
            argued.append((cause, found))
    return argued


def aside(investigation: Investigation) -> list[tuple[Cause, str]]:
    """The causes that were thought of and are unlikely, each told in a sentence."""
    unlikely = [cause for cause in investigation.causes if cause.rank > 1 and cause.confidence < ASIDE]
    hurt = investigation.causes[0].blast_radius if unlikely else ()
    return [
        (
            cause,
            f"{title_of(cause)} ({likelihood(cause.confidence).removeprefix('unlikely, ')}"
            f"{', hurt by 1' if cause.service in hurt else ''}): {said_of(cause.summary, cause)}",
        )
        for cause in unlikely
    ]


def said_of(summary: str, cause: Cause) -> str:
    """What is said below a cause's heading, which names the service already."""
    return to_milliseconds(summary.removeprefix(f"{cause.service}: "))


def proof_of(cause: Cause, findings: Sequence[Finding]) -> tuple[tuple[Citation, ...], list[Finding]]:
    """The rows that prove the very sentence a cause is summed up in, and the findings that say more."""
    lead = next((f for f in findings if cause.summary.startswith(f.summary)), None)
    shown = tuple(dict.fromkeys(cause.citations if lead is None else lead.citations))[:MAX_CITATIONS]
    change = (citation for citation in cause.citations if citation.kind in _CHANGES)
    return tuple(dict.fromkeys((*shown, *change))), [f for f in findings if f is not lead]


def evidence_of(cause: Cause, findings: Sequence[Finding]) -> list[Finding]:
    """The findings a cause rests on: what sums it up, then those it cites or that say the same of its service, the
    strongest first. What convicts a change speaks for the cause of this change alone."""
    cited = set(cause.citations)
    change = (cause.change.kind, cause.change.id) if cause.change else None
    related = [
        finding
        for finding in findings
        if (
            cited.intersection(finding.citations)
            or (finding.service == cause.service and finding.mechanism == cause.mechanism)
        )
        and finding.change in (None, change)
    ]
    return sorted(
        related,
        key=lambda f: (not cause.summary.startswith(f.summary), -f.severity * f.confidence, f.code, f.summary),
    )[:MAX_FINDINGS]


def facts_of(cause: Cause) -> list[tuple[str, str]]:
    """A cause's attributes as (label, value), only those that are known and that its heading does not say."""
    change, meaning = cause.change, MECHANISMS.get(cause.mechanism)
    first = cause.first_failing_service
    known = [
        ("mechanism", f"{cause.mechanism}: {meaning}" if meaning else cause.mechanism),
        ("operation", cause.operation),
        ("resource", cause.resource),
        ("code region", cause.code_region),
        ("change", f"{change.kind} {change.id}" + (f" in {change.repo}" if change.repo else "") if change else None),
        ("first failing", first if first != cause.service else None),
        ("also hurt", ", ".join(cause.blast_radius)),
        ("path", " → ".join(cause.path) if len(cause.path) > 1 else None),
    ]
    return [(label, value) for label, value in known if value]


def remedy_of(cause: Cause) -> str | None:
    """What helps at once, as a sentence; None where nothing is known to."""
    return _REMEDIES[cause.remediation].format(_change_of(cause)) if cause.remediation else relief(cause.mechanism)


def doubts_of(cause: Cause) -> tuple[list[str], list[str]]:
    """What speaks against a cause; and why it was none of the other changes, those of one reason in one line."""
    doubts: list[str] = []
    reasons: dict[str, list[str]] = {}
    for line in cause.against:
        label, told, reason = line.removeprefix(_ACQUITTED).partition(": ")
        if told and line.startswith(_ACQUITTED):
            reasons.setdefault(reason, []).append(label)
        else:
            doubts.append(to_milliseconds(line))
    return doubts, [f"{', '.join(labels)}: {reason}" for reason, labels in reasons.items()]


def points_of(cause: Cause) -> list[tuple[str, str]]:
    """What is said of a cause beside its evidence, as (label, text): doubts, other changes, what to do and to check."""
    doubts, acquitted = doubts_of(cause)
    remedy = remedy_of(cause)
    return [
        *(("speaks against it", doubt) for doubt in doubts),
        *(("not the cause", line) for line in acquitted),
        *((("to do", remedy),) if remedy else ()),
        *(("to check", check) for check in cause.next_checks),
    ]


def times_of(investigation: Investigation) -> str | None:
    """The onset and what was compared with what, in one line; all times are UTC."""
    windows = investigation.windows
    if windows is None:
        return None
    bad, calm = windows.incident, windows.baseline
    if windows.changed and calm.end_ns == bad.start_ns == windows.onset_ns:
        told = (
            f"began about {format_instant(windows.onset_ns)}; the {stretch(bad.seconds)} since, to "
            f"{format_instant(bad.end_ns)}, were compared with the {stretch(calm.seconds)} before"
        )
    else:
        began = f"began about {format_instant(windows.onset_ns)}" if windows.changed else "no onset found"
        told = (
            f"{began}; {' to '.join(bad.as_text())} ({stretch(bad.seconds)}) was compared with "
            f"{' to '.join(calm.as_text())} ({stretch(calm.seconds)})"
        )
    noticed = investigation.case.noticed_at_ns
    return to_milliseconds(told + (f"; noticed at {format_instant(noticed)}" if noticed is not None else ""))


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
            good = f", {source.rows} good" if source.rows else ""
            said.append(f"{source.rejected} rejected row{'s' if source.rejected > 1 else ''}{good}")
        if said:
            lines.append(f"{source.name}: {'; '.join(said)}")
    return lines


def skipped_of(investigation: Investigation) -> list[str]:
    """Detectors that could not look, each with the reason."""
    return [f"{check.detector}: {check.reason}" for check in investigation.checks if check.verdict == "skipped"]


def not_looked_at(investigation: Investigation) -> str | None:
    """How many detectors could not look, and which kinds of evidence would let them; None where all did."""
    reasons = [check.reason for check in investigation.checks if check.verdict == "skipped"]
    if not reasons:
        return None
    missing = dict.fromkeys(reason.removeprefix(_MISSING) for reason in reasons if reason.startswith(_MISSING))
    told = f"{len(reasons)} of {len(investigation.checks)} checks could not look"
    none = f" (there is no evidence of these kinds: {', '.join(missing)})" if missing else ""
    return f"{told}{none}; the reason of each is in 'checks' of --format json"


def _change_of(cause: Cause) -> str:
    """A change as it is spoken of; the whole of a commit's hash stands among the facts."""
    if cause.change is None:
        return "the change"
    kind, name, repo = cause.change.kind, cause.change.id, cause.change.repo
    return f"{kind} {name[:12] if kind == 'commit' else name}" + (f" in {repo}" if repo else "")
