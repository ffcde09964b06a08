"""`dcr serve`: the MCP server."""

from __future__ import annotations

import gc

import click


@click.command("serve", context_settings={"show_default": True})
@click.option("--http", metavar="HOST:PORT", help="Serve streamable HTTP there instead of stdio.")
def command(http: str | None) -> None:
    """Serve coding agents over the Model Context Protocol: on stdin and stdout, or over HTTP at /mcp.

    On other addresses than those of this machine, HTTP needs the bearer token of $DCR_HTTP_TOKEN.
    """
    if http is None:
        # Agents wait for the start, and a tenth of it would be looking for garbage among modules, which stay.
        gc.disable()
        from ...server.serve import serve_stdio

        gc.freeze()
        gc.enable()
        serve_stdio()
    else:
        from ...server.http import serve_http

        serve_http(http)
