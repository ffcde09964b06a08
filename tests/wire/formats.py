"""What the four formats have in common, and the frames of server-sent events."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from .script import Fault, Finish, Part, Tokens

Json = dict[str, Any]


@dataclass(frozen=True)
class Wanted:
    """What a request asks for, read from its body. `code_outputs`: also what code at the provider printed."""

    model: str
    stream: bool
    tools: tuple[str, ...] = ()
    json_text: bool = False
    code_outputs: bool = True


@dataclass(frozen=True)
class Turn:
    """One reply to render."""

    number: int
    model: str
    parts: Sequence[Part]
    finish: Finish
    usage: Tokens | None
    thinking: str = ""
    code_outputs: bool = True

    @property
    def calls_tools(self) -> bool:
        return any(part.tool for part in self.parts)


class Format(Protocol):
    """One wire."""

    def wanted(self, body: Json, path: Mapping[str, str]) -> Wanted: ...
    def opening(self, turn: Turn) -> Iterator[bytes]: ...
    def part(self, turn: Turn, index: int, part: Part) -> Iterator[bytes]: ...
    def closing(self, turn: Turn) -> Iterator[bytes]: ...
    def whole(self, turn: Turn, finished: bool) -> Json: ...
    def fault(self, fault: Fault, key: str) -> tuple[int, Json]: ...
    def fault_frame(self, fault: Fault) -> bytes: ...
    def tokens(self, count: int) -> Json: ...


def data(content: Any, event: str | None = None) -> bytes:
    """One server-sent event."""
    head = f"event: {event}\n" if event else ""
    text = content if isinstance(content, str) else json.dumps(content)
    return f"{head}data: {text}\n\n".encode()


def pieces(text: str) -> list[str]:
    """A text as a stream sends it: in a few pieces, cut anywhere."""
    size = max(1, (len(text) + 2) // 3)
    return [text[start : start + size] for start in range(0, len(text), size)]


def arguments_text(part: Part) -> str:
    """The arguments of a call as the text that goes over the wire."""
    return part.arguments if isinstance(part.arguments, str) else json.dumps(part.arguments)


def message_of(fault: Fault, key: str) -> str:
    """What vendors say; the one for a wrong key repeats the key."""
    return {
        "unauthorized": f"Incorrect API key provided: {key}",
        "rate_limited": "Rate limit reached for requests",
        "quota": "You exceeded your current quota, please check your plan and billing details",
        "server_error": "The server had an error while processing your request",
        "overloaded": "The model is overloaded. Please try again later.",
        "context": "prompt is too long: 2000000 tokens > 1000000 maximum",
        "not_found": "The model does not exist or has been shut down",
        "blocked": "The request was refused by a content filter",
    }[fault.kind]
