"""Routes of PHP's routers: Laravel, Lumen, Slim, FastRoute, Flight, CodeIgniter."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from .calls import Call
from .configured_routes import Laravel
from .frameworks import VERBS
from .nodes import keyed
from .prefixes import Prefixes
from .registered import Route, RouteReader
from .scopes import Term
from .syntax import CodeFile
from .templates import joined
from .values import Values

# Laravel's actions of a resource that a contract is about; those that show forms are not.
_LIST_ACTIONS: Final = {"index": "GET", "store": "POST"}
_RESOURCES: Final = frozenset({"resource", "apiresource", "singleton", "apisingleton"})
_SINGLE_ACTIONS: Final = {"show": "GET", "update": "PUT PATCH"}
_ITEM_ACTIONS: Final = {"show": "GET", "update": "PUT PATCH", "destroy": "DELETE"}


class PhpRoutes(RouteReader):
    """The routes of PHP."""

    def __init__(self, values: Values, prefixes: Prefixes, laravel: Laravel) -> None:
        super().__init__(values, prefixes)
        self._laravel = laravel

    def before(self, call: Call, at: Term) -> list[str]:
        """The prefixes of a call; of Laravel's `routes/api.php` what nothing else puts before it."""
        default = self._default(at.file)
        return [joined(default, each) if default else each for each in super().before(call, at)]

    def _default(self, file: CodeFile) -> str:
        """What goes before the routes of `routes/api.php`, and of the files that it takes in, if nothing is said."""
        if file.root is None:
            return ""
        if prefix := self._laravel.api_prefix(file):
            return "" if self._prefixes.is_mounted(file.root) else prefix
        above = (each for each in self._prefixes.mounting(file.root) if each is not file)
        return next((prefix for each in above if (prefix := self._default(each))), "")

    def of(self, call: Call, at: Term) -> Iterator[Route]:
        """The routes that a call registers."""
        if not (
            call.receiver.endswith(("Route", "Flight")) or self.serves(call, at) or call.receiver.startswith("Route::")
        ):
            return
        if call.name.lower().rstrip("s") in _RESOURCES and call.arguments:
            yield from self._resource(call, at)
            return
        given = call.positional(0)
        verbs: tuple[str, ...] = (call.name.upper(),)
        if call.name == "view":
            verbs = ("GET",)
        elif call.name == "redirect":
            verbs = ()
        elif call.name in ("match", "map", "addRoute"):
            given, verbs = call.positional(1), tuple(v.upper() for v in self.texts(call.positional(0), at))
        elif call.name == "any":
            verbs = ()
        elif call.name == "route" and call.receiver == "Flight":  # Flight::route("GET|POST /x/@id", ...)
            told, _, path = self.text(given, at).rpartition(" ")
            template = joined(re.sub(r"@(\w+)(?::[^/]+)?", r"{\1}", path))
            yield Route(tuple(told.split("|")) if told else (), template, call.line)
            return
        elif call.name not in VERBS or len(call.arguments) < 2:
            return
        yield from self.routes(call, at, given, verbs)

    def _resource(self, call: Call, at: Term) -> Iterator[Route]:
        """Laravel: `Route::apiResource("albums.tracks", ...)`, and several at once."""
        given = call.positional(0)
        pairs = [self.text(key, at) for key, _ in keyed(given)] if given is not None else []
        kept = self._kept_actions(call, at)
        single = "singleton" in call.name.lower()
        shallow = self._says(call, at, "shallow")
        for name in pairs or [self.path(given, at) or ""]:
            parents, _, own = name.rpartition(".")
            above = "/".join(f"{parent}/{{{_singular(parent)}}}" for parent in parents.split(".") if parent)
            item = f"{own}/{{{_singular(own.rpartition('/')[2])}}}"
            lists = (({} if single else _LIST_ACTIONS), joined(above, own))
            ones = (
                (_SINGLE_ACTIONS, joined(above, own))
                if single
                else (_ITEM_ACTIONS, joined("" if shallow else above, item))
            )
            for actions, template in (lists, ones):
                served = tuple(v for action, verbs in actions.items() if action in kept for v in verbs.split())
                for group in self.before(call, at) if served else ():
                    yield Route(served, joined(group, template), call.line)

    def _says(self, call: Call, at: Term, name: str) -> bool:
        """Whether a call of a name comes behind one in its chain."""
        above = call.node.parent
        while above is not None and (outer := at.file.by_node.get(above.id)) is not None:
            if outer.name == name:
                return True
            above = above.parent
        return False

    def _kept_actions(self, call: Call, at: Term) -> set[str]:
        """Laravel: `->only([...])` and `->except([...])` behind a resource."""
        kept = {*_LIST_ACTIONS, *_ITEM_ACTIONS}
        above = call.node.parent
        while above is not None and (outer := at.file.by_node.get(above.id)) is not None:
            named = set(self.texts(outer.positional(0), at))
            kept = kept & named if outer.name == "only" else kept - named if outer.name == "except" else kept
            above = above.parent
        return kept


def _singular(name: str) -> str:
    return re.sub(r"ies$", "y", name) if name.endswith("ies") else name.removesuffix("s")
