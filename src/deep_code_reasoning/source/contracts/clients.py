"""The HTTP requests that code makes: their verb, the template of their path, and whom they name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from typing import TYPE_CHECKING, Final

from .calls import Call
from .client_tables import BASE_CALLS, BASE_NAMES, CLIENT_CALLS, CLIENT_MAKERS, CLIENT_TYPES, MENTIONS, ClientCall
from .environment import Deployment
from .frameworks import VERBS
from .grammars import LAMBDA_TYPES, MEMBERS, NAMES, STRING_TYPES
from .nodes import last_name, text_of, unwrapped, within
from .records import CONSUMED, Contract
from .scopes import Frame, Term, declared_type
from .syntax import CodeFile
from .templates import split_address
from .texts import HOLE, fill, variables
from .values import Values

if TYPE_CHECKING:
    from tree_sitter import Node

_VERB: Final = re.compile(r"(?i)^(get|post|put|delete|patch|head|options|del)")
# A path below a base that nobody tells: `users/{id}`, and neither `users:80/x` nor `users.shop/x`.
_RELATIVE: Final = re.compile(r"[\w-]+/[^:]*$")
_LOCAL: Final = re.compile(r"^(?:localhost|127\.0\.0\.1|0\.0\.0\.0|host\.docker\.internal)$")
_MAX_CHAIN: Final = 12


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
        self._registered = dict(self._registrations())

    def contracts(self) -> Iterator[Contract]:
        """All requests whose address is known at least in part."""
        for file in self._files:
            mentions = MENTIONS.get(file.language)
            if mentions is not None and not re.search(mentions, file.text):
                continue
            for call in file.calls:
                if call.node.id not in self._registering:
                    yield from self._requests(call, file)

    def _requests(self, call: Call, file: CodeFile) -> Iterator[Contract]:
        for row in CLIENT_CALLS:
            if file.language not in row.languages or not row.name.match(call.name):
                continue
            if not row.receiver.search(call.receiver) and not (row.any_client and self._is_client(call, file)):
                continue
            given = call.named(*row.address) if isinstance(row.address, tuple) else call.positional(row.address)
            given = given or call.named("url", "uri", "requestUri")
            if given is None or (call.name == "curl_setopt" and "CURLOPT_URL" not in call.words):
                continue
            if unwrapped(given).type in LAMBDA_TYPES:  # .uri(u -> u.path("/x").build())
                given = _path_in(given, file) or given
            found = list(self._runs(given, call, row, file))
            yield from found
            if found:
                return

    def _runs(self, given: Node, call: Call, row: ClientCall, file: CodeFile) -> Iterator[Contract]:
        """The requests of a call: several where a function makes one for what it is given."""
        frames: list[Frame | None] = [None]
        told = self._address(given, call, Term(call.node, file))
        if told is None or not told[1].replace("{}", "").strip("/"):
            frames = self._values.names.runs.frames(call.node, file, call.words)
        for frame in frames:
            at = Term(call.node, file, frame)
            address = self._address(given, call, at)
            if address is not None:
                where = (file.service, file.where.repo, file.where.path, call.line)
                yield Contract("http", CONSUMED, address[1], self._verb(row, call, at), *where, address[0])

    def _is_client(self, call: Call, file: CodeFile) -> bool:
        """Whether what a call is called on is declared or made as a client, whatever it is called."""
        if call.receiver_node is None:
            return False
        name = last_name(call.receiver)
        if declared_type(name, call.node, file).rpartition(".")[2] in CLIENT_TYPES:
            return True
        given = self._values.node_of(call.receiver_node, file)
        made = given.file.by_node.get(unwrapped(given.node).id) if given is not None else None
        return made is not None and made.name in CLIENT_MAKERS

    def _address(self, given: Node, call: Call, at: Term) -> tuple[str, str] | None:
        """Whom a request names and the path that it asks for."""
        file = at.file
        value = self._values.text(given, file, at.frame)
        if value == HOLE or " " in value or not value:
            return None
        whole = value
        if not re.match(r"^(?:[a-z]+:)?//", fill(value, self._deployment.of(file.service))):
            base = self._base(call, at)
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

    def _base(self, call: Call, at: Term) -> str:
        """The address that a client was made with."""
        file = at.file
        named = call.named("baseURL", "base_url")
        if named is not None:
            return self._values.text(named, file, at.frame)
        node = call.receiver_node
        if node is None and (called := call.node.child_by_field_name("function")) is not None:  # axios: http({ url })
            given = self._values.node_of(called, file)
            return self._base_of_chain(given.node, given.file) if given is not None else ""
        for _ in range(_MAX_CHAIN):
            if node is None:
                break
            made = file.by_node.get(unwrapped(node).id)
            if made is None:
                given = self._values.node_of(node, file) if unwrapped(node).type in NAMES | MEMBERS else None
                found = self._base_of_chain(given.node, given.file) if given is not None else ""
                return found or self._base_of_file(file)
            found = self._base_of_call(made, file)
            if found:
                return found
            node = made.receiver_node
        return self._base_of_file(file) if call.receiver_node is not None or file.language == "ruby" else ""

    def _base_of_chain(self, node: Node, file: CodeFile) -> str:
        made = file.by_node.get(unwrapped(node).id)
        for _ in range(_MAX_CHAIN):
            if made is None:
                return ""
            found = self._base_of_call(made, file)
            if found:
                return found
            made = file.by_node.get(unwrapped(made.receiver_node).id) if made.receiver_node is not None else None
        return ""

    def _base_of_call(self, made: Call, file: CodeFile) -> str:
        given = made.named(*BASE_NAMES)
        if given is None and (made.name in BASE_CALLS or made.name in ("Faraday", "new")):
            given = made.positional(0)
        value = self._values.text(given, file) if given is not None else HOLE
        if value == HOLE:
            named = made.positional(0)
            if made.name == "CreateClient" and named is not None:
                return self._registered.get(self._values.text(named, file), "")
            return ""
        return value if "/" in value or "\1" in value or ":" in value else ""

    def _base_of_file(self, file: CodeFile) -> str:
        """A base that the file gives its one client: `client.BaseAddress = ...`, `base_uri "..."`, a host of locust."""
        for name in ("BaseAddress", "baseURL", "base_url", "baseUrl"):
            for node in file.values.get(name, ()):
                value = self._values.text(node, file)
                if value != HOLE:
                    return value
        for call in file.calls:
            if call.name == "base_uri" and call.arguments:
                return self._values.text(call.positional(0), file)
        return next((self._registered[kind.name] for kind in file.types if kind.name in self._registered), "")

    def _registrations(self) -> Iterator[tuple[str, str]]:
        """ASP.NET: `AddHttpClient<Catalog>(c => c.BaseAddress = new Uri("..."))`, for a class or a name."""
        for file in self._files:
            for call in file.calls:
                if call.name not in ("AddHttpClient", "AddRefitClient", "ConfigureHttpClient"):
                    continue
                inside = [
                    node
                    for node in file.values.get("BaseAddress", ())
                    if call.node.start_byte <= node.start_byte < call.node.end_byte
                ]
                value = self._values.text(inside[-1], file) if inside else HOLE
                if value == HOLE:
                    continue
                whole = text_of(call.node)
                for kinds in re.findall(r"Add(?:Http|Refit)Client<([\w, ]+)>", whole):
                    yield from ((kind.strip(), value) for kind in kinds.split(","))
                named = call.positional(0)
                if named is not None and (name := self._values.text(named, file)) != HOLE:
                    yield name, value

    def _verb(self, row: ClientCall, call: Call, at: Term) -> str:
        file = at.file
        if row.verb == "":
            return _as_verb(call.name)
        if row.verb == "method":
            given = call.named("method", "type")
            return _as_verb(self._values.text(given, file, at.frame)) if given is not None else "GET"
        if row.verb == "chain":
            found = re.findall(r"\b(get|post|put|delete|patch|head|options)\s*\(", call.receiver, re.IGNORECASE)
            return found[-1].upper() if found else _method_in(call.receiver)
        if row.verb == "receiver":
            return last_name(call.receiver).upper()
        if row.verb == "around":  # client.post { url("...") }
            above = call.node.parent
            while above is not None and (above.id not in file.by_node or file.by_node[above.id].name not in VERBS):
                above = above.parent
            return file.by_node[above.id].name.upper() if above is not None else "GET"
        if row.verb == "behind":
            return _verb_behind(call)
        if isinstance(row.verb, str):
            return row.verb
        given = call.positional(row.verb)
        if given is None:
            return ""
        settled = self._values.names.settled(at.of(given))
        text = last_name(text_of(settled.node)).removeprefix("Method")
        return _as_verb(text) if text.lower() in VERBS else _as_verb(self._values.text(given, file, at.frame))


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


def _as_verb(text: str) -> str:
    found = _VERB.match(text)
    if found is None:
        return ""
    verb = found[1].upper()
    return "DELETE" if verb == "DEL" else verb


def _method_in(text: str) -> str:
    found = re.search(r"HttpMethod\.(\w+)", text)
    return found[1].upper() if found and found[1].lower() in VERBS else ""


def _verb_behind(call: Call) -> str:
    """`newBuilder(uri).POST(body)`, `Request.Builder().url(u).post(body)`: the verb comes later in the chain."""
    above = call.node.parent
    while above is not None and "statement" not in above.type and "declar" not in above.type:
        name = text_of(above.child_by_field_name("name")).upper()
        if name.lower() in VERBS:
            return name
        if above.type == "call_expression":
            inside = re.search(
                r"\.(get|post|put|delete|patch|GET|POST|PUT|DELETE)\s*\([^()]*\)?[^()]*$", text_of(above)
            )
            if inside:
                return inside[1].upper()
        above = above.parent
    return "GET"
