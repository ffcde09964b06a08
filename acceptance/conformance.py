"""The protocol's own test suites against our server: conformance in two revisions, the inspector, the manifests.

    python acceptance/conformance.py        needs acceptance/node_modules: 'make conformance' installs it

The suite speaks HTTP and expects tools of its own in many scenarios (an image, a sampling request ...). Those that our
server has no such tool for are listed below with the reason; the exit code is 0 when all others pass.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
TOOLS: Final = HERE / "node_modules" / ".bin"
NODE: Final = HERE / "node_modules" / "node" / "bin"
DCR: Final = [sys.executable, "-m", "deep_code_reasoning"]

_OWN_TOOL: Final = "wants a tool, resource or prompt of the suite's own"
# What the inspector reads beside the tools, on an empty home.
_OF_INSPECTOR: Final = (
    "prompts/list",
    "prompts/get --prompt-name escalate --prompt-args problem=slow",
    "resources/list",
    "resources/templates/list",
    "resources/read --uri case://schema",
)
# Of the tasks extension: run against our server with the tools that these want (task_fixtures.py).
_OF_TASKS: Final = (
    "tasks-lifecycle",
    "tasks-capability-negotiation",
    "tasks-wire-fields",
    "tasks-request-state-removal",
    "tasks-request-headers",
    "tasks-dispatch-and-envelope",
)
_NOT_APPLICABLE: Final = {
    "tools-call-": _OWN_TOOL,
    "resources-read-": _OWN_TOOL,
    "resources-templates-read": _OWN_TOOL,
    "prompts-get-": _OWN_TOOL,
    "json-schema-2020-12": _OWN_TOOL,
    "server-sse-polling": _OWN_TOOL,
    "http-custom-header": "no tool of ours takes arguments from headers",
    "elicitation-": _OWN_TOOL,
    "input-required-": _OWN_TOOL,
    "logging-set-level": "logging is deprecated and not offered",
    "resources-subscribe": "subscriptions are not offered: a case does not change by itself",
    "resources-unsubscribe": "subscriptions are not offered",
    "tasks-status-notifications": "status is polled: notifications are optional",
    "tasks-required-task-error": "no tool of ours needs a task: without one there is a handle",
    "tasks-mrtr-": "no work of ours asks while it runs: consent, a yes or no, comes before it",
    "sep-2640-": "the skills extension is not offered",
}
# These stand in a group above, and apply all the same.
_APPLICABLE: Final = (
    "tools-call-error",
    "input-required-result-unsupported-methods",
    "input-required-result-ignore-extra-params",
)
# Checks of a scenario that applies otherwise: two of server-stateless call a tool of the suite's own.
# And no tool of ours ends in an error of the protocol: what goes wrong is a result that says so.
_CHECKS_OF_OWN_TOOLS: Final = {
    "server-stateless": {"ServerRejectsUndeclaredCapability", "MissingCapabilityHttp400"},
    "tasks-lifecycle": {"TasksProtocolErrorFailedShape"},
}


def main() -> int:
    """Run everything, print a line each, and return 1 when something that applies fails."""
    environment = {**os.environ, "PATH": f"{NODE}:{os.environ['PATH']}", "DCR_OFFLINE": "1"}
    failed = 0
    with tempfile.TemporaryDirectory() as home:
        environment["DCR_HOME"] = home
        with _serving([*DCR, "serve", "--http"], environment) as url:
            for revision in ("2025-11-25", "2026-07-28"):
                for scenario in _scenarios(environment, revision):
                    failed += not _scenario(environment, url, scenario, revision)
            for scenario in _scenarios(environment, "extension"):
                if scenario not in _OF_TASKS:
                    failed += not _scenario(environment, url, scenario, "2026-07-28")
        with _serving([sys.executable, str(HERE / "task_fixtures.py")], environment) as url:
            for scenario in _OF_TASKS:
                failed += not _scenario(environment, url, scenario, "2026-07-28")
        failed += not _run(
            "inspector --strict",
            [TOOLS / "mcp-inspector", "--cli", "--method", "tools/list", "--strict", "--", *DCR, "serve"],
            environment,
        )
        for method in _OF_INSPECTOR:
            words = [TOOLS / "mcp-inspector", "--cli", "--method", *method.split(), "--", *DCR, "serve"]
            failed += not _run(f"inspector {method}", words, environment)
    packaging = HERE.parent / "packaging"
    failed += not _run("mcpb validate", [TOOLS / "mcpb", "validate", packaging / "mcpb" / "manifest.json"], environment)
    failed += not _run(
        "claude plugin validate", [TOOLS / "claude", "plugin", "validate", packaging / "claude-code"], environment
    )
    print(f"{failed} failed")
    return 1 if failed else 0


def _scenarios(environment: dict[str, str], revision: str) -> list[str]:
    listed = subprocess.run(
        [TOOLS / "conformance", "list"], capture_output=True, text=True, env=environment, check=True
    ).stdout
    server_part = listed.partition("Client scenarios")[0]
    return [name for name, revisions in re.findall(r"- (\S+) \[([^\]]*)\]", server_part) if revision in revisions]


def _scenario(environment: dict[str, str], url: str, scenario: str, revision: str) -> bool:
    reason = next((why for start, why in _NOT_APPLICABLE.items() if scenario.startswith(start)), None)
    if reason and scenario not in _APPLICABLE:
        print(f"n/a   {revision} {scenario}: {reason}")
        return True
    words = ["server", "--url", url, "--scenario", scenario, "--spec-version", revision, "--force"]
    done = subprocess.run([TOOLS / "conformance", *words], capture_output=True, text=True, env=environment, check=False)
    summary = re.search(r"Passed: \d+/\d+", done.stdout)
    wrong = set(re.findall(r"^  - (\w+):", done.stdout.partition("=== Failed Checks ===")[2], re.MULTILINE))
    expected = _CHECKS_OF_OWN_TOOLS.get(scenario, set())
    good = done.returncode == 0 or (bool(wrong) and wrong <= expected)
    note = f" (but {', '.join(sorted(wrong))}: {_OWN_TOOL})" if good and wrong else f" {sorted(wrong)}" if wrong else ""
    print(f"{'ok   ' if good else 'FAIL '} {revision} {scenario} {summary[0] if summary else ''}{note}")
    return good


def _run(name: str, command: list[str | Path], environment: dict[str, str]) -> bool:
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    print(f"{'ok   ' if done.returncode == 0 else 'FAIL '} {name}")
    if done.returncode:
        print(done.stdout[-1_000:] + done.stderr[-1_000:])
    return done.returncode == 0


@contextmanager
def _serving(command: list[str], environment: dict[str, str]) -> Iterator[str]:
    """The address of a server that is started with a port of its own as the last argument."""
    port = _free_port()
    server = subprocess.Popen([*command, f"127.0.0.1:{port}"], env=environment)
    try:
        _wait_for(port)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        server.terminate()
        server.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit(json.dumps({"error": "the server did not come up"}))


if __name__ == "__main__":
    sys.exit(main())
