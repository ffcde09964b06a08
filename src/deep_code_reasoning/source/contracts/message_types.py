"""Messages that go by their type and not by a name: what is published and sent, and which classes receive it.

Learned from the documentation of MassTransit, NServiceBus, Rebus, Wolverine and Symfony's Messenger. A message is named
as its type is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from re import Pattern
from typing import Final

from .calls import Call
from .environment import Deployment
from .grammars import CLASS_TYPES
from .nodes import definition_name, enclosing, last_name, parameter_nodes, text_of, unwrapped
from .records import CONSUMED, PROVIDED, Contract
from .scopes import Term, declared_type
from .syntax import CodeFile
from .values import Values


@dataclass(frozen=True, slots=True)
class _Bus:
    """A library of .NET: what files mention that use it, what a class extends that receives, which calls send.

    Where `receives` is None, a class receives what its method of a known name is given (Wolverine).
    """

    name: str
    receives: Pattern[str] | None
    sends: Pattern[str]


_GIVEN: Final = r"\s*<\s*(?:[\w.]+\.)?(\w+)\s*>"
_BUSES: Final = (
    _Bus("masstransit", re.compile(rf"\bI(?:Job)?Consumer{_GIVEN}"), re.compile(r"^Publish(?:Batch)?$")),
    _Bus(
        "nservicebus",
        re.compile(rf"\b(?:IHandleMessages|IAmStartedByMessages|IHandleTimeouts){_GIVEN}"),
        re.compile(r"^(?:Send|Publish)$"),
    ),
    _Bus("rebus", re.compile(rf"\bIHandleMessages{_GIVEN}"), re.compile(r"^(?:Send|Publish|Defer)$")),
    _Bus("wolverine", None, re.compile(r"^(?:Send|Publish|Schedule|Invoke)Async$")),
)
# Wolverine's conventions: classes of these endings, methods of these names, what they are given first.
_HANDLING: Final = re.compile(r"(?:Handler|Consumer)$")
_HANDLES: Final = re.compile(r"^(?:Handle|Handles|Consume|Consumes)(?:Async)?$")
# What sends nothing to anybody else: an in-process mediator, an address that names the queue.
_OTHERS: Final = re.compile(r"(?i)mediat|^_?sender$|endpoint$")
# A receiver that is bound to a queue of a name is told by that.
_BOUND: Final = re.compile(r"\bConfigureConsumer<(\w+)>")
_ROUTING: Final = "framework.messenger.routing."
_TYPE: Final = re.compile(r"<\s*(?:[\w.]+\.)?(\w+)\s*>\s*$")


class MessageTypes:
    """The messages of many files that go by their type."""

    def __init__(self, files: Sequence[CodeFile], values: Values, deployment: Deployment) -> None:
        self._files = [file for file in files if file.language == "csharp"]
        self._php = [file for file in files if file.language == "php"]
        self._values = values
        self._deployment = deployment
        self._buses: dict[str, list[_Bus]] = {}
        for file in self._files:
            known = self._buses.setdefault(file.service, [])
            known += [bus for bus in _BUSES if bus.name in file.lower and bus not in known]
        self._bound = {name for file in self._files for name in _BOUND.findall(file.text)}

    def contracts(self) -> Iterator[Contract]:
        """Who sends (`provided`) and who receives (`consumed`) which type."""
        for file in self._files:
            for bus in self._buses[file.service]:
                yield from self._received(bus, file)
                for call in file.calls:
                    if bus.sends.match(call.name) and not _OTHERS.search(last_name(call.receiver)):
                        sent = self._sent(call, file)
                        if sent:
                            yield _contract(file, bus.name, sent, PROVIDED, call.line)

        for file in self._php:
            yield from self._routed(file)

    def _routed(self, file: CodeFile) -> Iterator[Contract]:
        """Symfony: messages that the configuration routes to a transport; all others stay in their process."""
        settings = self._deployment.settings.get(file.service, {})
        routed = {re.split(r"[\\.]", key)[-1] for key in settings if key.startswith(_ROUTING)}
        if not routed:
            return
        for call in file.calls:
            if call.name == "dispatch" and (sent := self._sent(call, file)) in routed:
                yield _contract(file, "messenger", sent, PROVIDED, call.line)
        last = {around.id: each for each in file.functions if (around := enclosing(each, CLASS_TYPES)) is not None}
        last |= {each.id: each for each in file.functions}
        for mark in file.marks:
            if mark.call.name == "AsMessageHandler" and mark.target is not None:
                maker = last.get(mark.target.id)
                for held in parameter_nodes(maker)[:1] if maker is not None else ():
                    kind = declared_type(text_of(held).lstrip("$"), held, file)
                    if kind in routed:
                        yield _contract(file, "messenger", kind, CONSUMED, mark.call.line)

    def _received(self, bus: _Bus, file: CodeFile) -> Iterator[Contract]:
        if bus.receives is None:
            yield from self._handled(bus, file)
            return
        for kind in file.types:
            if kind.name not in self._bound and kind.node.type == "class_declaration":
                for name in bus.receives.findall(kind.header):
                    yield _contract(file, bus.name, name, CONSUMED, kind.node.start_point.row + 1)

    def _handled(self, bus: _Bus, file: CodeFile) -> Iterator[Contract]:
        """What the methods of classes are given that receive by their names alone."""
        handling = {kind.node.id for kind in file.types if _HANDLING.search(kind.name)}
        for function in file.functions if handling else ():
            around = enclosing(function, CLASS_TYPES) if _HANDLES.match(definition_name(function)) else None
            if around is not None and around.id in handling:
                given = parameter_nodes(function)
                name = declared_type(text_of(given[0]), given[0], file) if given else ""
                if name:
                    yield _contract(file, bus.name, name, CONSUMED, function.start_point.row + 1)

    def _sent(self, call: Call, file: CodeFile) -> str:
        """The type of what a call sends: `Publish(new Paid(id))`, `Publish<Paid>(p => ...)`, `Send("queue", paid)`."""
        function = call.node.child_by_field_name("function")
        name = function.child_by_field_name("name") if function is not None else None
        named = _TYPE.search(text_of(name or function))  # of a long chain, its last link
        if named is not None:
            return named[1]
        for argument in call.arguments:
            term = self._values.names.settled(Term(argument.node, file))
            node = unwrapped(term.node)
            made = term.file.by_node.get(node.id)
            if made is not None and made.makes:
                return made.name
            declared = declared_type(text_of(argument.node), call.node, file)
            if declared and declared not in ("string", "var"):
                return declared
        return ""


def _contract(file: CodeFile, bus: str, name: str, side: str, line: int) -> Contract:
    return Contract("topic", side, name, bus, file.service, file.where.repo, file.where.path, line)
