"""`dcr`: reads options, calls a use case, prints. The one place of the command line where errors become exit codes."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Final

import click

from ..errors import DeepCodeReasoningError

# Command -> (module in commands/, one line of help). The modules are imported when their command runs, so that
# `dcr --help` loads neither the engine nor anything else that is heavy.
COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "investigate": (
        "investigate",
        "Find the root cause in evidence: files and folders of traces, logs, metrics, changes.",
    ),
    "serve": ("serve", "Serve coding agents over the Model Context Protocol: the MCP server."),
    "setup": ("setup", "Write the MCP server into the configuration of a coding agent."),
    "case": ("case", "List, show, query and delete the cases that were read."),
    "report": ("report", "Print the last answer of a case again, as text, Markdown or JSON."),
    "pack": ("pack", "Print what a model would be given of a case under a token budget, or the account of it."),
    "locate": ("locate", "Find the files, functions and lines that an error, a stack trace or a report is about."),
    "contracts": ("contracts", "Show who calls whom in folders of code: routes, RPC, topics, tables."),
    "models": ("models", "List the models that can be asked, what they cost, and how each has done so far."),
    "outcome": ("outcome", "Report whether an answer proved right: routing and statistics learn from nothing else."),
    "stats": ("stats", "Show what escalations took and what they were worth: tokens, costs, outcomes, by model."),
    "doctor": ("doctor", "Check that everything this program needs is there and works."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported only when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names, in the order of `COMMANDS`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command's module and return its `command`."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"..commands.{COMMANDS[cmd_name][0]}", __name__)
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, from the table alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="deep-code-reasoning-mcp")
def cli() -> None:
    """Find and prove the root cause of a bug that spans services, from the raw evidence."""


def main() -> None:
    """Entry point of `dcr`."""
    sys.exit(_interruptible(_run))


def _run() -> int:
    """Run the command line and return the exit code of the contract: 0, 1, 2 or 3."""
    try:
        cli.main(standalone_mode=False)
    except click.ClickException as fault:
        fault.show()
        return 2
    except click.Abort:
        return 130
    except DeepCodeReasoningError as fault:
        click.echo(f"error: {fault.message}", err=True)
        if fault.hint:
            click.echo(f"hint: {fault.hint}", err=True)
        return fault.exit_code
    except BrokenPipeError:
        # The reader of our output (head, less) went away: not an error. Python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as fault:  # the outermost frame: a fault of ours becomes a message and exit code 1
        if os.environ.get("DCR_DEBUG"):
            raise
        click.echo(f"error: a fault in dcr itself: {type(fault).__name__}: {fault}", err=True)
        click.echo("hint: run again with DCR_DEBUG=1 to see where, and report it", err=True)
        return 1
    return 0


def _interruptible(run: Callable[[], int]) -> int:
    """Run in a thread, so that Ctrl-C is answered at once even while the engine works on a long statement.

    The engine cannot be stopped from Python; on Ctrl-C the half-written case is removed and the process ends.
    """
    with ThreadPoolExecutor(max_workers=1) as worker:
        outcome = worker.submit(run)
        try:
            while not wait([outcome], timeout=0.2).done:
                pass
        except KeyboardInterrupt:
            from ..app.interrupt import abandon

            abandon()
            click.echo("interrupted; nothing was kept of what was being read", err=True)
            sys.stderr.flush()
            os._exit(130)
        return outcome.result()
