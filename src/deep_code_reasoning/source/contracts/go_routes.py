"""Routes of Go's routers: net/http, gin, echo, chi, gorilla/mux, fiber, httprouter, huma, go-restful."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from .calls import Call
from .frameworks import CLIENT_NAMES, VERBS
from .nodes import last_name, unwrapped
from .registered import Route, RouteReader, handler_of
from .scopes import Term
from .templates import joined

_PATTERN: Final = re.compile(r"^(?:(?P<verb>[A-Z]{3,7})\s+)?(?P<path>[\w.\-]*/.*)$", re.DOTALL)
_NAMES: Final = frozenset({name for verb in VERBS for name in (verb.capitalize(), verb.upper())} | {"Any", "All"})


class GoRoutes(RouteReader):
    """The routes of Go."""

    def of(self, call: Call, at: Term) -> Iterator[Route]:
        """The routes that a call registers."""
        told = self._described(call, at)
        yield from self._pattern(call, at) if told is None else told

    def _described(self, call: Call, at: Term) -> Iterator[Route] | None:
        """The routes of a call that says the verb beside the path, or the path in another call; None of others."""
        first = call.positional(0)
        if call.receiver == "huma":
            return self._huma(call, at)
        if "go-restful" in at.file.text and call.name in _NAMES and len(call.arguments) == 1:  # ws.GET("/x").To(f)
            return self.routes(call, at, first, (call.name,))
        if call.name in ("Method", "MethodFunc", "Add") and len(call.arguments) > 2:
            verb = self.verb_of(first, at)
            return self.routes(call, at, call.positional(1), (verb,) if verb else ())
        if call.name == "Match" and len(call.arguments) > 2:
            return self.routes(call, at, call.positional(1), tuple(self.texts(first, at)))
        verb = self.verb_of(first, at) if call.positional(2) is not None else ""
        if call.name in ("Handle", "Handler", "HandlerFunc") and verb:  # httprouter
            return self.routes(call, at, call.positional(1), (verb,))
        if call.name in ("Handler", "HandlerFunc") and call.receiver_node is not None:
            return self._gorilla(call, at)
        return None

    def _pattern(self, call: Call, at: Term) -> Iterator[Route]:
        """`r.Get("/x", h)`, `mux.HandleFunc("GET /x", h)`."""
        handles = call.name in ("HandleFunc", "Handle") and len(call.arguments) > 1
        if not handles and (call.name not in _NAMES or len(call.arguments) < 2):
            return
        path = self.path(call.positional(0), at)
        found = _PATTERN.match(path) if path is not None else None
        bare = path is not None and found is None and call.receiver_node is not None
        if (
            bare
            and path
            and (handles or not self._prefixes.is_router(call.receiver_node or call.node, at.file, at.frame))
        ):
            return
        if path is None:
            return
        if not handles and (call.receiver in ("http", "otelhttp") or last_name(call.receiver) in CLIENT_NAMES):
            return
        if call.name == "Handle" and self._is_mount(call, at):
            return
        verb = found["verb"] if found is not None and found["verb"] else ""
        verbs: tuple[str, ...] = (
            (verb,) if verb else () if handles or call.name in ("Any", "All") else (call.name.upper(),)
        )
        verbs = verbs or self._verbs_behind(call, at)
        rest = found["path"] if found is not None else ""
        template = rest[rest.index("/") :] if found is not None else path
        for before in self.before(call, at):
            yield Route(verbs, joined(before, re.sub(r"\{\$\}$", "", template)), call.line, handler_of(call))

    def _huma(self, call: Call, at: Term) -> Iterator[Route]:
        """huma: `huma.Get(api, "/x", h)`, `huma.Register(api, huma.Operation{Method: ..., Path: ...}, h)`."""
        described = call.name == "Register"
        given = call.named("Path") if described else call.positional(1)
        verb = self.verb_of(call.named("Method"), at) if described else call.name.upper()
        path = self.path(given, at)
        for before in self._prefixes.of_receiver(call.positional(0), call, at.file, at.frame) if path else ():
            yield Route((verb,) if verb else (), joined(before, path or ""), call.line, handler_of(call))

    def _gorilla(self, call: Call, at: Term) -> Iterator[Route]:
        """gorilla: `r.Methods("GET").Path("/x").Handler(h)`, in any order."""
        chain = []
        made = at.file.by_node.get(unwrapped(call.receiver_node).id) if call.receiver_node is not None else None
        while made is not None:
            chain.append(made)
            made = at.file.by_node.get(unwrapped(made.receiver_node).id) if made.receiver_node is not None else None
        path = next((each for each in chain if each.name in ("Path", "PathPrefix")), None)
        if path is not None:
            verbs = (
                verb
                for each in chain
                if each.name == "Methods"
                for a in each.arguments
                if (verb := self.verb_of(a.node, at))
            )
            for route in self.routes(path, at, path.positional(0), tuple(verbs)):
                yield replace(route, line=call.line, handler=handler_of(call))

    def _is_mount(self, call: Call, at: Term) -> bool:
        given = call.positional(1)
        made = at.file.by_node.get(unwrapped(given).id) if given is not None else None
        inner = made.positional(1) if made is not None and made.name == "StripPrefix" else given
        return inner is not None and self._prefixes.is_router(inner, at.file, at.frame) is True

    def _verbs_behind(self, call: Call, at: Term) -> tuple[str, ...]:
        """gorilla: `HandleFunc("/x", h).Methods("GET", http.MethodPost)`."""
        above = call.node.parent
        while above is not None and above.type in ("selector_expression", "call_expression"):
            outer = at.file.by_node.get(above.id)
            if outer is not None and outer.name == "Methods":
                return tuple(verb for a in outer.arguments if (verb := self.verb_of(a.node, at)))
            above = above.parent
        return ()
