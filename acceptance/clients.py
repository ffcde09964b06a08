"""Real coding agents against the server: installed by `dcr setup`, in an empty home, with a scripted model on loopback.

    python acceptance/clients.py [claude] [codex] [gemini]      'make clients' installs them first

The scripted model does what a model would: open the example's case, investigate, read the causes, hold a conversation,
report the outcome. What is checked is what the client shows its model: the right cause, in the last request. Claude
Code is given a prompt of ours too, as the slash command that it makes of it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from wire.anthropic import Anthropic  # noqa: E402 - the wire formats of the tests' stub
from wire.formats import Format, Json, Turn  # noqa: E402
from wire.gemini import Gemini  # noqa: E402
from wire.openai_responses import OpenAIResponses  # noqa: E402
from wire.script import Part, Tokens  # noqa: E402

HERE: Final = Path(__file__).parent
TOOLS: Final = HERE / "node_modules" / ".bin"
NODE: Final = HERE / "node_modules" / "node" / "bin"
EVIDENCE: Final = ROOT / "examples" / "ticket-booking"
# What the example's answer.json names, and every client has to show its model.
CAUSE: Final = ("ts-travel-service", "t.s.TravelServiceImpl#451")
PROBLEM: Final = "bookings-fail"
_PATIENCE_S: Final = 180

_CONTEXT: Final = {
    "attempted_approaches": ["restarted the service"],
    "partial_findings": [{"type": "race", "location": "user_service.go:142"}],
    "stuck_description": "bookings fail",
    "code_scope": {"files": [], "service_names": ["ts-travel-service"]},
}
# Tool, and its arguments from all that was said before.
Step = tuple[str, Callable[[str], dict[str, Any]]]
STEPS: Final[tuple[Step, ...]] = (
    ("open_case", lambda said: {"paths": ["evidence"], "wait_seconds": 45}),
    ("investigate_case", lambda said: {"case": _last(r"case-[0-9a-f]{12}", said), "wait_seconds": 45}),
    ("get_result", lambda said: {"handle": _last(r"work-[\w-]{22}", said), "section": "causes"}),
    (
        "start_conversation",
        lambda said: {
            "claude_context": _CONTEXT,
            "analysis_type": "cross_system",
            "case": _last(r"case-[0-9a-f]{12}", said),
        },
    ),
    ("finalize_conversation", lambda said: {"session_id": _last(r"conversation-[0-9a-f]{28}", said)}),
    (
        "record_outcome",
        lambda said: {"answer": _last(r"case-[0-9a-f]{12}", said), "verdict": "confirmed"},
    ),
)


def _last(pattern: str, said: str) -> str:
    found = re.findall(pattern, said)
    return found[-1] if found else "nothing"


class ScriptedModel:
    """A model's endpoint for one client: answers each request with the next step."""

    def __init__(self, wire: Format) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.done: list[str] = []
        self.number = 0
        model = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
                if "count_tokens" in self.path or "countTokens" in self.path:
                    self._reply(json.dumps(wire.tokens(1_000)).encode(), "application/json")
                    return
                target = self.path.rpartition("/")[2].partition("?")[0]
                wanted = wire.wanted({"model": "scripted", **body}, {"target": target})
                model.bodies.append(body)
                turn = model.turn(body)
                if wanted.stream:
                    self._reply(b"".join(_frames(wire, turn)), "text/event-stream")
                else:
                    self._reply(json.dumps(wire.whole(turn, True)).encode(), "application/json")

            def do_GET(self) -> None:
                self._reply(b'{"data": [], "models": []}', "application/json")

            def _reply(self, content: bytes, kind: str) -> None:
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def turn(self, body: dict[str, Any]) -> Turn:
        """The next step, when the request offers our tools; otherwise a word, for clients ask for titles too."""
        self.number += 1
        part = Part("done")
        if len(self.done) < len(STEPS):
            tool, arguments = STEPS[len(self.done)]
            name = _offered(body, tool)
            if name:
                self.done.append(tool)
                part = Part(tool=name, arguments=arguments(json.dumps(body)))
            elif _offered(body, "WaitForMcpServers"):
                # Claude Code begins before its servers are there, and says so with this tool.
                part = Part(tool="WaitForMcpServers", arguments={})
        return Turn(self.number, "scripted", (part,), "stop", Tokens())

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


def _offered(node: Any, tool: str) -> str:
    """The name under which a request offers a tool of ours."""
    if isinstance(node, dict):
        name = node.get("name")
        if (
            isinstance(name, str)
            and re.search(rf"(?:^|__?|\.){tool}$", name)
            and ("description" in node or "parameters" in node)
        ):
            return name
        node = list(node.values())
    if isinstance(node, list):
        for inner in node:
            if found := _offered(inner, tool):
                return found
    return ""


def _frames(wire: Format, turn: Turn) -> Iterator[bytes]:
    yield from wire.opening(turn)
    for index, part in enumerate(turn.parts):
        yield from wire.part(turn, index, part)
    yield from wire.closing(turn)


