"""`dcr setup`: write the MCP server into a coding agent's configuration."""

from __future__ import annotations

import click

_CLIENTS = ["claude", "codex", "gemini", "cursor", "vscode"]

FORM = """\b
What the server may read beside the project's folder, and where it may send evidence, stands in config.toml
in the home:
    roots = ["~/incidents", "/srv/repos"]
    send_evidence_to = ["google", "deep"]    # providers or models; "*" for any; without it you are asked
"""


@click.command("setup", epilog=FORM)
@click.argument("client", type=click.Choice(_CLIENTS))
@click.option("--print", "only_print", is_flag=True, help="Show what the file would hold; write nothing.")
def command(client: str, only_print: bool) -> None:
    """Write the MCP server into the configuration of CLIENT. What else stands there is kept."""
    from ...app.setup import planned, write

    change = planned(client)
    if only_print:
        click.echo(f"# {change.path}", err=True)
        click.echo(change.content, nl=False)
        return
    if change.changed:
        write(change)
    click.echo(f"{change.path}: {'written; start the client anew' if change.changed else 'nothing to do'}")
