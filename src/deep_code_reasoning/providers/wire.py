"""The seam between our conversation loop and whatever carries one request to a model and its reply back.

`vendors` implements it with the client library, `fake` with a script. A `Wire` sends exactly one request per `send`: no
retries, no tool loop, no judgement of the answer's type; those are `policy` and `dialogue`, and hold for every wire.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Protocol, Self

from ..domain.asking import CodeRun, Message, TokenCount, ToolCall
from ..domain.model import ModelCard
from ..domain.usage import Usage

# The tool whose arguments are the typed answer, where answers are asked for that way.
ANSWER_TOOL: Final = "final_answer"


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as the model sees it; `schema` is a JSON schema of its arguments."""

    name: str
    description: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AnswerSpec:
    """The typed answer as the model sees it."""

    name: str
    description: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request. `must_answer`: no tools this time, though they stay declared (the history speaks of them)."""

    instructions: str
    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...] = ()
    answer: AnswerSpec | None = None
    must_answer: bool = False
    max_output_tokens: int | None = None
    temperature: float | None = None
    effort: str | None = None
    run_code: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, whole or in part.

    `answer_call` is the call whose arguments are the typed answer, when it came that way; `message.calls` are the
    others. `finish_reason` is None as long as the endpoint has not said that it is done. `paused`: the endpoint wants
    to be asked again with this message in the history, and goes on where it stopped.
    """

    message: Message
    usage: Usage = field(default_factory=Usage)
    answer_call: ToolCall | None = None
    finish_reason: str | None = None
    resolved: str | None = None
    paused: bool = False
    code_runs: tuple[CodeRun, ...] = ()

    @property
    def text(self) -> str:
        """All that was written: the text, and the typed answer's arguments behind it."""
        return self.message.text + (self.answer_call.arguments if self.answer_call else "")


class Receipt:
    """Where a wire leaves what has arrived, so that it is kept whatever happens to the request."""

    def __init__(self, on_text: Callable[[str], None] | None = None) -> None:
        self.on_text = on_text or (lambda _: None)
        self.snapshot: Callable[[], Reply] = lambda: Reply(Message("model"))


class Wire(Protocol):
    """One model at one endpoint. Entered before use; leaving it closes its connections."""

    card: ModelCard

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    async def send(self, exchange: Exchange, receipt: Receipt, timeout_s: float) -> Reply:
        """Send one request and return the whole reply.

        Args:
            receipt: is kept up to date while the reply arrives.
            timeout_s: how long no byte may arrive before the connection counts as broken.

        Raises:
            ProviderError: when no whole reply came; never for a reply that is only not to our liking.
        """
        ...

    async def count_tokens(self, exchange: Exchange) -> TokenCount:
        """How many tokens the request would take, counted by the provider where it can.

        Raises:
            ProviderError: when the provider could count but did not answer.
        """
        ...
