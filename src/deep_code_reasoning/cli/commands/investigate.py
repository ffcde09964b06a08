"""`dcr investigate`: evidence in, the cause out."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from ...domain.case import CaseInfo
from ...domain.instant import parse_instant
from ...domain.investigation import Investigation
from ...domain.opinion import Consulted
from ...errors import UsageError

if TYPE_CHECKING:
    from ...app.escalation_answer import EscalationAnswer
    from ...app.ingest import Evidence

# As a model's name: whether to ask, and whom, is decided by signals and by what the ledger knows of each model.
AUTO: Final = "auto"
_PATH = click.Path(path_type=Path)


@click.command("investigate", context_settings={"show_default": True})
@click.argument("paths", nargs=-1, required=True, type=_PATH)
@click.option("--noticed-at", metavar="ISO8601", help="When somebody noticed; the onset is estimated all the same.")
@click.option("--question", metavar="TEXT", help="What you want to know; kept with the case.")
@click.option("--repo", "repositories", multiple=True, type=_PATH, help="A git repository whose commits are evidence.")
@click.option("--baseline", multiple=True, type=_PATH, help="Evidence of a calm time, to compare with.")
@click.option("--format", "form", type=click.Choice(["text", "json", "markdown"]), default="text")
@click.option("--html", "html_file", metavar="FILE", type=_PATH, help="Also write the answer as one HTML page.")
@click.option("--model", metavar="NAME", default="none", help="Model that is asked too ('auto': chosen by record).")
@click.option("--case", "case_name", metavar="NAME", help="Name of the case; else one follows from the evidence.")
def command(
    paths: tuple[Path, ...],
    noticed_at: str | None,
    question: str | None,
    repositories: tuple[Path, ...],
    baseline: tuple[Path, ...],
    form: str,
    html_file: Path | None,
    model: str,
    case_name: str | None,
) -> None:
    """Find the root cause in PATHS: files or folders of traces, logs, metrics, deploys, commits, in any mix of formats.

    Formats are recognised by content; .gz and .zst are read in place. Needs no API key and no network.
    """
    from ...app.ingest import Evidence
    from ...app.investigate import investigate
    from ...report.answer import as_json
    from ...report.markdown import as_markdown
    from ...report.text import as_text
    from ..progress import progress_bar

    noticed_at_ns = None
    if noticed_at is not None:
        noticed_at_ns = parse_instant(noticed_at)
        if noticed_at_ns is None:
            raise UsageError(f"--noticed-at: '{noticed_at}' is no time", "write it as 2026-01-31T14:05:00Z")
    evidence = Evidence(
        paths,
        baseline,
        repositories,
        case_name,
        CaseInfo("", noticed_at_ns=noticed_at_ns, question=question),
    )
    if model != "none":
        _check_model(model)
    if html_file is not None and (html_file.is_dir() or not html_file.parent.is_dir()):
        # Said before gigabytes are read.
        raise UsageError(f"--html: {html_file} cannot be written", "give a file in a folder that is there")
    with progress_bar() as progress:
        answer = investigate(evidence, progress)
    asked = None if model == "none" else _ask(model, question, evidence, answer)
    consulted = None if asked is None else asked.consulted
    if form == "json":
        specialist = {} if asked is None else {"specialist": asked.specialist_as_json()}
        click.echo(json.dumps(as_json(answer) | specialist, indent=2, ensure_ascii=False))
    elif form == "markdown":
        click.echo(as_markdown(answer, consulted))
    else:
        click.echo(as_text(answer, sys.stdout.isatty(), consulted), nl=False)
    if html_file is not None:
        # Last: a page that cannot be written costs nobody the answer.
        _write_html(html_file, answer, consulted)


def _check_model(model: str) -> None:
    """Refuse a model that cannot be asked before gigabytes are read."""
    from ...app.candidates import check_named

    if model != AUTO:
        check_named(model)


def _ask(model: str, question: str | None, evidence: Evidence, answer: Investigation) -> EscalationAnswer:
    """Put the question to a specialist, about the case that was just investigated."""
    from ...app.escalate import escalate
    from ...app.investigate import folder_of
    from ...domain.analysis import AnalysisRequest

    return asyncio.run(
        escalate(
            AnalysisRequest(question or ""),
            case=folder_of(evidence, answer),
            roots=evidence.repositories,
            model=None if model == AUTO else model,
            investigation=answer,
        )
    )


def _write_html(path: Path, answer: Investigation, consulted: Consulted | None) -> None:
    from ...report.html import as_html

    try:
        path.write_text(as_html(answer, consulted), "utf-8")
    except OSError as fault:
        raise UsageError(f"--html: {path} cannot be written: {fault.strerror}") from fault
