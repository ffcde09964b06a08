"""The HTTP requests that code makes: their verb, the template of their path, and whom they name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from typing import TYPE_CHECKING, Final

from .calls import Call, lambdas
from .classes import OWN, bases_of
from .client_bases import SETTING, ClientBases
from .client_tables import CLIENT_CALLS, CLIENT_MAKERS, CLIENT_TYPES, MADE, MENTIONS, RECEIVER, ClientCall
from .environment import Deployment
from .grammars import CLASS_TYPES, LAMBDA_TYPES, STRING_TYPES
from .nodes import definition_name, enclosing, first_field, last_name, text_of, type_name, unwrapped, within
from .records import CONSUMED, Contract
from .request_verbs import RequestVerbs
from .scopes import Frame, Term, declared_type
from .syntax import CodeFile
from .templates import split_address
from .texts import HOLE, fill, variables
from .values import Values

if TYPE_CHECKING:
    from tree_sitter import Node

# A path below a base that nobody tells: `users/{id}`, and neither `users:80/x` nor `users.shop/x`.
_RELATIVE: Final = re.compile(r"[\w-]+/[^:]*$")
_LOCAL: Final = re.compile(r"^(?:localhost|127\.0\.0\.1|0\.0\.0\.0|host\.docker\.internal)$")
# Frameworks whose `session` and `request` ask nobody.
_SERVERS: Final = frozenset({"flask", "quart", "django", "starlette", "fastapi", "sanic", "bottle", "sqlalchemy"})
# What is only a part of a segment is what a function was given.
_PARTLY: Final = re.compile(r"[^/{}]\{\}$")


class Clients:
    """The requests of many files.

    Args:
        registering: the nodes of calls that register routes: the same names make requests.
    """

    def __init__(
        self,
        files: Sequence[CodeFile],
        values: Values,
        deployment: Deployment,
        registering: Set[int],
    ) -> None:
        self._files = files
        self._values = values
        self._deployment = deployment
        self._registering = registering
        self._bases = ClientBases(files, values, deployment)
        self._verbs = RequestVerbs(values)
        kinds = [Term(kind.node, file) for file in files for kind in file.types]
        self._own_clients = {definition_name(kind.node) for kind in kinds if self._bases.is_client(kind)}

    def contracts(self) -> Iterator[Contract]:
        """All requests whose address is known at least in part."""
        for file in self._files:
            mentions = MENTIONS.get(file.language)
            if mentions is None or re.search(mentions, file.text) or self._names_client(file):
                for call in file.calls:
                    if call.node.id not in self._registering:
                        yield from self._requests(call, file)

    def _names_client(self, file: CodeFile) -> bool:
        """Whether a file names a class of ours that extends a client of a library."""
        return any(name in file.text for name in self._own_clients)

    def _requests(self, call: Call, file: CodeFile) -> Iterator[Contract]:
        for row in CLIENT_CALLS:
            if file.language not in row.languages or not row.name.match(call.name):
                continue
            if row.receiver.pattern == MADE:
                fits = self._is_made(call.node.child_by_field_name("function"), file)
            else:
                fits = row.receiver.search(_chained(call, file)) is not None or (
                    row.any_client and self._is_client(call, file)
                )
            if fits and row.any_client and self._is_ours(call, file):
                return  # what it runs makes the request
            given = self._given(call, row) if fits else None
            if row.verb == "around" and self._is_setting(call, file):
                return
            if given is None or (call.name == "curl_setopt" and "CURLOPT_URL" not in call.words):
                continue
            if unwrapped(given).type in LAMBDA_TYPES:  # .uri(u -> u.path("/x").build())
                given = _path_in(given, file) or given
            found = list(self._runs(given, call, row, file))
            yield from found
            if found:
                return

    def _is_setting(self, call: Call, file: CodeFile) -> bool:
        """Ktor: whether an address is what goes before those of requests."""
        return any(within(call.node, each.node) for each in file.by_name.get(SETTING, ()))

    def _given(self, call: Call, row: ClientCall) -> Node | None:
        """The expression that is the address of a request."""
        if row.address == RECEIVER:
            return call.receiver_node
        given = call.named(*row.address) if isinstance(row.address, tuple) else call.positional(row.address)
        built = lambdas(call)[:1] if call.name == "uri" else []  # Kotlin: uri { it.path("/x").build() }
        return given or call.named("url", "uri", "requestUri", "RequestUri") or (built[0] if built else None)

    def _runs(self, given: Node, call: Call, row: ClientCall, file: CodeFile) -> Iterator[Contract]:
        """The requests of a call: several where a function makes one for what it is given."""
        frames: list[Frame | None] = [None]
        told = self._address(given, call, Term(call.node, file))
        verb = self._verbs.of(row, call, Term(call.node, file))
        if told is None or not verb or not told[1].replace("{}", "").strip("/") or _PARTLY.search(told[1]):
            frames = self._values.names.runs.frames(call.node, file, call.words)
        for frame in frames:
            at = Term(call.node, file, frame)
            address = self._address(given, call, at)
            if address is not None:
                where = (file.service, file.where.repo, file.where.path, call.line)
                yield Contract("http", CONSUMED, address[1], self._verbs.of(row, call, at), *where, address[0])

    def _is_client(self, call: Call, file: CodeFile) -> bool:
        """Whether what a call is called on is declared or made as a client, whatever it is called."""
        if call.receiver_node is None:
            return False
        name = last_name(call.receiver)
        if call.receiver in OWN:
            return definition_name(enclosing(call.node, CLASS_TYPES)) in self._own_clients
        if declared_type(name, call.node, file).rpartition(".")[2] in CLIENT_TYPES:
            return True
        return self._is_made(call.receiver_node, file) or self._is_given_back(call.receiver_node, file)

    def _is_given_back(self, node: Node, file: CodeFile) -> bool:
        """Whether a chain begins with a function of ours that is declared to give back a client."""
        made = file.by_node.get(unwrapped(self._bases.root_call(node, file)).id)
        for function in self._values.names.targets(made, file)[:1] if made is not None else ():
            declared = first_field(function.node, ("return_type", "returns", "type"))
            return declared is not None and type_name(text_of(declared)) in CLIENT_TYPES
        return False

    def _is_ours(self, call: Call, file: CodeFile) -> bool:
        """Whether a call runs a function of ours, or one of what a web framework gives under the name of a client."""
        head = call.receiver.partition(".")[0]
        module = self._values.names.imports.original(head, file)[0].partition(".")[0]
        if module in _SERVERS:
            return True
        if call.receiver_node is None:
            own = definition_name(enclosing(call.node, CLASS_TYPES))
            return bool(own) and any(each.owner == own for each in self._values.names.targets(call, file))
        kind = self._values.names.kind_of(Term(call.receiver_node, file))
        owners = {last_name(call.receiver)}
        if kind is not None:
            owners |= {definition_name(kind.node), *bases_of(kind.node)}
        return any(function.owner in owners for function in self._values.names.targets(call, file))

    def _is_made(self, node: Node | None, file: CodeFile) -> bool:
        """Whether what a name stands for was made as a client."""
        given = self._values.names.settled(Term(node, file)) if node is not None else None
        made = given.file.by_node.get(unwrapped(given.node).id) if given is not None else None
        return made is not None and (made.name in CLIENT_MAKERS or made.name in self._own_clients)

    def _address(self, given: Node, call: Call, at: Term) -> tuple[str, str] | None:
        """Whom a request names and the path that it asks for."""
        file = at.file
        value = self._values.text(given, file, at.frame)
        if value == HOLE or " " in value or not value:
            return None
        whole = value
        if not re.match(r"^(?:[a-z]+:)?//", fill(value, self._deployment.of(file.service))):
            base = self._bases.of(call, at)
            if base and not value.startswith((HOLE, "\1")):
                whole = base.rstrip("/") + "/" + value.lstrip("/")
            elif _RELATIVE.match(value):
                whole = "/" + value
        filled = fill(whole, self._deployment.of(file.service))
        address = split_address(filled)
        if address is None:
            return None
        if not address[0]:
            named = variables(whole.partition("/")[0] if "//" not in whole else whole)
            address = (f"${{{named[0]}}}" if named else "", address[1])
        if _LOCAL.match(address[0]):
            address = ("", address[1])  # where a developer runs it: any service may be there
        known = address[1].replace("{}", "").strip("/")
        # A path of nothing known, on a host that nobody knows, says nothing.
        return address if known or address[0] else None


def _chained(call: Call, file: CodeFile) -> str:
    """What a call is called on; in PHP, where calls set up what is asked with, what the chain begins with."""
    node, text = call.receiver_node, call.receiver
    while file.language == "php" and node is not None and (made := file.by_node.get(node.id)) is not None:
        if made.receiver in OWN or made.receiver_node is None:
            break
        node, text = made.receiver_node, made.receiver
    return f"{text}::x()" if file.language == "php" and node is not call.receiver_node and text == "Http" else text


def _path_in(node: Node, file: CodeFile) -> Node | None:
    """The path that a function without a name builds an address with, else the first text in it."""
    for call in file.calls:
        if call.name in ("path", "replacePath", "pathSegment") and call.arguments and within(call.node, node):
            return call.arguments[0].node
    waiting = [node]
    while waiting:
        inner = waiting.pop(0)
        if inner.type in STRING_TYPES:
            return inner
        waiting += inner.named_children
    return None
