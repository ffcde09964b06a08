"""The address that a client was made with, which goes before those of its requests."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from .calls import Call
from .client_tables import BASE_CALLS, BASE_NAMES
from .environment import Deployment
from .frameworks import VERBS
from .grammars import MEMBERS, NAMES
from .nodes import last_name, text_of, unwrapped
from .scopes import Term, returned
from .syntax import CodeFile
from .texts import HOLE, fill, variable
from .values import Values

if TYPE_CHECKING:
    from tree_sitter import Node

_MAX_CHAIN: Final = 12
_ADDRESS: Final = re.compile(r"^(?:https?:)?//|^\x01[^\x02]*(?i:url|uri|host|addr|base|endpoint)")
# Where a request may be made without what sends it.
_ONE_CLIENT: Final = frozenset({"ruby", "csharp"})
_CONTAINED: Final = frozenset({"java", "kotlin"})
# What makes a client of a host.
_MADE_WITH: Final = frozenset({"HTTPConnection", "HTTPSConnection"})
# Symfony: clients that the configuration makes, by their names.
_SCOPED: Final = "framework.http_client.scoped_clients.{}.base_uri"


class ClientBases:
    """The clients of many files."""

    def __init__(self, files: Sequence[CodeFile], values: Values, deployment: Deployment) -> None:
        self._values = values
        self._deployment = deployment
        self._registered = dict(registered_clients(files, values))

    def of(self, call: Call, at: Term) -> str:
        """The address that a client was made with."""
        file = at.file
        named = call.named("baseURL", "base_url")
        if named is not None:
            return self._values.text(named, file, at.frame)
        host = call.named("hostname", "host") if call.receiver in ("http", "https") else None
        if host is not None:
            return "http://" + self._values.text(host, file, at.frame)
        around = _request_around(call, file) if file.language == "ruby" and call.name == "url" else None
        node = (around or call).receiver_node
        if node is None and (called := call.node.child_by_field_name("function")) is not None:  # axios: http({ url })
            given = self._values.node_of(called, file)
            return self._base_of_chain(given.node, given.file) if given is not None else ""
        for _ in range(_MAX_CHAIN):
            if node is None:
                break
            made = file.by_node.get(unwrapped(node).id)
            if made is None:
                given = self._values.names.settled(at.of(node)) if unwrapped(node).type in NAMES | MEMBERS else None
                found = self._base_of_chain(given.node, given.file) if given is not None else ""
                return found or self._injected(call, at) or self._base_of_file(file)
            found = self._base_of_call(made, file) or self._base_of_function(made, file)
            if found:
                return found
            node = made.receiver_node
        return self._base_of_file(file) if call.receiver_node is not None or file.language in _ONE_CLIENT else ""

    def _injected(self, call: Call, at: Term) -> str:
        """The base of a client that a container makes and hands on under its name."""
        name = last_name(call.receiver)
        if at.file.language == "php":
            scoped = variable(_SCOPED.format(name))
            return scoped if fill(scoped, self._deployment.of(at.file.service)) != HOLE else ""
        maker = self._values.names.function_named(name, at.file) if at.file.language in _CONTAINED else None
        if maker is None:
            return ""
        given = (self._base_of_chain(node, maker.file) for node in returned(maker.node, maker.file.language))
        return next((base for base in given if base), "")

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

    def _base_of_function(self, made: Call, file: CodeFile) -> str:
        """The base of the client that a function of ours gives back: `$this->http()->get("/x")`."""
        for function in self._values.names.targets(made, file)[:1]:
            for node in returned(function.node, function.file.language)[:1]:
                return self._base_of_chain(node, function.file)
        return ""

    def _base_of_call(self, made: Call, file: CodeFile) -> str:
        given = made.named(*BASE_NAMES)
        if given is None and (made.name in BASE_CALLS or made.name in ("Faraday", "new")):
            given = made.positional(0)
        value = self._values.text(given, file) if given is not None else HOLE
        if value == HOLE and made.makes | (made.name in _MADE_WITH) and (first := made.positional(0)) is not None:
            text = self._values.text(first, file)
            value = (
                text if _ADDRESS.match(text) else f"http://{text}" if made.name in _MADE_WITH and text != HOLE else HOLE
            )
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
            if call.name in ("base_uri", "RestClient") and call.arguments:
                return self._values.text(call.positional(0), file).replace(HOLE, "")
        return next((self._registered[kind.name] for kind in file.types if kind.name in self._registered), "")


def registered_clients(files: Sequence[CodeFile], values: Values) -> Iterator[tuple[str, str]]:
    """ASP.NET: `AddHttpClient<Catalog>(c => c.BaseAddress = new Uri("..."))`, for a class or a name."""
    for file in files:
        for call in file.calls:
            if call.name not in ("AddHttpClient", "AddRefitClient", "ConfigureHttpClient"):
                continue
            inside = [
                node
                for node in file.values.get("BaseAddress", ())
                if call.node.start_byte <= node.start_byte < call.node.end_byte
            ]
            value = values.text(inside[-1], file) if inside else HOLE
            if value == HOLE:
                continue
            whole = text_of(call.node)
            for kinds in re.findall(r"Add(?:Http|Refit)Client<([\w, ]+)>", whole):
                yield from ((kind.strip(), value) for kind in kinds.split(","))
            named = call.positional(0)
            if named is not None and (name := values.text(named, file)) != HOLE:
                yield name, value


def _request_around(call: Call, file: CodeFile) -> Call | None:
    """Faraday: the request whose block a call stands in, `conn.post do |req| req.url "/x" end`."""
    above = call.node.parent
    while above is not None and (above.id not in file.by_node or file.by_node[above.id].name not in VERBS):
        above = above.parent
    return file.by_node[above.id] if above is not None else None
