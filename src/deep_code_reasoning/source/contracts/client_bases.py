"""The address that a client was made with, which goes before those of its requests."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ..roots import SourcePath
from .calls import Call
from .classes import OWN, bases_of, is_of_base
from .client_tables import BASE_CALLS, BASE_NAMES, CLIENT_TYPES
from .environment import Deployment
from .frameworks import VERBS
from .grammars import CLASS_TYPES, MEMBERS, NAMES, RECEIVER_FIELDS
from .nodes import definition_name, enclosing, first_field, last_name, text_of, type_name, unwrapped, within
from .scopes import Function, Term, declared_type, returned
from .syntax import CodeFile
from .texts import HOLE, fill, variable
from .values import Values

if TYPE_CHECKING:
    from tree_sitter import Node

# Ktor: what sets what goes before all requests of a client, and asks nobody.
SETTING: Final = "defaultRequest"
_MAX_CHAIN: Final = 12
_MAX_DEPTH: Final = 4
# Expressions that are one of several.
_EITHER: Final = frozenset(
    "boolean_operator binary_expression conditional_expression ternary_expression conditional elvis_expression".split()
)
# What makes a client of an interface that it is given.
_IMPLEMENTING: Final = frozenset({"create", "createClient", "target"})
_QUOTES: Final = "\"'"
# What marks a function that makes something for a container, and what it is asked for by.
_MAKING: Final = frozenset({"Bean", "Produces", "Singleton"})
_ASKING: Final = frozenset({"Qualifier", "Named"})
_ADDRESS: Final = re.compile(r"^(?:https?:)?//|^\x01[^\x02]*(?i:url|uri|host|addr|base|endpoint)")
# Where a request may be made without what sends it.
_ONE_CLIENT: Final = frozenset({"ruby", "csharp"})
_CONTAINED: Final = frozenset({"java", "kotlin"})
# What makes a client of a host.
_MADE_WITH: Final = frozenset({"HTTPConnection", "HTTPSConnection"})
# Symfony: clients that the configuration makes, by their names.
_SCOPED: Final = "framework.http_client.scoped_clients.{}.base_uri"


@dataclass(frozen=True, slots=True)
class _Bean:
    """What a container makes: its name, its type, and the function that makes it."""

    name: str
    kind: str
    maker: Function


class ClientBases:
    """The clients of many files."""

    def __init__(self, files: Sequence[CodeFile], values: Values, deployment: Deployment) -> None:
        self._values = values
        self._deployment = deployment
        self._registered = dict(registered_clients(files, values))
        self._of_files: dict[SourcePath, str] = {}
        self._of_classes: dict[int, str] = {}
        # What a container makes, by the service and the name, or else the type; names that parts of a file ask for.
        self._named: dict[tuple[str, str], list[Function]] = defaultdict(list)
        self._typed: dict[tuple[str, str], list[Function]] = defaultdict(list)
        self._asked: dict[tuple[SourcePath, str], set[str]] = defaultdict(set)
        for file in files:
            if file.language in _CONTAINED:
                for bean in _beans(file, values):
                    self._named[file.service, bean.name].append(bean.maker)
                    self._typed[file.service, bean.kind].append(bean.maker)
                for held, name in _qualified(file, values):
                    self._asked[file.where, held].add(name)

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
            return self._base(at.of(called))
        found = (self._base(at.of(node)) or self._injected(self._root(node, file), at)) if node is not None else ""
        if found or (call.receiver_node is None and file.language not in _ONE_CLIENT):
            return found
        if file.where not in self._of_files:
            self._of_files[file.where] = self._base_of_file(file)
        return self._of_files[file.where]

    def _base(self, term: Term, depth: int = 0) -> str:
        """The base of the client that an expression is: through names, chains, and functions that give it back."""
        node = unwrapped(term.node)
        if depth > _MAX_CHAIN:
            return ""
        if node.type == "arrow_expression_clause":  # C#: a property that is worked out
            return self._base(term.of(node.named_children[0]), depth + 1)
        if text_of(node) in OWN:
            around = enclosing(node, CLASS_TYPES)
            return self._of_class(Term(around, term.file)) if around is not None else ""
        if node.type in NAMES | MEMBERS:
            given = self._values.names.settled(term.of(node))
            return self._base(given, depth + 1) if given.node.id != node.id else self._of_property(node, term, depth)
        if node.type in _EITHER:  # given or httpx.AsyncClient(...), cond ? a : b
            return next((base for each in node.named_children if (base := self._base(term.of(each), depth + 1))), "")
        made = term.file.by_node.get(node.id)
        if made is None:
            return ""
        found = self._base_of_call(made, term) or self._base_given_back(made, term, depth)
        if found or made.receiver_node is None:
            return found
        return self._base(term.of(made.receiver_node), depth + 1)

    def _of_property(self, node: Node, term: Term, depth: int) -> str:
        """Python: the base of the client that a property of the object around gives back."""
        holder = first_field(node, RECEIVER_FIELDS) if term.file.language == "python" else None
        around = enclosing(node, CLASS_TYPES) if holder is not None and text_of(holder) in OWN else None
        method = (
            self._values.names.method(last_name(text_of(node)), Term(around, term.file)) if around is not None else None
        )
        given = returned(method.node, "python") if method is not None else []
        return next((base for each in given if (base := self._base(Term(each, term.file), depth + 1))), "")

    def root_call(self, node: Node, file: CodeFile) -> Node:
        """The call that a chain of calls begins with: of `this.api().retry(3)` it is `this.api()`."""
        made = file.by_node.get(unwrapped(node).id)
        while made is not None and made.receiver_node is not None:
            held = unwrapped(made.receiver_node)
            if held.id not in file.by_node:
                break
            node, made = held, file.by_node[held.id]
        return node

    def _base_given_back(self, made: Call, term: Term, depth: int) -> str:
        """The base of the client that a function of ours gives back, or that an object of a class of ours is."""
        names = self._values.names
        for function in names.targets(made, term.file)[:1]:
            if not function.makes:
                frame = names.runs.run(function, made, term)
                given = (Term(node, function.file, frame) for node in returned(function.node, function.file.language))
                return next((base for each in given if (base := self._base(each, depth + 1))), "")
        kind = names.type_of(made.name, term.file)
        if kind is None or not self.is_client(kind):
            return ""
        return self._of_class(kind) or self._first_address(made, term)

    def _of_class(self, kind: Term) -> str:
        """The base that a class gives the client which it extends: `super().__init__(base_url=...)`."""
        if kind.node.id not in self._of_classes:
            passed = (call for call in kind.file.calls if is_of_base(call) and within(call.node, kind.node))
            given = (self._base_of_call(call, Term(call.node, kind.file)) for call in passed)
            self._of_classes[kind.node.id] = next(filter(None, given), "")
        return self._of_classes[kind.node.id]

    def made_for(self, call: Call, file: CodeFile) -> str:
        """The base of what makes a client of an interface, with all that is given on the way."""
        at = Term(call.node, file)
        found = self._first_address(call, at)
        waiting = [at.of(call.receiver_node)] if call.receiver_node is not None else []
        for _ in range(_MAX_CHAIN):
            if found or not waiting:
                break
            given = self._values.names.settled(waiting.pop())
            found = self._base(given)
            made = given.file.by_node.get(unwrapped(given.node).id)
            if made is not None:  # HttpServiceProxyFactory.builderFor(RestClientAdapter.create(client)).build()
                parts = (made.receiver_node, *(each.node for each in made.arguments))
                waiting += [given.of(part) for part in parts if part is not None]
        return found

    def is_client(self, kind: Term) -> bool:
        """Whether a class of ours extends a client of a library, itself or by those that it extends."""
        seen, level = {kind.node.id}, [kind]
        for _ in range(_MAX_DEPTH + 1):
            above = []
            for each in level:
                bases = bases_of(each.node)
                if not CLIENT_TYPES.isdisjoint(bases):
                    return True
                found = (self._values.names.type_of(base, each.file) for base in bases)
                above += [base for base in found if base is not None]
            level = list({base.node.id: base for base in above if base.node.id not in seen}.values())
            seen.update(base.node.id for base in level)
        return False

    def _first_address(self, made: Call, term: Term) -> str:
        texts = (self._values.text(each.node, term.file, term.frame) for each in made.arguments)
        return next((text for text in texts if _ADDRESS.match(text)), "")

    def _root(self, node: Node, file: CodeFile) -> Node:
        """What a chain of calls begins with."""
        first = self.root_call(node, file)
        made = file.by_node.get(unwrapped(first).id)
        return made.receiver_node if made is not None and made.receiver_node is not None else first

    def _injected(self, root: Node, at: Term) -> str:
        """The base of a client that a container makes: of the name that is asked for, else the only one of its type."""
        name, file = last_name(text_of(root)), at.file
        if file.language == "php":
            scoped = variable(_SCOPED.format(name))
            return scoped if fill(scoped, self._deployment.of(file.service)) != HOLE else ""
        if file.language not in _CONTAINED:
            return ""
        asked = self._asked.get((file.where, name)) or {name}
        fit = [maker for each in asked for maker in self._named.get((file.service, each), ())]
        kind = declared_type(name, root, file) if not fit else ""
        fit = fit or (self._typed.get((file.service, kind), []) if kind else [])
        made = fit[0] if len(fit) == 1 else self._values.names.function_named(name, file)
        given = returned(made.node, made.file.language) if made is not None else []
        return next((base for node in given if made and (base := self._base(Term(node, made.file)))), "")

    def _base_of_call(self, made: Call, term: Term) -> str:
        file = term.file
        given = made.named(*BASE_NAMES)
        if given is None and (made.name in BASE_CALLS or made.name in ("Faraday", "new")):
            given = made.positional(0)
        if made.name == SETTING:  # Ktor: defaultRequest { url("...") }
            inside = file.calls_in("url", made.node)
            given = inside[0].positional(0) if inside else given
        value = self._values.text(given, file, term.frame) if given is not None else HOLE
        if value == HOLE and made.makes | (made.name in _MADE_WITH) and (first := made.positional(0)) is not None:
            text = self._values.text(first, file, term.frame)
            value = (
                text if _ADDRESS.match(text) else f"http://{text}" if made.name in _MADE_WITH and text != HOLE else HOLE
            )
        if value == HOLE:
            named = made.positional(0)
            options = file.by_node.get(unwrapped(named).id) if named is not None and made.makes else None
            if options is not None and options.makes:  # new RestClient(new RestClientOptions("..."))
                return self._base_of_call(options, term)
            if made.name == "CreateClient" and named is not None:
                return self._registered.get(self._values.text(named, file, term.frame), "")
            built = file.calls_in(SETTING, made.node)
            return self._base_of_call(built[0], term) if built and built[0] is not made else ""
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
                told = self._values.text(call.positional(0), file).replace(HOLE, "")
                return told or self._base_of_call(call, Term(call.node, file))
        return next((self._registered[kind.name] for kind in file.types if kind.name in self._registered), "")


def _beans(file: CodeFile, values: Values) -> Iterator[_Bean]:
    """Spring, CDI: functions that make what others are given."""
    for mark in file.marks:
        maker = values.names.function(mark.target) if mark.target is not None else None
        if maker is not None and mark.call.name in _MAKING:
            given = mark.call.named("name", "value") or mark.call.positional(0)
            kind = type_name(text_of(mark.target.child_by_field_name("type") if mark.target is not None else None))
            yield _Bean(values.text(given, file) if given is not None else maker.name, kind, maker)


def _qualified(file: CodeFile, values: Values) -> Iterator[tuple[str, str]]:
    """Parameters and fields, each with the name that it asks for: `@Qualifier("billing") RestClient rest`."""
    for mark in file.marks:
        holder = mark.call.node.parent
        if mark.call.name in _ASKING and mark.call.arguments and holder is not None and holder.parent is not None:
            held = holder.parent.child_by_field_name("declarator") or holder.parent
            yield definition_name(held), values.text(mark.call.positional(0), file)


def declared_clients(files: Sequence[CodeFile], bases: ClientBases) -> Iterator[tuple[str, str]]:
    """Interfaces of the JVM that a library makes a client of, each with its base.

    Retrofit's `create(Api.class)`, Spring's `createClient(Api.class)` and `@ImportHttpServices`, Feign's
    `target(Api.class, url)`.
    """
    for file in files:
        if file.language not in _CONTAINED:
            continue
        for call in file.calls:
            kind = _class_given(call) if call.name in _IMPLEMENTING else ""
            base = bases.made_for(call, file) if kind else ""
            if base:
                yield kind, base
        for mark in file.marks:
            group = mark.call.named("group") if mark.call.name == "ImportHttpServices" else None
            for kind in re.findall(r"\b(\w+)(?:\.|::)class\b", text_of(mark.call.node)) if group is not None else ():
                yield kind, variable(f"spring.http.serviceclient.{text_of(group).strip(_QUOTES)}.base-url")


def _class_given(call: Call) -> str:
    """The class among the arguments of a call, or of its type: `create(Api.class)`, `create<Api>()`."""
    found = re.search(r"\b(\w+)(?:\.|::)class\b", text_of(call.positional(0))) or re.search(
        r"<(\w+)>\(\s*\)$", text_of(call.node)
    )
    return found[1] if found is not None else ""


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
