"""An investigation as one self-contained HTML page: no script, no outside resource, all evidence text escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from ..domain.cause import Cause
from ..domain.citation import Citation
from ..domain.finding import Finding
from ..domain.investigation import Investigation
from ..domain.opinion import Consulted
from . import outline, specialist
from .plain import printable

_STYLE: Final = """
:root { color-scheme: light dark; --line: #8884; --dim: #888; --bad: #c0392b; --good: #2e8b57; --bar: #4a7fb5 }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.1rem; color: var(--dim); font-weight: 500; margin-bottom: 0 }
.verdict { font-size: 1.4rem; font-weight: 600; margin: .3rem 0 1rem }
.cause_found .verdict { color: var(--bad) } .healthy .verdict { color: var(--good) }
.cause { border: 1px solid var(--line); border-radius: 8px; padding: .8rem 1.2rem; margin: 1rem 0 }
.cause h2 { font-size: 1.1rem; margin: .2rem 0 }
.meter { height: 4px; background: var(--line); border-radius: 2px } .meter i { display: block; height: 100%; background: var(--bar) }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: .8rem 0 } dt { color: var(--dim) } dd { margin: 0 }
code { font-size: .85em; overflow-wrap: anywhere; color: var(--dim) }
table { border-collapse: collapse; width: 100%; font-size: .9em } td, th { text-align: left; padding: .2rem .6rem .2rem 0; border-bottom: 1px solid var(--line); vertical-align: top }
td.n { text-align: right } .dim { color: var(--dim) } svg { width: 100%; height: 46px }
"""  # noqa: E501 - style sheets read better with a rule a line
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"


def as_html(investigation: Investigation, consulted: Consulted | None = None) -> str:
    """The page; its content policy forbids scripts and any request, whatever the evidence holds."""
    title = _text(investigation.case.title or investigation.case.id)
    body = [
        f"<h1>{title}</h1>",
        f'<div class="verdict">{_text(outline.headline(investigation))}</div>',
        _timeline(investigation),
        *(_cause(cause, findings) for cause, findings in outline.in_full(investigation)),
        _aside(outline.aside(investigation)),
        _latency(investigation),
        _specialist(consulted) if consulted else "",
        _partial(outline.partial_of(investigation)),
        _section("Checks", _checks(investigation)),
        _section("Evidence", _evidence(investigation)),
        _section("Notes", "".join(f"<p>{_text(note)}</p>" for note in investigation.notes)),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f'<meta name="viewport" content="width=device-width"><title>{title}</title><style>{_STYLE}</style></head>\n'
        f'<body class="{investigation.verdict}">\n' + "\n".join(filter(None, body)) + "\n</body></html>\n"
    )


def _text(text: str, limit: int = 400) -> str:
    return escape(printable(text, limit))


def _latency(investigation: Investigation) -> str:
    lines = "".join(f"<li>{_text(line)}</li>" for line in outline.latency_of(investigation))
    return f'<div class="cause"><h2>Where the time goes</h2><ul>{lines}</ul></div>' if lines else ""


def _specialist(consulted: Consulted) -> str:
    summary = _text(consulted.opinion.summary, specialist.MAX_SUMMARY) if consulted.opinion else ""
    items = []
    for point in specialist.points(consulted):
        cited = " ".join(f"<code>{_text(citation)}</code>" for citation in point.citations)
        items.append(f"<li><b>{point.label}</b>: {_text(point.text)}<br>{cited}</li>")
    heading = _text(specialist.heading(consulted))
    return f'<div class="cause"><h2>{heading}</h2><p>{summary}</p><ul>{"".join(items)}</ul></div>'


def _timeline(investigation: Investigation) -> str:
    windows, times = investigation.windows, outline.times_of(investigation)
    if windows is None or times is None:
        return ""
    start = min(windows.baseline.start_ns, windows.incident.start_ns)
    end = max(windows.baseline.end_ns, windows.incident.end_ns)
    per_ns = 1000 / max(1, end - start)

    def place(ns: int) -> float:
        return round((ns - start) * per_ns, 1)

    def bar(from_ns: int, to_ns: int, colour: str, label: str) -> str:
        x, width = place(from_ns), max(2.0, place(to_ns) - place(from_ns))
        return (
            f'<rect x="{x}" y="4" width="{width}" height="12" rx="2" fill="{colour}" opacity=".5">'
            f"<title>{label}</title></rect>"
        )

    marks = [
        bar(windows.baseline.start_ns, windows.baseline.end_ns, "var(--good)", "calm"),
        bar(windows.incident.start_ns, windows.incident.end_ns, "var(--bad)", "bad"),
    ]
    if windows.changed:
        x = place(windows.onset_ns)
        marks.append(f'<path d="M{x} 0V22" stroke="currentColor" stroke-width="2"><title>onset</title></path>')
    picture = f'<svg viewBox="0 0 1000 24" preserveAspectRatio="none" role="img">{"".join(marks)}</svg>'
    return picture + f'<p class="dim">{_text(times)}<br>{_text(windows.method)}</p>'


def _cause(cause: Cause, findings: list[Finding]) -> str:
    proof, others = outline.proof_of(cause, findings)
    facts = "".join(f"<dt>{escape(label)}</dt><dd>{_text(value)}</dd>" for label, value in outline.facts_of(cause))
    points = []
    for finding in others:
        cited = _cited(finding.citations[: outline.MAX_CITATIONS])
        points.append(f"<li>{_text(outline.said_of(finding.summary, cause))}<br>{cited}</li>")
    points += [f"<li>{label}: {_text(text)}</li>" for label, text in outline.points_of(cause)]
    return (
        f'<div class="cause"><h2>{cause.rank}. {_text(outline.title_of(cause))}</h2>'
        f'<div class="dim">{outline.likelihood(cause.confidence)}</div>'
        f'<div class="meter"><i style="width:{cause.confidence:.0%}"></i></div>'
        f"<p>{_text(outline.said_of(cause.summary, cause))}<br>{_cited(proof)}</p><dl>{facts}</dl>"
        f"<ul>{''.join(points)}</ul></div>"
    )


def _aside(causes: list[tuple[Cause, str]]) -> str:
    items = "".join(
        f'<li value="{cause.rank}">{_text(told)}<br>{_cited(cause.citations[:1])}</li>' for cause, told in causes
    )
    return f'<div class="cause"><h2>Thought of, and unlikely</h2><ol>{items}</ol></div>' if items else ""


def _cited(citations: Sequence[Citation]) -> str:
    return " ".join(f"<code>{_text(str(citation))}</code>" for citation in citations)


def _partial(lines: list[str]) -> str:
    items = "".join(f"<li>{_text(line)}</li>" for line in lines)
    return f'<div class="cause"><h2>Not everything could be read</h2><ul>{items}</ul></div>' if items else ""


def _section(title: str, content: str) -> str:
    return f"<details><summary>{title}</summary>{content}</details>" if content else ""


def _checks(investigation: Investigation) -> str:
    rows = "".join(
        f"<tr><td>{_text(check.detector)}</td><td>{check.verdict}</td><td>{_text(check.reason)}</td></tr>"
        for check in investigation.checks
    )
    return f"<table>{rows}</table>" if rows else ""


def _evidence(investigation: Investigation) -> str:
    rows = "".join(
        f"<tr><td>{_text(source.name)}</td><td>{_text(source.format)}</td><td class=n>{source.rows:,}</td>"
        f"<td class=n>{source.rejected:,}</td><td>{_text(source.note)}</td></tr>"
        for source in investigation.sources
    )
    head = "<tr><th>source</th><th>format</th><th>rows</th><th>rejected</th><th></th></tr>"
    return f"<table>{head}{rows}</table>" if rows else ""
