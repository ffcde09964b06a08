"""`dcr pack`: what a model would be given of a case, and the account of what it would not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ...domain.pack import Pack

_ANALYSIS_TYPES = ["execution_trace", "cross_system", "performance", "hypothesis_test"]


@click.command("pack", context_settings={"show_default": True})
@click.argument("case_name", metavar="CASE")
@click.option("--question", metavar="TEXT", default="", help="What the model will be asked.")
@click.option(
    "--budget-tokens", metavar="N", type=click.IntRange(min=1), default=32_000, help="What the pack may take."
)
@click.option("--file", "files", multiple=True, metavar="PATH", help="A file to look at: REPO/PATH, PATH or PATH:LINE.")
@click.option("--entry-point", "entry_points", multiple=True, metavar="FILE:LINE[:FUNCTION]", help="Where to begin.")
@click.option("--service", "services", multiple=True, metavar="NAME", help="A service to look at.")
@click.option(
    "--repo", "roots", multiple=True, type=click.Path(path_type=Path), help="A folder whose code may be read."
)
@click.option("--analysis-type", type=click.Choice(_ANALYSIS_TYPES), default="cross_system")
@click.option("--depth", type=click.IntRange(1, 5), default=3, help="How much of each kind of evidence is offered.")
@click.option("--manifest", is_flag=True, help="Print what was offered, sent and dropped, and why, and not the pack.")
def command(
    case_name: str,
    question: str,
    budget_tokens: int,
    files: tuple[str, ...],
    entry_points: tuple[str, ...],
    services: tuple[str, ...],
    roots: tuple[Path, ...],
    analysis_type: str,
    depth: int,
    manifest: bool,
) -> None:
    """Pack CASE (a name or a folder) for a model: evidence and code under a token budget, secrets taken out."""
    from ...app.pack import PackRequest, pack_case
    from ...domain.pack import Scope

    packed = pack_case(
        case_name,
        PackRequest(question, Scope(files, services, entry_points), roots, budget_tokens, analysis_type, depth),
    )
    if manifest:
        _print_manifest(packed)
    else:
        click.echo(packed.text, nl=False)


def _print_manifest(packed: Pack) -> None:
    from ...report.plain import printable

    size = packed.size
    click.echo(f"{packed.tokens:,} of {packed.budget_tokens:,} tokens ({packed.counted})")
    for name, extent, note in (
        ("offered", size.offered, ""),
        ("sent", size.sent, "  with the fences around each piece"),
        ("dropped", size.dropped, ""),
    ):
        click.echo(f"{name:8} {extent.tokens or 0:>9,} tokens {extent.size_bytes:>11,} bytes{note}")
    if packed.redactions:
        click.echo(f"taken out: {', '.join(f'{count} {kind}' for kind, count in packed.redactions)}")
    click.echo()
    for entry in packed.manifest:
        sizes = f"{entry.sent_tokens:>7,} of {entry.offered_tokens:>7,}"
        click.echo(f"{entry.state:9} {sizes}  {printable(entry.key, 80)}  {printable(entry.reason, 160)}".rstrip())
