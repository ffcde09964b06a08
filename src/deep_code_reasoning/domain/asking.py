"""Asking a model: the question, the conversation, the answer, and what happens in between. Plain data throughout."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol, TypeAlias

from .deadline import Deadline
from .model import PriceTier
from .usage import Usage


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a prompt. `cache_after`: all up to here comes again byte for byte; a provider's cache may keep it."""

    text: str
    cache_after: bool = False


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that the model asked for; `arguments` is the JSON text as the model wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool said; `failed` when it refused or could not."""

    call_id: str
    name: str
    content: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """One entry of a conversation: by the `user`, by the `model`, or the results of `tools`.

    `answer` is the call whose arguments are the typed answer, where one was given that way; `calls` are the others.
    `native` is the model's message as its client library keeps it (signed thinking and the like), so that it can go
    back to the same vendor unchanged. It may be dropped: the rest says the same in plain words.
    """

    role: str
    passages: tuple[Passage, ...] = ()
    calls: tuple[ToolCall, ...] = ()
    results: tuple[ToolResult, ...] = ()
    native: Mapping[str, Any] | None = None
    answer: ToolCall | None = None

    @property
    def text(self) -> str:
        """Its text, without tool calls and results."""
        return "".join(passage.text for passage in self.passages)

    @property
    def texts(self) -> tuple[str, ...]:
        """All that is in it, calls and results too: what it takes of a model's window."""
        calls = self.calls if self.answer is None else (*self.calls, self.answer)
        said = (f"{call.name} {call.arguments}" for call in calls)
        return (self.text, *said, *(result.content for result in self.results))

    def as_json(self) -> dict[str, Any]:
        """As plain data that JSON can hold; `message_from_json` reads it."""
        return {
            "role": self.role,
            "passages": [{"text": p.text, "cache_after": p.cache_after} for p in self.passages],
            "calls": [_call_as_json(call) for call in self.calls],
            "results": [
                {"call_id": r.call_id, "name": r.name, "content": r.content, "failed": r.failed} for r in self.results
            ],
            "native": self.native,
            "answer": None if self.answer is None else _call_as_json(self.answer),
        }


def message_from_json(content: Mapping[str, Any]) -> Message:
    """Read what `Message.as_json` wrote.

    Raises:
        KeyError, TypeError: when it is something else.
    """
    return Message(
        role=content["role"],
        passages=tuple(Passage(**passage) for passage in content["passages"]),
        calls=tuple(ToolCall(**call) for call in content["calls"]),
        results=tuple(ToolResult(**result) for result in content["results"]),
        native=content["native"],
        answer=ToolCall(**answer) if (answer := content.get("answer")) else None,  # absent in what older versions wrote
    )


def _call_as_json(call: ToolCall) -> dict[str, str]:
    return {"id": call.id, "name": call.name, "arguments": call.arguments}


