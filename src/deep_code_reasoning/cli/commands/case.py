"""`dcr case ...`: look into the cases that were read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click

from ...domain.instant import format_instant

# Lines of a value that are shown, a diff's or a stack trace's; whole it stands in --format json.
_MAX_LINES: Final = 200


@click.group("case")
def command() -> None:
    """List, show, query and delete the cases that were read."""


@command.command("list")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def list_(form: str) -> None:
    """List all cases."""
    from ...app.cases import list_cases

    listed = [
        {
            "case": folder.name,
            "title": manifest.info.title,
            "files": len(manifest.sources),
            "rows": sum(source.rows for source in manifest.sources),
            "folder": str(folder),
        }
        for folder, manifest in list_cases()
    ]
    if form == "json":
        click.echo(json.dumps(listed, indent=2))
        return
    for entry in listed:
        click.echo(f"{entry['case']:<32} {entry['files']:>6} files {entry['rows']:>12,} rows  {entry['title'] or ''}")
    if not listed:
        click.echo("no cases yet: 'dcr investigate PATH' makes one", err=True)


@command.command("show")
@click.argument("case_name", metavar="CASE")
@click.argument("citation", required=False)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def show(case_name: str, citation: str | None, form: str) -> None:
    """Show what a case holds; or, with a CITATION, the row it stands for and its source line."""
    from ...app.cases import show_citation

    if citation is None:
        _show_case(case_name, form)
        return
    shown = show_citation(case_name, citation)
    if form == "json":
        click.echo(
            json.dumps(
                [
                    {"row": s.row, "source": s.source.path if s.source else None, "source_line": s.source_line}
                    for s in shown
                ],
                indent=2,
                ensure_ascii=False,
            )
        )
        return
    from ...report.plain import printable

    for cited in shown:
        where = f"{cited.source.path}, line {cited.row['line']}" if cited.source else "unknown source"
        click.echo(click.style(printable(where), bold=True))
        for name, value in cited.row.items():
            if value not in ("", None, {}, []):
                for place, line in enumerate(_lines(_cell(name, value))):
                    click.echo(f"  {'' if place else name:18} {line}")
        if cited.source_line is not None:
            click.echo(f"  {'source line':18} {printable(cited.source_line, 1000)}")


def _show_case(case_name: str, form: str) -> None:
    from ...app.cases import find_case, read_as
    from ...report.plain import printable
    from ...store.layout import read_manifest
    from ...store.schema import TABLES

    folder = find_case(case_name)
    manifest = read_manifest(folder)
    if form == "json":
        click.echo(json.dumps({"folder": str(folder), **manifest.as_json()}, indent=2, ensure_ascii=False))
        return
    click.echo(f"{manifest.info.id}: {printable(manifest.info.title or 'untitled')}\n{folder}\n\nsources")
    told = read_as(folder) if manifest.files.get("changes") or any(s.rejected for s in manifest.sources) else {}
    for source in manifest.sources:
        rejected = f", {source.rejected} rejected" if source.rejected else ""
        click.echo(
            f"  {printable(source.name):44} {source.format:16} {source.rows:>10,} rows{rejected}  "
            f"{printable(source.note)}"
        )
        for line in told.get(source.id, ()):
            click.echo(f"    {printable(line)}")
    click.echo("\ntables")
    for table in TABLES.values():
        if manifest.files.get(table.name):
            click.echo(f"  {table.name:12} {table.doc}")
            click.echo(f"  {'':12} {', '.join(column.name for column in table.columns)}")


def _cell(name: str, value: Any) -> str:
    if name.endswith("_ns") and name != "duration_ns" and isinstance(value, int) and value > 0:
        return f"{value} ({format_instant(value)})"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _lines(text: str) -> Iterator[str]:
    """A value line by line, each fit to print, its spaces as they stand."""
    from ...report.plain import printable_line

    lines = text.expandtabs(4).splitlines()
    for line in lines[:_MAX_LINES]:
        yield printable_line(line, 2000)
    if len(lines) > _MAX_LINES:
        yield f"… ({len(lines) - _MAX_LINES} more lines)"


@command.command("query")
@click.argument("case_name", metavar="CASE")
@click.argument("sql")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 100_000), help="Rows at most.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def query(case_name: str, sql: str, limit: int, form: str) -> None:
    """Run one read-only SELECT (ClickHouse SQL) over a case's tables."""
    from ...app.cases import query_case

    rows = query_case(case_name, sql, limit)
    if form == "json":
        click.echo(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    from ...report.plain import printable

    if rows:
        click.echo("\t".join(rows[0]))
    for row in rows:
        click.echo("\t".join(printable(_cell("", value)) for value in row.values()))
    if len(rows) == limit:
        click.echo(f"(the first {limit} rows; more with --limit)", err=True)


@command.command("add")
@click.argument("case_name", metavar="CASE")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
def add(case_name: str, paths: tuple[Path, ...]) -> None:
    """Read more evidence into CASE (made when it is not there); what it held is read again with it."""
    from ...app.ingest import add_evidence
    from ..progress import progress_bar

    with progress_bar() as progress:
        folder = add_evidence(case_name, paths, progress)
    click.echo(f"case {folder.name}: 'dcr investigate {folder}' investigates it")


@command.command("delete")
@click.argument("case_name", metavar="CASE")
def delete(case_name: str) -> None:
    """Delete a case and all its files."""
    from ...app.cases import delete_case

    delete_case(case_name)
    click.echo(f"deleted {case_name}")
