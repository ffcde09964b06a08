"""`dcr outcome`: whether an answer proved right."""

from __future__ import annotations

import click

from ...domain.escalation import OUTCOME_VERDICTS, OutcomeVerdict


@click.command("outcome")
@click.argument("of", metavar="ID")
@click.argument("verdict", type=click.Choice(OUTCOME_VERDICTS))
@click.option("--note", default="", help="What it turned out to be.")
@click.option("--by", metavar="NAME", help="Who says so; you, when left out.")
def command(of: str, verdict: OutcomeVerdict, note: str, by: str | None) -> None:
    """Report whether an answer proved right: of an escalation, by its ID, or of a case, by its name.

    Of a case it is the last escalated answer, else the analysers' own. The last report holds; until there is one, the
    outcome stays unknown.
    """
    from ...app.outcomes import report_outcome

    reported = report_outcome(of, verdict, note, by)
    click.echo(f"{reported.of} {reported.id}: {reported.outcome.verdict}, says {reported.outcome.reported_by}")