ToolFunction: TypeAlias = Callable[[Any], str] | Callable[[Any], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Tool:
    """Something the model may call while it thinks.

    `arguments` is a type that pydantic can read (a dataclass or a model); `run` gets an instance of it and returns
    what the model shall see. Arguments that don't fit, and errors of this package's tree that `run` raises, are told
    to the model; any other error is a fault of ours and ends the call. A plain `run` is called in a thread.
    """

    name: str
    description: str
    arguments: type[Any]
    run: ToolFunction


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One question to a model.

    Args:
        prompt: passages in order, the stable ones first.
        instructions: what holds for the whole conversation; trusted text of ours, never evidence.
        history: what was said before, as `ModelAnswer.messages` gave it.
        answer: a type that pydantic can read, for a typed answer; None for text.
        tools: what the model may call. Vendors want them declared as long as the history speaks of them, and their
            caches want them unchanged: keep tools and instructions the same over a conversation.
        max_steps: requests to the model at most; at the last one it has to answer without tools. One repair of a typed
            answer may come on top.
        run_code: lets the model run code at the provider, where its card says that it can (ability `code_execution`)
            and its wire has a way to ask for it beside `tools`; elsewhere nothing is asked for.
        effort: how hard to think: minimal, low, medium, high, xhigh, max; None leaves it to the model.
    """

    prompt: tuple[Passage, ...]
    instructions: str = ""
    history: tuple[Message, ...] = ()
    answer: type[Any] | None = None
    tools: tuple[Tool, ...] = ()
    max_steps: int = 8
    max_output_tokens: int | None = None
    temperature: float | None = None
    effort: str | None = None
    run_code: bool = False


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request over the wire and what became of it; also the event that says so.

    `id` is that of the `Planned` before it. `error` is the code of the error, or "cancelled"; None when it succeeded.
    `text` is what had arrived, whole or not: it was paid for. `cost_usd` None: unknown. `resolved` is the model that
    answered, in the provider's words; None when nothing did.
    """

    id: str
    model: str
    provider: str
    resolved: str | None
    usage: Usage
    cost_usd: Decimal | None
    finish_reason: str | None
    duration_s: float
    text: str = ""
    error: str | None = None


@dataclass(frozen=True, slots=True)
class TextArrived:
    """More of the model's text."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolUsed:
    """A tool was called and has answered."""

    name: str
    arguments: str
    result_chars: int
    failed: bool
    duration_s: float


@dataclass(frozen=True, slots=True)
class Waiting:
    """A pause before the next attempt, in seconds, and the code of the error that made it needed."""

    seconds: float
    error: str


@dataclass(frozen=True, slots=True)
class FailedOver:
    """The question goes on to another model."""

    from_model: str
    to_model: str
    error: str


ModelEvent: TypeAlias = TextArrived | ToolUsed | Waiting | FailedOver | Attempt
OnEvent: TypeAlias = Callable[[ModelEvent], None]


@dataclass(frozen=True, slots=True)
class Planned:
    """A request that is about to be sent, for those who may refuse it: budgets, and checks of what leaves.

    `id` comes again in the `Attempt` that ends it. `input_tokens` is an estimate. `price` is the tier that holds at
    that size, None when unknown.
    """

    id: str
    model: str
    provider: str
    input_tokens: int
    max_output_tokens: int | None
    price: PriceTier | None


# Called before every request over the wire; refuses by raising an error of this package's tree.
Gate: TypeAlias = Callable[[Planned], None]


@dataclass(frozen=True, slots=True)
class CodeRun:
    """Code that the model ran at the provider, and what it printed (or what went wrong)."""

    code: str
    output: str


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """What a model answered.

    `text` is what it wrote last, always kept, also when `value` was read from it. `value` is the typed answer.
    `messages` is what this question added to the conversation, the question included: history for the next one.
    `model` is the id that was asked, `resolved` what the provider says answered, `attempts` all that was sent.
    """

    text: str
    value: Any
    messages: tuple[Message, ...]
    model: str
    resolved: str | None
    provider: str
    finish_reason: str
    usage: Usage
    cost_usd: Decimal | None
    duration_s: float
    steps: int
    repaired: bool
    attempts: tuple[Attempt, ...] = field(default=())
    code_runs: tuple[CodeRun, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class TokenCount:
    """How many tokens a request takes. `exact`: counted by the provider; else `method` says how it was estimated."""

    tokens: int
    exact: bool
    method: str


class Asker(Protocol):
    """Whoever can be asked. Wrappers (budget, ledger, redaction) hold another Asker and are one themselves."""

    async def ask(
        self,
        models: str | Sequence[str],
        request: ModelRequest,
        deadline: Deadline | None = ...,
        on_event: OnEvent | None = ...,
    ) -> ModelAnswer:
        """Ask a model; when several are named, the next one each time one gives no answer.

        Raises:
            ProviderError: when none answered, or the answer was not usable.
            UsageError: when a model is not known or not configured.
        """
        ...
