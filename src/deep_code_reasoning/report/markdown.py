"""An investigation as Markdown, for a ticket or a chat."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..domain.cause import Cause
from ..domain.citation import Citation
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
    for cause, findings in outline.in_full(investigation):
        lines += _cause(cause, findings)
    if consulted is not None:
        lines += _specialist(consulted)
    for title, items in (
        ("Thought of, and unlikely", [f"{cause.rank}. {told}" for cause, told in outline.aside(investigation)]),
        ("Where the time goes", outline.latency_of(investigation)),
        ("Not everything could be read", outline.partial_of(investigation)),
        ("Could not look at", outline.skipped_of(investigation)),
        ("Notes", investigation.notes),
    ):
        if items:
            lines += ["", f"## {title}", "", *(f"- {_escaped(to_milliseconds(item))}" for item in items)]
    return "\n".join(lines)


def _cause(cause: Cause, findings: list[Finding]) -> list[str]:
    proof, others = outline.proof_of(cause, findings)
    lines = ["", f"## {cause.rank}. {_escaped(outline.title_of(cause))} ({outline.likelihood(cause.confidence)})"]
    lines += ["", _escaped(outline.said_of(cause.summary, cause)) + _cited(proof), ""]
    lines += [f"- {label}: {_escaped(value)}" for label, value in outline.facts_of(cause)]
    for finding in others:
        cited = _cited(finding.citations[: outline.MAX_CITATIONS])
        lines.append(f"- speaks for it: {_escaped(outline.said_of(finding.summary, cause))}{cited}")
    return lines + [f"- {label}: {_escaped(text)}" for label, text in outline.points_of(cause)]


def _specialist(consulted: Consulted) -> list[str]:
    lines = ["", f"## {_escaped(specialist.heading(consulted))}", ""]
    if consulted.opinion is not None:
        lines += [_escaped(consulted.opinion.summary, specialist.MAX_SUMMARY), ""]
    for point in specialist.points(consulted):
        cited = ", ".join(map(_code, point.citations))
        lines.append(f"- *{point.label}*: {_escaped(point.text)}" + (f" ({cited})" if cited else ""))
    return lines


def _cited(citations: Sequence[Citation]) -> str:
    return f" ({', '.join(_code(str(citation)) for citation in citations)})" if citations else ""


def _escaped(text: str, limit: int = 400) -> str:
    return _SPECIAL.sub(r"\\\1", printable(text, limit))


def _code(text: str) -> str:
    return "`" + printable(text).replace("`", "'") + "`"