class Codex(OpenAIResponses):
    """The responses wire, with the namespace in which Codex keeps a server's tools."""

    def _item(self, turn: Turn, index: int, part: Part) -> Json:
        item = super()._item(turn, index, part)
        return {**item, "namespace": "mcp__deep_code_reasoning"} if part.tool else item


@dataclass(frozen=True)
class Started:
    """How a client is started: its words, its environment, what is said on its input, what its model has to see."""

    words: list[str]
    environment: dict[str, str]
    said: str = ""
    shown: tuple[str, ...] = ()


def _claude(url: str, home: Path) -> Started:
    words = ["claude", "-p", "--model", "scripted", "--allowedTools", "mcp__deep-code-reasoning", "--verbose"]
    words += ["--input-format", "stream-json", "--output-format", "stream-json"]
    # The second thing that its user says is a prompt of ours, as a slash command.
    said = ("Find the cause.", f"/mcp__deep-code-reasoning__escalate {PROBLEM}")
    lines = [json.dumps({"type": "user", "message": {"role": "user", "content": text}}) + "\n" for text in said]
    environment = {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "scripted", "ENABLE_TOOL_SEARCH": "false"}
    return Started(words, environment, "".join(lines), (f"We are stuck on this: {PROBLEM}",))


def _codex(url: str, home: Path) -> Started:
    config = home / ".codex" / "config.toml"
    config.write_text(
        'model = "scripted"\nmodel_provider = "scripted"\n\n'
        + config.read_text()
        + f'\n[model_providers.scripted]\nname = "scripted"\nbase_url = "{url}/v1"\nwire_api = "responses"\n'
    )
    words = ["codex", "exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", "Find the cause."]
    return Started(words, {"OPENAI_API_KEY": "scripted"})


def _gemini(url: str, home: Path) -> Started:
    settings = home / ".gemini" / "settings.json"
    content = {**json.loads(settings.read_text()), "security": {"auth": {"selectedType": "gemini-api-key"}}}
    settings.write_text(json.dumps(content))
    words = ["gemini", "-m", "gemini-2.5-pro", "--yolo", "--skip-trust", "-p", "Find the cause."]
    return Started(words, {"GEMINI_API_KEY": "scripted", "GOOGLE_GEMINI_BASE_URL": url})


CLIENTS: Final[Mapping[str, tuple[Format, Callable[[str, Path], Started]]]] = {
    "claude": (Anthropic(), _claude),
    "codex": (Codex(), _codex),
    "gemini": (Gemini(), _gemini),
}


def run(name: str) -> bool:
    """One client, from an empty home to the outcome in the ledger."""
    wire, started_as = CLIENTS[name]
    model = ScriptedModel(wire)
    with tempfile.TemporaryDirectory() as folder:
        home, project = Path(folder, "home"), Path(folder, "project")
        home.mkdir()
        project.mkdir()
        subprocess.run(["cp", "-r", EVIDENCE / "evidence", project / "evidence"], check=True)
        environment = {
            "HOME": str(home),
            "PATH": f"{NODE}:{TOOLS}:{os.environ['PATH']}",
            "DCR_HOME": str(home / "dcr"),
            "DCR_OFFLINE": "1",
            "LANG": "C.UTF-8",
        }
        dcr = [sys.executable, "-m", "deep_code_reasoning"]
        subprocess.run([*dcr, "setup", name], env=environment, check=True, capture_output=True)
        started = started_as(model.url, home)
        try:
            done = subprocess.run(
                started.words,
                env={**environment, **started.environment},
                cwd=project,
                capture_output=True,
                text=True,
                timeout=_PATIENCE_S,
                input=started.said,
                check=False,
            )
            output = done.stdout + done.stderr
        except subprocess.TimeoutExpired as late:
            output = f"no end after {_PATIENCE_S} s\n{late.stdout!r}\n{late.stderr!r}"
        model.close()
        stats = subprocess.run(
            [*dcr, "stats", "--format", "json"], env=environment, capture_output=True, text=True, check=True
        )
    shown = json.dumps(model.bodies[-1]) if model.bodies else ""
    wrong = [step for step, _ in STEPS if step not in model.done]
    wrong += [f"the model did not see {text}" for text in (*CAUSE, *started.shown) if text not in shown]
    if json.loads(stats.stdout)["investigations_without_model"]["confirmed"] != 1:
        wrong.append("the outcome is not in the ledger")
    steps = f"{len(model.done)} of {len(STEPS)} steps, {len(model.bodies)} requests"
    print(f"{'FAIL ' if wrong else 'ok   '} {name}: {steps} {wrong or ''}")
    if wrong:
        print(output[-2_000:])
        dump = Path(tempfile.gettempdir()) / f"clients-{name}.json"
        dump.write_text(json.dumps(model.bodies, indent=1))
        print(f"requests: {dump}")
    return not wrong


if __name__ == "__main__":
    results = [run(name) for name in sys.argv[1:] or CLIENTS]
    sys.exit(0 if all(results) else 1)
