"""`dcr report`: the last answer of a case once more."""

from __future__ import annotations

import json
import sys

import click


@click.command("report", context_settings={"show_default": True})
@click.argument("case_name", metavar="CASE")
@click.option("--format", "form", type=click.Choice(["text", "json", "markdown"]), default="text")
def command(case_name: str, form: str) -> None:
    """Investigate CASE again from its tables (nothing is read anew) and print the answer."""
    from ...app.cases import find_case
    from ...app.investigate import investigation_of
    from ...report.answer import as_json
    from ...report.markdown import as_markdown
    from ...report.text import as_text

    answer = investigation_of(find_case(case_name))
    if form == "json":
        click.echo(json.dumps(as_json(answer), indent=2, ensure_ascii=False))
    elif form == "markdown":
        click.echo(as_markdown(answer))
    else:
        click.echo(as_text(answer, colour=sys.stdout.isatty()), nl=False)
