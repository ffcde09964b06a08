"""`dcr investigate`: evidence in, the cause out."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from ...domain.case import CaseInfo
from ...domain.instant import parse_instant
from ...domain.investigation import Investigation
from ...errors import UsageError

_PATH = click.Path(path_type=Path)


@click.command("investigate", context_settings={"show_default": True})
@click.argument("paths", nargs=-1, required=True, type=_PATH)
@click.option("--noticed-at", metavar="ISO8601", help="When somebody noticed; the onset is estimated all the same.")
@click.option("--question", metavar="TEXT", help="What you want to know; kept with the case.")
@click.option("--repo", "repositories", multiple=True, type=_PATH, help="A git repository whose commits are evidence.")
@click.option("--baseline", multiple=True, type=_PATH, help="Evidence of a calm time, to compare with.")
@click.option("--format", "form", type=click.Choice(["text", "json", "markdown"]), default="text")
@click.option("--html", "html_file", metavar="FILE", type=_PATH, help="Also write the answer as one HTML page.")
@click.option("--model", metavar="NAME", default="none", help="Model to escalate to; this version has 'none' only.")
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

    if model != "none":
        raise UsageError(f"--model {model}: this version answers from its analysers alone", "leave it out, or 'none'")
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
    with progress_bar() as progress:
        answer = investigate(evidence, progress)
    if html_file is not None:
        _write_html(html_file, answer)
    if form == "json":
        click.echo(json.dumps(as_json(answer), indent=2, ensure_ascii=False))
    elif form == "markdown":
        click.echo(as_markdown(answer))
    else:
        click.echo(as_text(answer, colour=sys.stdout.isatty()), nl=False)


def _write_html(path: Path, answer: Investigation) -> None:
    from ...report.html import as_html

    try:
        path.write_text(as_html(answer), "utf-8")
    except OSError as fault:
        raise UsageError(f"--html: {path} cannot be written: {fault.strerror}") from fault
