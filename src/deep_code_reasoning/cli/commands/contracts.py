"""`dcr contracts`: what services promise and ask, read out of code."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command("contracts", context_settings={"show_default": True})
@click.argument("folders", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--kind", type=click.Choice(["http", "rpc", "topic", "table", "graphql"]), default=None, help="Default: all."
)
@click.option("--case", metavar="NAME", default="", help="A case whose traces the service graph is compared with.")
@click.option(
    "--revision",
    "revisions",
    metavar="[NAME=]REV",
    multiple=True,
    help="A commit, branch or tag of all folders, or of the one of this name; nothing is checked out.",
)
@click.option("--deployed", is_flag=True, help="Read each folder at the revision that the case says is running.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
def command(
    folders: tuple[Path, ...], kind: str | None, case: str, revisions: tuple[str, ...], deployed: bool, form: str
) -> None:
    """Show who calls whom in FOLDERS of code: routes, RPC, topics, tables, GraphQL; nothing is run."""
    from ...app.contracts import contracts_of
    from ...report.contracts import contracts_as_json, contracts_as_text

    found, differences = contracts_of(folders, case, revisions, as_deployed=deployed)
    if form == "json":
        click.echo(json.dumps(contracts_as_json(found, differences, kind or ""), indent=2, ensure_ascii=False))
    else:
        click.echo(contracts_as_text(found, differences, kind or ""))
