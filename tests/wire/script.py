"""What a test can make the stub do: one step a request."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

# Why a reply ends, in our words; `odd` is a reason that means a fault, or that no client knows.
Finish: TypeAlias = Literal["stop", "length", "content_filter", "pause", "odd"]
# How a reply ends: in order; cleanly but early (no finish reason); never; with the connection dropped; with bytes
# that are no frame of the format.
Ending: TypeAlias = Literal["whole", "truncated", "stall", "disconnect", "garbled"]


@dataclass(frozen=True)
class Tokens:
    """What the endpoint says it billed. `input` includes `cached`, `output` includes `reasoning`."""

    input: int = 100
    output: int = 20
    cached: int = 0
    reasoning: int = 0


@dataclass(frozen=True)
class Part:
    """One part of a reply: text, a call of a tool, or code that ran at the provider."""

    text: str = ""
    code: str = ""
    output: str = ""
    tool: str = ""
    arguments: Mapping[str, Any] | str = field(default_factory=dict)


@dataclass(frozen=True)
class Say:
    """The model says `text`; `usage` None: the endpoint does not say what it billed.

    `ran` is code that it ran at the provider before, and what that printed.
    """

    text: str
    finish: Finish = "stop"
    ending: Ending = "whole"
    usage: Tokens | None = field(default_factory=Tokens)
    thinking: str = ""
    ran: tuple[str, str] | None = None

    @property
    def parts(self) -> tuple[Part, ...]:
        return _ran(self.ran) + ((Part(self.text),) if self.text else ())


@dataclass(frozen=True)
class CallTool:
    """The model calls a tool; `arguments` may be text, to be malformed."""

    name: str
    arguments: Mapping[str, Any] | str = field(default_factory=dict)
    saying: str = ""
    more: tuple[tuple[str, Mapping[str, Any] | str], ...] = ()
    finish: Finish = "stop"
    ending: Ending = "whole"
    usage: Tokens | None = field(default_factory=Tokens)
    thinking: str = ""

    @property
    def parts(self) -> tuple[Part, ...]:
        said = (Part(self.saying),) if self.saying else ()
        calls = ((self.name, self.arguments), *self.more)
        return said + tuple(Part(tool=name, arguments=arguments) for name, arguments in calls)


@dataclass(frozen=True)
class Typed:
    """The model answers in the type that was asked for, the way the request asks for it (tool or JSON text).

    `value` may be text: sent as it is, so that it can be wrong or no JSON at all. `ran` as for `Say`.
    """

    value: Any
    finish: Finish = "stop"
    ending: Ending = "whole"
    usage: Tokens | None = field(default_factory=Tokens)
    thinking: str = ""
    ran: tuple[str, str] | None = None

    def parts(self, as_tool: str | None) -> tuple[Part, ...]:
        """The parts of the reply: the answer as the arguments of a tool, or as JSON text where there is none."""
        if as_tool is not None:
            return (*_ran(self.ran), Part(tool=as_tool, arguments=self.value))
        return (*_ran(self.ran), Part(self.value if isinstance(self.value, str) else json.dumps(self.value)))


@dataclass(frozen=True)
class Fault:
    """The endpoint refuses with an HTTP status. `kind` chooses each vendor's own words for it."""

    status: int
    kind: str
    headers: Mapping[str, str] = field(default_factory=dict)
    in_stream: bool = False


@dataclass(frozen=True)
class Garbled:
    """Status 200 and a body that is no answer."""

    body: bytes = b'{"oops": '
    content_type: str = "application/json"


def _ran(ran: tuple[str, str] | None) -> tuple[Part, ...]:
    """The part that says what code ran at the provider."""
    return (Part(code=ran[0], output=ran[1]),) if ran else ()


Reply: TypeAlias = Say | CallTool | Typed
Step: TypeAlias = Reply | Fault | Garbled


def unauthorized() -> Fault:
    """The key is wrong. Every vendor's message repeats the key that was sent, as careless proxies do."""
    return Fault(401, "unauthorized")


def rate_limited(retry_after_s: float | None = None) -> Fault:
    """Too many requests; `Retry-After` in seconds when given."""
    return Fault(429, "rate_limited", {} if retry_after_s is None else {"retry-after": f"{retry_after_s:g}"})


def quota_exhausted() -> Fault:
    """The account is out of money or of its daily quota: waiting does not help."""
    return Fault(429, "quota")


def server_error(status: int = 500) -> Fault:
    """A fault of the vendor's."""
    return Fault(status, "server_error")


def overloaded(in_stream: bool = False) -> Fault:
    """Too busy; with `in_stream` the stream has opened with 200 before it says so."""
    return Fault(503, "overloaded", in_stream=in_stream)


def context_too_long() -> Fault:
    """More input than the model takes."""
    return Fault(400, "context")


def shut_down() -> Fault:
    """There is no such model any more."""
    return Fault(404, "not_found")


def blocked() -> Fault:
    """The prompt itself is refused by a content filter."""
    return Fault(400, "blocked")
