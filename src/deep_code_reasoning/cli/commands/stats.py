"""`dcr stats`: what escalations took, and what they were worth."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

import click

from ...domain.instant import parse_instant
from ...errors import UsageError

if TYPE_CHECKING:
    from ...domain.ledger_statistics import LedgerStatistics, Tally

_UNKNOWN = "?"
_HEAD = ("calls", "failed", "tokens in", "tokens out", "cost $", "right", "wrong", "open", "$/cause", "quality", "q/$")


@click.command("stats")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--since", metavar="ISO8601", help="Only what began then or later.")
def command(form: str, since: str | None) -> None:
    """Show calls, tokens, costs and outcomes by model and class of problem, and why there were escalations."""
    from ...app.stats import collect_stats, stats_as_json

    since_ns = None if since is None else parse_instant(since)
    if since is not None and since_ns is None:
        raise UsageError(f"--since: '{since}' is no instant", "for example 2026-11-23T09:00:00Z")
    stats = collect_stats(since_ns)
    if form == "json":
        click.echo(json.dumps(stats_as_json(stats), indent=2, ensure_ascii=False))
        return
    alone = stats.investigations
    if alone.confirmed or alone.refuted or alone.unknown:
        reported = f"{alone.confirmed} confirmed, {alone.refuted} refuted, {alone.unknown} unknown"
        click.echo(f"investigations without a model, as reported: {reported}")
    if not stats.escalations and not stats.total.calls:
        click.echo("nothing was escalated yet", err=True)
        return
    _print(stats)


def _print(stats: LedgerStatistics) -> None:
    total = stats.total
    click.echo(f"{stats.escalations} escalations, {total.calls} calls to models, {_usd(total.cost_usd)} US dollars")
    for missing, what in ((total.unpriced_calls, "have no known price"), (total.unmetered_calls, "report no tokens")):
        if missing:
            click.echo(f"{missing} of the calls {what}: they are not in the sums")
    if stats.unsettled_calls:
        at_most = "" if stats.unsettled_usd is None else f", at most {_usd(stats.unsettled_usd)} US dollars"
        click.echo(f"{stats.unsettled_calls} calls were begun and never reported{at_most}")
    click.echo("\nby model and class of problem")
    _table(
        ("model", "class", *_HEAD),
        [(entry.model, entry.problem_class or "-", *_cells(entry.tally)) for entry in stats.models],
    )
    click.echo("\nby reason of the escalation")
    _table(
        ("reason", "escalations", *_HEAD),
        [(entry.reason or "-", str(entry.escalations), *_cells(entry.tally)) for entry in stats.reasons],
    )
    if stats.time_saved:
        click.echo("\ntime saved: estimates, not measurements")
        for saved in stats.time_saved:
            who = "as callers estimate" if saved.basis == "caller" else "as our model estimates"
            click.echo(f"  about {saved.estimate_s / 3600:.1f} h {who}, over {saved.escalations} escalations")
    check = stats.check
    if check.right or check.wrong:
        click.echo(
            f"\nthe check of answers, by outcomes: {check.right_held} of {check.right} right ones held, "
            f"and {check.wrong_held} of {check.wrong} wrong ones"
        )
    click.echo(
        f"\n{_UNKNOWN}: not known. Right, wrong, open: what was reported of answers. $/cause: per confirmed cause."
    )
    click.echo("quality: confirmed among reported. q/$: quality divided by the mean cost of an escalation.")


def _cells(tally: Tally) -> Iterable[str]:
    quality, per_usd = tally.quality, tally.quality_per_usd
    return (
        str(tally.calls),
        str(tally.failed_calls),
        _number(tally.input_tokens),
        _number(tally.output_tokens),
        _usd(tally.cost_usd),
        str(tally.confirmed),
        str(tally.refuted),
        str(tally.unknown),
        _usd(tally.cost_per_confirmed_usd),
        _UNKNOWN if quality is None else f"{quality:.0%}",
        _UNKNOWN if per_usd is None else f"{per_usd:.2f}",
    )


def _number(value: int | None) -> str:
    return _UNKNOWN if value is None else f"{value:,}"


def _usd(amount: Decimal | None) -> str:
    return _UNKNOWN if amount is None else f"{amount:,.4f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from ...report.plain import printable

    lines = [head, *([printable(cell, 40) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        cells = [
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        click.echo(f"  {'  '.join(cells)}".rstrip())
