"""The verb of a request: in the name of its call, among its arguments, around it or further on in its chain."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from .calls import Call
from .client_tables import ClientCall
from .frameworks import VERBS
from .grammars import FUNCTION_TYPES, NAMES
from .nodes import enclosing, last_name, text_of, unwrapped
from .scopes import Term
from .syntax import CodeFile
from .texts import HOLE
from .values import Values

if TYPE_CHECKING:
    from tree_sitter import Node

_VERB: Final = re.compile(r"(?i)^(?:Http|build)?(get|post|put|delete|patch|head|options|del)")
_BEHIND: Final = re.compile(r"\.(get|post|put|delete|patch|GET|POST|PUT|DELETE)\s*\([^()]*\)?[^()]*$")
# PHP: what is set on a handle of curl.
_CURL: Final = re.compile(
    r"CURLOPT_CUSTOMREQUEST\s*(?:,|=>)\s*['\"](\w+)['\"]|CURLOPT_(POST|PUT)\s*(?:,|=>)\s*(?:true|1)"
)
_METHODS: Final = ("method", "type", "Method", "verb")


class RequestVerbs:
    """Reads the verbs of requests."""

    def __init__(self, values: Values) -> None:
        self._values = values

    def of(self, row: ClientCall, call: Call, at: Term) -> str:
        """The verb that a call asks with, as a row of the table says where it stands; '' when it is not known."""
        if row.verb == "":
            return as_verb(call.name)
        if row.verb == "method":
            given = self._method(call, at)
            return as_verb(self._values.text(given.node, given.file, given.frame)) if given is not None else "GET"
        if row.verb == "chain":
            found = re.findall(r"\b(get|post|put|delete|patch|head|options)\s*\(", call.receiver, re.IGNORECASE)
            return found[-1].upper() if found else _method_in(call.receiver)
        if row.verb == "receiver":
            return last_name(call.receiver).upper()
        if row.verb == "around":
            return _verb_around(call, at.file)
        if row.verb == "behind":
            return self._behind(call, at)
        if row.verb == "curl":
            return _of_handle(call)
        if isinstance(row.verb, str):
            return row.verb
        given_here = call.positional(row.verb) or call.named(*_METHODS)
        return self._named(given_here, at) if given_here is not None else row.otherwise

    def _named(self, given: Node, at: Term) -> str:
        """The verb of `"PUT"`, `http.MethodPut`, `HttpMethod.Put`, or of what a name stands for."""
        settled = self._values.names.settled(at.of(given))
        text = last_name(text_of(settled.node)).removeprefix("Method")
        return as_verb(text) if text.lower() in VERBS else as_verb(self._values.text(given, at.file, at.frame))

    def _method(self, call: Call, at: Term) -> Term | None:
        """The method among the options of a request: in them, or in what they are spread from."""
        given = call.named(*_METHODS)
        if given is not None:
            return at.of(given)
        for argument in call.arguments:
            node = unwrapped(argument.node)
            spread = [child for child in node.named_children if child.type == "spread_element"]
            for each in [node] if node.type in NAMES else spread:
                found = self._values.names.member(at.of(unwrapped(each)), "method")
                if found is not None:
                    return found
        return None

    def _behind(self, call: Call, at: Term) -> str:
        """`newBuilder(uri).POST(body)`, `.url(u).post(body)`, `.uri(u).method("PATCH", body)`: later in the chain."""
        above = call.node.parent
        while above is not None and "statement" not in above.type and "declar" not in above.type:
            outer = at.file.by_node.get(above.id)
            if outer is not None and outer.name == "method" and outer.arguments:
                return self._named(outer.arguments[0].node, at)
            name = text_of(above.child_by_field_name("name")).upper()
            if name.lower() in VERBS:
                return name
            inside = _BEHIND.search(text_of(above)) if above.type == "call_expression" else None
            if inside:
                return inside[1].upper()
            above = above.parent
        return "GET"


def as_verb(text: str) -> str:
    """The verb that a name begins with: `getForObject`, `PostAsJsonAsync`, `HttpPut`; '' for none."""
    found = _VERB.match("" if text == HOLE else text)
    if found is None:
        return ""
    verb = found[1].upper()
    return "DELETE" if verb == "DEL" else verb


def _verb_around(call: Call, file: CodeFile) -> str:
    """`client.post { url("...") }`."""
    above = call.node.parent
    while above is not None and (above.id not in file.by_node or file.by_node[above.id].name not in VERBS):
        above = above.parent
    return file.by_node[above.id].name.upper() if above is not None else "GET"


def _of_handle(call: Call) -> str:
    """PHP: the method that a function sets on its handle of curl."""
    found = _CURL.search(text_of(enclosing(call.node, FUNCTION_TYPES) or call.node))
    return (found[1] or found[2]).upper() if found is not None else "GET"


def _method_in(text: str) -> str:
    found = re.search(r"HttpMethod\.(\w+)", text)
    return found[1].upper() if found and found[1].lower() in VERBS else ""
