"""An investigation as Markdown, for a ticket or a chat."""

from __future__ import annotations

import re

from ..domain.cause import Cause
from ..domain.finding import Finding
from ..domain.investigation import Investigation
from ..domain.opinion import Consulted
from . import outline, specialist
from .plain import printable, to_milliseconds

_SPECIAL = re.compile(r"([\\`*_\[\]<>#|~!])")


def as_markdown(investigation: Investigation, consulted: Consulted | None = None) -> str:
    """The same content as the text form; untrusted text is escaped, so that it cannot become markup."""
    lines = [
        f"# {_escaped(investigation.case.title or 'Investigation')}",
        "",
        f"**{_escaped(outline.headline(investigation))}**",
    ]
    times = outline.times_of(investigation)
    if times:
        lines += ["", times]
    for cause in investigation.causes:
        lines += _cause(cause, investigation.findings)
    if consulted is not None:
        lines += _specialist(consulted)
    for title, items in (
        ("Where the time goes", outline.latency_of(investigation)),
        ("Not everything could be read", outline.partial_of(investigation)),
        ("Could not look at", outline.skipped_of(investigation)),
        ("Notes", investigation.notes),
    ):
        if items:
            lines += ["", f"## {title}", "", *(f"- {_escaped(item)}" for item in items)]
    return "\n".join(lines)


def _cause(cause: Cause, findings: tuple[Finding, ...]) -> list[str]:
    lines = ["", f"## {cause.rank}. {_escaped(cause.service)}: {_escaped(cause.mechanism)}"]
    lines += ["", f"{_escaped(to_milliseconds(cause.summary))} *({outline.likelihood(cause.confidence)})*", ""]
    lines += [f"- {label}: {_escaped(value)}" for label, value in outline.facts_of(cause)]
    for finding in outline.evidence_of(cause, findings):
        cited = ", ".join(_code(str(citation)) for citation in finding.citations[: outline.MAX_CITATIONS])
        lines.append(f"- evidence: {_escaped(to_milliseconds(finding.summary))}" + (f" ({cited})" if cited else ""))
    lines += [f"- against: {_escaped(doubt)}" for doubt in cause.against]
    lines += [f"- next: {_escaped(check)}" for check in cause.next_checks]
    return lines


def _specialist(consulted: Consulted) -> list[str]:
    lines = ["", f"## {_escaped(specialist.heading(consulted))}", ""]
    if consulted.opinion is not None:
        lines += [_escaped(consulted.opinion.summary, specialist.MAX_SUMMARY), ""]
    for point in specialist.points(consulted):
        cited = ", ".join(map(_code, point.citations))
        lines.append(f"- *{point.label}*: {_escaped(point.text)}" + (f" ({cited})" if cited else ""))
    return lines


def _escaped(text: str, limit: int = 400) -> str:
    return _SPECIAL.sub(r"\\\1", printable(text, limit))


def _code(text: str) -> str:
    return "`" + printable(text).replace("`", "'") + "`"
