"""`dcr doctor`: is everything there, and does it work?"""

from __future__ import annotations

import sys

import click


@click.command("doctor")
def command() -> None:
    """Check the engine, the home of the cases, and the optional tools; exit 1 when something needed is broken."""
    from ...app.doctor import examine

    checks = examine()
    for check in checks:
        click.echo(f"{'ok  ' if check.ok else 'FAIL' if check.needed else 'none'}  {check.name:20} {check.detail}")
    if any(check.needed and not check.ok for check in checks):
        sys.exit(1)
