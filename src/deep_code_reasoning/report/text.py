"""An investigation as text for people."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from ..domain.cause import Cause
from ..domain.citation import Citation
from ..domain.finding import Finding
from ..domain.investigation import Investigation
from ..domain.opinion import Consulted
from . import outline, specialist
from .plain import printable, to_milliseconds

_WIDTH = 110
# More than this many partial sources, or notes, are not listed.
_MAX_PARTIAL = 10


def as_text(investigation: Investigation, colour: bool = False, consulted: Consulted | None = None) -> str:
    """The verdict, each cause with its evidence, what a specialist says, what could not be read or looked at."""
    pen = _Pen(colour)
    title = investigation.case.title
    if title:
        pen.line(printable(title), "dim")
    style = {"cause_found": "bad", "healthy": "good"}.get(investigation.verdict, "strong")
    pen.line(printable(outline.headline(investigation)), style)
    times = outline.times_of(investigation)
    if times:
        pen.line(times, "dim")
    for cause, findings in outline.in_full(investigation):
        _cause(pen, cause, findings)
    _aside(pen, outline.aside(investigation))
    _latency(pen, investigation)
    if consulted is not None:
        _specialist(pen, consulted)
    _footer(pen, investigation)
    return pen.text()


def _cause(pen: _Pen, cause: Cause, findings: list[Finding]) -> None:
    pen.line("")
    pen.line(f"{cause.rank}. {printable(outline.title_of(cause))} ({outline.likelihood(cause.confidence)})", "strong")
    pen.wrapped(printable(outline.said_of(cause.summary, cause)), "   ")
    proof, others = outline.proof_of(cause, findings)
    pen.citations(proof)
    for label, value in outline.facts_of(cause):
        pen.wrapped(f"{label + ':':15}{printable(value)}", "   ", hanging=15)
    if others:
        pen.line("   what speaks for it:", "strong")
    for finding in others:
        pen.wrapped(f"• {printable(outline.said_of(finding.summary, cause))}", "   ", hanging=2)
        pen.citations(finding.citations[: outline.MAX_CITATIONS])
    doubts, acquitted = outline.doubts_of(cause)
    pen.points("what speaks against it:", "✗", doubts)
    pen.points("other changes, and why not:", "✗", acquitted)
    remedy = outline.remedy_of(cause)
    pen.points("what to do:", "→", [remedy] if remedy else [])
    pen.points("what to check:", "?", cause.next_checks)


def _aside(pen: _Pen, causes: list[tuple[Cause, str]]) -> None:
    if causes:
        pen.line("")
        pen.line("Thought of, and unlikely:", "strong")
    for cause, told in causes:
        pen.wrapped(f"{cause.rank}. {printable(told)}", "   ", hanging=3)
        pen.citations(cause.citations[:1])


_MARKS = {"verified": "✓", "unverified": "~", "refuted": "✗", "do": "→", "open": "?", "note": "-"}


def _specialist(pen: _Pen, consulted: Consulted) -> None:
    pen.line("")
    pen.line(printable(specialist.heading(consulted)), "strong")
    if consulted.opinion is not None:
        pen.wrapped(printable(consulted.opinion.summary, specialist.MAX_SUMMARY), "   ")
    for point in specialist.points(consulted):
        pen.wrapped(f"{_MARKS[point.label]} {printable(point.text)}", "   ", hanging=2)
        for citation in point.citations:
            pen.line(f"       {printable(citation)}", "dim")


def _latency(pen: _Pen, investigation: Investigation) -> None:
    summary, *owners = outline.latency_of(investigation) or [""]
    if summary:
        pen.line("")
        pen.line("Where the time goes:", "strong")
        pen.wrapped(printable(to_milliseconds(summary)), "   ")
        for owner in owners:
            pen.wrapped(f"• {printable(owner)}", "   ", hanging=2)


def _footer(pen: _Pen, investigation: Investigation) -> None:
    partial = outline.partial_of(investigation)
    if partial:
        pen.line("")
        pen.line("Not everything could be read:", "strong")
        for line in partial[:_MAX_PARTIAL]:
            pen.wrapped(printable(line), "   ", hanging=2)
        if len(partial) > _MAX_PARTIAL:
            pen.line(f"   and {len(partial) - _MAX_PARTIAL} more sources; see 'evidence' in --format json")
    skipped = outline.not_looked_at(investigation)
    if skipped:
        pen.line("")
        pen.line("Could not look at everything:", "strong")
        pen.wrapped(printable(skipped), "   ")
    if investigation.notes:
        pen.line("")
        for note in investigation.notes[:_MAX_PARTIAL]:
            pen.wrapped(printable(note), "", hanging=2)
    rows = sum(source.rows for source in investigation.sources)
    total_s = investigation.read_s + investigation.analyse_s + investigation.rank_s
    pen.line("")
    case = investigation.case.id
    pen.line(f"case {case}: {len(investigation.sources)} sources, {rows:,} rows, {total_s:.1f} s", "dim")
    if investigation.causes:
        pen.line(f"see a row that is cited: dcr case show {case} CITATION", "dim")
        pen.line(f"once you know: dcr outcome {case} confirmed (or refuted)", "dim")


_STYLES = {"strong": "1", "dim": "2", "bad": "1;31", "good": "1;32"}


class _Pen:
    """Collects lines, with ANSI colours when wanted."""

    def __init__(self, colour: bool) -> None:
        self._colour = colour
        self._lines: list[str] = []

    def line(self, text: str, style: str = "") -> None:
        code = _STYLES.get(style) if self._colour else None
        self._lines.append(f"\x1b[{code}m{text}\x1b[0m" if code and text else text)

    def wrapped(self, text: str, indent: str, hanging: int = 0) -> None:
        following = indent + " " * hanging
        self._lines.extend(
            textwrap.wrap(text, _WIDTH, initial_indent=indent, subsequent_indent=following, break_on_hyphens=False)
        )

    def citations(self, cited: Sequence[Citation]) -> None:
        for citation in cited:
            self.line(f"       {printable(str(citation))}", "dim")

    def points(self, title: str, mark: str, texts: Sequence[str]) -> None:
        """A title and what stands below it; nothing where nothing does."""
        if texts:
            self.line(f"   {title}", "strong")
        for text in texts:
            self.wrapped(f"{mark} {printable(text)}", "   ", hanging=2)

    def text(self) -> str:
        return "\n".join(self._lines) + "\n"
