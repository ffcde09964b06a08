"""`dcr locate`: files, functions and lines that a report is about."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click


@click.command("locate", context_settings={"show_default": True})
@click.argument("text", metavar="TEXT|-")
@click.option(
    "--repo", "folders", multiple=True, required=True, type=click.Path(path_type=Path), help="A folder of code."
)
@click.option("--revision", metavar="REV", default="", help="A commit, branch or tag of each; nothing is checked out.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@click.option("--limit", metavar="N", type=click.IntRange(1, 200), default=10, help="How many files at most.")
def command(text: str, folders: tuple[Path, ...], revision: str, form: str, limit: int) -> None:
    """Find the code that TEXT (an error, a stack trace, log lines, names; - reads it from stdin) is about."""
    from ...app.localise import locate
    from ...report.places import places_as_json, places_as_text
    from ..progress import files_bar

    report = sys.stdin.read() if text == "-" else text
    with files_bar() as progress:
        found = locate(report, folders, revision, limit, progress)
    if form == "json":
        click.echo(json.dumps(places_as_json(found), indent=2, ensure_ascii=False))
    else:
        click.echo(places_as_text(found))
