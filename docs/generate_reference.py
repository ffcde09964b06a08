"""Writes `docs/reference/` from the code: tables, formats, detectors, mechanisms, routing, errors, commands.

    python docs/generate_reference.py [--check]

With `--check` nothing is written; the exit code is 1 when a page is not what the code says.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import click

from deep_code_reasoning import errors
from deep_code_reasoning.cli.main import cli
from deep_code_reasoning.detectors import runner
from deep_code_reasoning.detectors.base import Kind
from deep_code_reasoning.domain.mechanisms import MECHANISMS
from deep_code_reasoning.readers import registry
from deep_code_reasoning.routing import configuration
from deep_code_reasoning.routing.settings import Policy, Thresholds
from deep_code_reasoning.server.arguments import flat_schema
from deep_code_reasoning.server.registry import tools
from deep_code_reasoning.store.schema import TABLES

HERE: Final = Path(__file__).parent / "reference"
NOTE: Final = "<!-- written by docs/generate_reference.py; do not edit -->\n\n"


def tables() -> str:
    """The tables of a case."""
    parts = ["# The tables of a case\n\nFor `dcr case query CASE SQL` and for whoever opens the Parquet files.\n"]
    for table in TABLES.values():
        parts.append(f"\n## {table.name}\n\n{table.doc}\n\n| column | type | meaning |\n|---|---|---|\n")
        parts += [f"| `{c.name}` | {c.type} | {_cell(c.doc)} |\n" for c in table.columns]
    return "".join(parts)


def formats() -> str:
    """The formats that are read."""
    parts = ["# Formats\n\nRecognised by content, in this order where two are equally sure.\n"]
    parts.append("\n| format | kind | what |\n|---|---|---|\n")
    for reader in registry.readers():
        doc = inspect.getdoc(sys.modules[reader.read.__module__]) or ""
        parts.append(f"| `{reader.format}` | {reader.kind} | {_cell(_first_paragraph(doc))} |\n")
    return "".join(parts)


def detectors() -> str:
    """Every detector, with its own words and its thresholds."""
    parts = ["# Detectors\n\nEach is a pure function of a case; it fires, is clear, or is skipped and says why.\n"]
    parts.append(f"\nWhat is declared of a finding:\n\n```text\n{inspect.getdoc(Kind)}\n```\n")
    for detector in runner.detectors():
        module = sys.modules[detector.detect.__module__]
        parts.append(f"\n## {detector.code}\n\n{inspect.getdoc(module)}\n\n")
        parts.append(f"Mechanisms: {', '.join(f'`{m}`' for m in detector.mechanisms)}. ")
        parts.append(f"Needs: {', '.join(detector.needs) or 'nothing'}.\n")
        parts.append("\n| finding | what it is |\n|---|---|\n")
        parts += [f"| `{kind.code}` | {_declared(kind)} |\n" for kind in detector.kinds]
        settings = detector.settings
        if fields(settings):
            parts.append("\n| threshold | value |\n|---|---|\n")
            parts += [f"| `{f.name}` | {_cell(repr(getattr(settings, f.name)))} |\n" for f in fields(settings)]
    return "".join(parts)


def mechanisms() -> str:
    """How things break."""
    rows = "".join(f"| `{name}` | {text} |\n" for name, text in MECHANISMS.items())
    return f"# Mechanisms\n\n| mechanism | meaning |\n|---|---|\n{rows}"


def routing() -> str:
    """The settings of routing: the form of the file, and why each default is what it is."""
    form = inspect.getdoc(configuration) or ""
    parts = ["# Settings of routing\n", f"\n```text\n{form}\n```\n"]
    for title, settings in (("thresholds", Thresholds), ("policy", Policy)):
        parts.append(f"\n## {title}\n\n```text\n{inspect.getdoc(settings)}\n```\n")
    return "".join(parts)


def errors_page() -> str:
    """The exception tree, as drawn in the module."""
    return f"# Errors\n\n```text\n{inspect.getdoc(errors)}\n```\n"


def tools_page() -> str:
    """The tools of the MCP server, with their arguments."""
    parts = ["# Tools of the MCP server\n\nStarted by `dcr serve`. Arguments with * are required.\n"]
    for tool in tools().values():
        schema = flat_schema(tool.arguments)
        parts.append(f"\n## {tool.name}\n\n{tool.description}\n\n| argument | type | meaning |\n|---|---|---|\n")
        parts += _arguments(schema, "")
    return "".join(parts)


def _arguments(schema: dict[str, Any], prefix: str) -> list[str]:
    rows = []
    for name, inner in schema["properties"].items():
        star = "*" if name in schema.get("required", ()) else ""
        kind = "/".join(inner["enum"]) if "enum" in inner else inner.get("type", "")
        rows.append(f"| `{prefix}{name}`{star} | {kind} | {_cell(inner.get('description', ''))} |\n")
        if "properties" in inner:
            rows += _arguments(inner, f"{prefix}{name}.")
    return rows


def commands() -> str:
    """The help of every command."""
    parts = ["# Commands\n"]

    def add(command: click.Command, path: str, parent: click.Context | None) -> None:
        context = click.Context(command, info_name=path.rpartition(" ")[2], parent=parent, terminal_width=100)
        parts.append(f"\n## {path}\n\n```text\n{command.get_help(context)}\n```\n")
        if isinstance(command, click.Group):
            for name in command.list_commands(context):
                inner = command.get_command(context, name)
                if inner is not None:
                    add(inner, f"{path} {name}", context)

    add(cli, "dcr", None)
    return "".join(parts)


def _declared(kind: Kind) -> str:
    """What a kind of findings declares, but for what is so where nothing is said."""
    said = {f.name: getattr(kind, f.name) for f in fields(kind) if getattr(kind, f.name) != f.default}
    return ", ".join(f"{name} {value}" for name, value in said.items() if name != "code") or "-"


def _first_paragraph(text: str) -> str:
    return text.split("\n\n", 1)[0].replace("\n", " ")


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


PAGES: Final[dict[str, Callable[[], Any]]] = {
    "tables.md": tables,
    "formats.md": formats,
    "detectors.md": detectors,
    "mechanisms.md": mechanisms,
    "routing.md": routing,
    "errors.md": errors_page,
    "commands.md": commands,
    "tools.md": tools_page,
}


def main() -> int:
    """Write the pages, or check them."""
    stale = []
    for name, page in PAGES.items():
        path, text = HERE / name, NOTE + page()
        if path.is_file() and path.read_text("utf-8") == text:
            continue
        stale.append(name)
        if "--check" not in sys.argv:
            path.write_text(text, "utf-8")
    if "--check" in sys.argv and stale:
        sys.stderr.write(f"stale: {', '.join(stale)}; run 'make docs'\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
