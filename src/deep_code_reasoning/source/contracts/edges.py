"""What joins the two sides of contracts: a name, a host, or the path of a request alone."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from .records import CONSUMED, PROVIDED, Contract, ContractEdge
from .templates import shape

_SUFFIX: Final = re.compile(r"(?<=.)(?:-?(?:service|svc|server|api))+$")
_VARIABLE: Final = re.compile(r"\$\{(.+)\}")
_VARIES: Final = "{}"
# Parts of a variable's name that do not name a service.
_ASIDE: Final = re.compile(
    r"(?i)(?:^|[_.:\-])(?:service|svc|addr(?:ess)?|url|uri|host(?:name)?|port|endpoint|base|api|http|https|rest|grpc|client|server|"
    r"services|app|config|external|internal|root|path|target|baseurl|next|public|vite|react)(?=$|[_.:\-])"
)


class ServiceNames:
    """The names that services go by: in folders, in compose files, in hosts and variables."""

    def __init__(self, names: Iterable[str]) -> None:
        self._exact = {name.lower(): name for name in names}
        plain: dict[str, set[str]] = defaultdict(set)
        for name in self._exact.values():
            plain[plain_name(name)].add(name)
        self._plain = {key: next(iter(found)) for key, found in plain.items() if len(found) == 1}

    def find(self, host: str) -> str:
        """The service that a host names (`quote`, `quote-service.shop.svc.cluster.local`), '' for none of ours."""
        variable = _VARIABLE.fullmatch(host)
        host = named_by(variable[1]) if variable else host
        if not host:
            return ""
        first = host.lower().partition(".")[0]
        return self._exact.get(host.lower()) or self._exact.get(first) or self._plain.get(plain_name(first), "")


def plain_name(name: str) -> str:
    """A service's name without what only says that it is one: `cartservice`, `cart-svc` and `Cart_API` are `cart`."""
    return _SUFFIX.sub("", re.sub(r"[_.\s]", "-", name.lower())).replace("-", "")


def named_by(name: str) -> str:
    """The service that a variable is about: `QUOTE_SERVICE_ADDR` says `quote`, `services.stock.url` says `stock`."""
    previous = ""
    while previous != name:
        previous, name = name, _ASIDE.sub("", name)
    return re.sub(r"[_.:]+", "-", name).strip("-").lower()


def join(contracts: Sequence[Contract], services: Iterable[str]) -> Iterator[ContractEdge]:
    """The edges between contracts, from who calls, sends or uses to who serves, receives or defines."""
    names = ServiceNames({*services, *(contract.service for contract in contracts)})
    sides: dict[tuple[str, str], list[Contract]] = defaultdict(list)
    for contract in contracts:
        sides[contract.kind, contract.side].append(contract)
    yield from _of_requests(sides["http", CONSUMED], sides["http", PROVIDED], names)
    yield from _of_calls(sides["rpc", CONSUMED], sides["rpc", PROVIDED])
    yield from _of_messages(sides["topic", PROVIDED], sides["topic", CONSUMED])
    yield from _of_tables(sides["table", CONSUMED], sides["table", PROVIDED])
    yield from _by_name(sides["graphql", CONSUMED], sides["graphql", PROVIDED])


def _of_requests(asked: Sequence[Contract], served: Sequence[Contract], names: ServiceNames) -> Iterator[ContractEdge]:
    by_service: dict[str, list[Contract]] = defaultdict(list)
    for route in served:
        by_service[route.service].append(route)
    for request in asked:
        callee = names.find(request.host)
        if callee and callee != request.service:
            yield ContractEdge(request, _best(request, by_service[callee], ends=True), callee, "host")
        elif not callee and (not request.host or _VARIABLE.fullmatch(request.host)) and _literals(request.name):
            # Nobody is named: the path has to say it, and say it of one service alone.
            fits = {
                route.service for route in served if fit(request.method, request.name, route, ends=False) is not None
            }
            if len(fits) == 1 and request.service not in fits:
                (callee,) = fits
                yield ContractEdge(request, _best(request, by_service[callee], ends=False), callee, "path")


def _best(request: Contract, routes: Sequence[Contract], ends: bool) -> Contract | None:
    """The route that a request is for: the one with the most in common; none when none fits."""
    fits = [
        (common, route) for route in routes if (common := fit(request.method, request.name, route, ends)) is not None
    ]
    return min(fits, key=lambda each: (-each[0], each[1]))[1] if fits else None


def fit(verb: str, path: str, route: Contract, ends: bool) -> int | None:
    """How close a route is to a request: segments that are the same word for word, then templates that are the same.

    None when they do not fit.

    Args:
        verb: of the request, '' when it is not known.
        path: of the request; what varies in it is `{}`, or whatever it was.
        route: what serves, or what another request asks for.
        ends: a gateway may take the first segments away, so the end of a request's path is enough.
    """
    if verb and route.method and verb != route.method:
        return None
    asked, served = shape(path), shape(route.name)
    if any(part.startswith("*") for part in served):
        at = next(place for place, part in enumerate(served) if part.startswith("*"))
        asked, served = asked[:at], served[:at]
    elif ends and len(asked) > len(served) and served != ("",):
        asked = asked[-len(served) :]
    if len(asked) != len(served):
        return None
    same = 0
    for one, other in zip(asked, served, strict=True):
        if one == other and one != _VARIES:
            same += 1
        elif _VARIES not in one and _VARIES not in other:
            return None
    exact = asked == served
    return 2 * same + exact if same or exact else None


def _literals(path: str) -> list[str]:
    return [part for part in shape(path) if part and _VARIES not in part]


def _of_calls(called: Sequence[Contract], served: Sequence[Contract]) -> Iterator[ContractEdge]:
    """RPC: by the whole name; a stub whose methods nobody calls leads to the service as a whole."""
    by_name: dict[str, list[Contract]] = defaultdict(list)
    for method in served:
        by_name[method.name].append(method)
        service = method.name.partition("/")[0]
        if service != method.name and not any(m.service == method.service for m in by_name[service]):
            by_name[service].append(method)
    for call in called:
        for method in by_name.get(call.name) or by_name.get(call.name.partition("/")[0]) or ():
            if method.service != call.service:
                yield ContractEdge(call, method, method.service, "name")


def _of_messages(sent: Sequence[Contract], received: Sequence[Contract]) -> Iterator[ContractEdge]:
    for message in sent:
        for receiver in received:
            same_system = not message.method or not receiver.method or message.method == receiver.method
            if same_system and message.name == receiver.name and message.service != receiver.service:
                yield ContractEdge(message, receiver, receiver.service, "name")


def _of_tables(used: Sequence[Contract], defined: Sequence[Contract]) -> Iterator[ContractEdge]:
    """A table that one service defines and another uses: when both define it, each has its own."""
    owners: dict[str, set[str]] = defaultdict(set)
    for table in defined:
        owners[table.name].add(table.service)
    first: dict[str, Contract] = {}
    for table in defined:
        first.setdefault(table.name, table)
    for use in used:
        if len(owners.get(use.name, ())) == 1 and use.service not in owners[use.name]:
            yield ContractEdge(use, first[use.name], first[use.name].service, "name")


def _by_name(used: Sequence[Contract], provided: Sequence[Contract]) -> Iterator[ContractEdge]:
    by_name: dict[str, list[Contract]] = defaultdict(list)
    for each in provided:
        by_name[each.name].append(each)
    for use in used:
        for each in by_name.get(use.name, ()):
            if each.service != use.service:
                yield ContractEdge(use, each, each.service, "name")
