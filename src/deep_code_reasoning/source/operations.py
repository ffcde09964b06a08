"""From what a span says of itself to the code that it ran or called: route, RPC, topic, statement, function.

The names of attributes are OpenTelemetry's semantic conventions, the stable ones and those before them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ..errors import SourceError
from .contracts.edges import ServiceNames, fit
from .contracts.read import Contracts
from .contracts.records import CONSUMED, PROVIDED, Contract
from .contracts.sql import tables_of_sql
from .contracts.templates import split_address
from .references import References
from .roots import Roots, SourcePath
from .telemetry import code_frame
from .words import words

_REQUEST: Final = re.compile(r"^(?:HTTP )?(?P<verb>GET|POST|PUT|DELETE|PATCH|HEAD|OPTIONS)(?:\s+(?P<path>/\S*))?$")
_RPC: Final = re.compile(r"^/?(?:grpc\.)?(?P<service>[\w.]*\w)/(?P<method>\w+)$")
_MESSAGE: Final = re.compile(
    r"(?i)^(?:(?:send|publish|receive|process|create|poll|settle|deliver)\s+(?P<behind>\S+)"
    r"|(?P<before>\S+)\s+(?:send|publish|receive|process|create|poll|settle|deliver))$"
)
_FUNCTION: Final = re.compile(r"^(?:[\w$]+(?:\.|::|#|/))*[A-Za-z_$][\w$]*(?:\(\))?$")
_SENDING: Final = frozenset({"producer", "client"})
# Lines behind the beginning of a statement that may still be its text.
_STATEMENT_LINES: Final = 15
_MAX_PLACES: Final = 5


@dataclass(frozen=True, slots=True)
class Operation:
    """A span's service, name and kind, and what it says beside."""

    service: str
    name: str
    kind: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)

    def first(self, *keys: str) -> str:
        """The first of these attributes that is there."""
        return next((self.attributes[key] for key in keys if self.attributes.get(key)), "")


@dataclass(frozen=True, slots=True)
class OperationPlace:
    """A line of code, and what of the span led there."""

    where: SourcePath
    line: int
    by: str

    def __str__(self) -> str:
        return f"{self.where}:{self.line}"


class Operations:
    """Finds the code of operations.

    Args:
        contracts: what was read of the roots.
        names: the names in the roots.
        roots: the folders of code.
        repositories: service -> repository (a name or an address), as telemetry and deploys say it: for services whose
            name no folder bears.
    """

    def __init__(
        self, contracts: Contracts, names: References, roots: Roots, repositories: Mapping[str, str] | None = None
    ) -> None:
        self._repositories = repositories or {}
        self._contracts = contracts.contracts
        self._services = ServiceNames({*contracts.services, *(contract.service for contract in contracts.contracts)})
        self._names = names
        self._roots = roots

    def places(self, operation: Operation) -> list[OperationPlace]:
        """The places that an operation may be, those of the surest way alone; none when nothing leads to code."""
        ways: Sequence[Callable[[Operation], Iterator[OperationPlace]]] = (
            self._of_attributes,
            self._of_rpc,
            self._of_statement,
            self._of_topic,
            self._of_route,
            self._of_function,
        )
        for way in ways:
            found: dict[tuple[SourcePath, int], OperationPlace] = {}
            for place in way(operation):
                found.setdefault((place.where, place.line), place)
            if found:
                return list(found.values())[:_MAX_PLACES]
        return []

    def _of(self, operation: Operation, kind: str, side: str) -> list[Contract]:
        """The contracts of one kind and side of the operation's service, else of its repository, else of all."""
        service = self._services.find(operation.service)
        repository = re.split(r"[/:]", self._repositories.get(operation.service, "").removesuffix(".git"))[-1]
        found = [each for each in self._contracts if each.kind == kind and each.side == side]
        if service:
            return [each for each in found if each.service == service]
        return [each for each in found if each.repo == repository] if repository in self._roots.names else found

    def _of_attributes(self, operation: Operation) -> Iterator[OperationPlace]:
        frame = code_frame(operation.attributes)
        if frame is None:
            return
        found = self._roots.find(frame.path) if frame.path else ()
        if len(found) == 1:
            yield OperationPlace(found[0], frame.line or 1, "its code attributes")
        elif frame.function:
            yield from self._named(frame.function.replace("::", "."), "its code attributes")

    def _of_rpc(self, operation: Operation) -> Iterator[OperationPlace]:
        service, method = operation.first("rpc.service"), operation.first("rpc.method")
        named = _RPC.match(method if "/" in method else f"{service}/{method}" if service else operation.name)
        if named is None:
            return
        side = CONSUMED if operation.kind == "client" else PROVIDED
        for contract in self._of(operation, "rpc", side):
            own, _, of_it = contract.name.rpartition("/")
            if of_it == named["method"] and own.rpartition(".")[2] == named["service"].rpartition(".")[2]:
                yield self._place(contract, f"RPC {contract.name}")

    def _of_route(self, operation: Operation) -> Iterator[OperationPlace]:
        named = _REQUEST.match(operation.name)
        verb = operation.first("http.request.method", "http.method") or (named["verb"] if named else "")
        if named is None and not verb and not operation.name.startswith("/"):
            return
        path = operation.first("http.route") or (named["path"] if named and named["path"] else "")
        path = path or (operation.name if operation.name.startswith("/") else "")
        path = path or operation.first("url.path", "http.target", "url.full", "http.url")
        address = split_address(path)
        if address is None:
            return
        asks = operation.kind == "client"
        fits = [
            (-common, contract)
            for contract in self._of(operation, "http", CONSUMED if asks else PROVIDED)
            if (common := fit(verb, address[1], contract, ends=asks)) is not None
        ]
        best = min((common for common, _ in fits), default=0)
        for common, contract in sorted(fits):
            if common == best:
                yield self._place(contract, f"{'request' if asks else 'route'} {contract.method} {contract.name}")

    def _of_topic(self, operation: Operation) -> Iterator[OperationPlace]:
        named = _MESSAGE.match(operation.name) if operation.kind in ("", "producer", "consumer") else None
        topic = operation.first("messaging.destination.name", "messaging.destination")
        topic = topic or ((named["behind"] or named["before"]) if named else "")
        side = PROVIDED if operation.kind in _SENDING else CONSUMED
        for contract in self._of(operation, "topic", side) if topic else ():
            if contract.name == topic:
                yield self._place(contract, f"topic {topic}")

    def _of_statement(self, operation: Operation) -> Iterator[OperationPlace]:
        """The string that is most like the statement, among those about the same table; else the table's mapping."""
        sql = operation.first("db.query.text", "db.statement") or operation.name
        wanted = {(name.rpartition(".")[2], method) for name, method in tables_of_sql(sql)}
        table = operation.first("db.collection.name", "db.sql.table").lower().rpartition(".")[2]
        tables = {table, *(name for name, _ in wanted)}
        asked = set(words(sql))
        reads = {"SELECT": True, "INSERT": False, "UPDATE": False, "DELETE": False}.get(sql.split(" ")[0].upper())
        fits = []
        for contract in self._of(operation, "table", CONSUMED) if wanted or table else ():
            own = contract.name.rpartition(".")[2]
            plain = not wanted and reads in (None, contract.method == "read")
            if (own, contract.method) in wanted:
                fits.append((-self._alike(contract, asked), contract))
            elif own in tables and (contract.method == "map" or plain):
                fits.append((0.0, contract))
        best = min((score for score, _ in fits), default=0.0)
        for score, contract in sorted(fits):
            if score == best:
                yield self._place(contract, f"statement on {contract.name}")

    def _alike(self, contract: Contract, asked: set[str]) -> float:
        try:
            lines = self._roots.read(SourcePath(contract.repo, contract.path)).lines
        except SourceError:
            return 0.0
        here = (contract.repo, contract.path)
        behind = [each.line for each in self._contracts if (each.repo, each.path) == here and each.line > contract.line]
        last = min([contract.line + _STATEMENT_LINES, *(line - 1 for line in behind)])
        text = set(words("\n".join(lines[contract.line - 1 : last])))
        return len(text & asked) / len(text | asked) if asked else 0.0

    def _of_function(self, operation: Operation) -> Iterator[OperationPlace]:
        if _FUNCTION.match(operation.name) and operation.kind in ("", "internal", "server", "consumer"):
            yield from self._named(re.sub(r"::|#|/", ".", operation.name.removesuffix("()")), "its name")

    def _named(self, name: str, by: str) -> Iterator[OperationPlace]:
        for where, line in self._names.places(name):
            yield OperationPlace(where, line, by)

    def _place(self, contract: Contract, by: str) -> OperationPlace:
        """Where a contract is; what serves it, when that is written elsewhere and only once."""
        where = SourcePath(contract.repo, contract.path)
        if contract.side == PROVIDED and contract.handler:
            served = [place for place in self._names.places(contract.handler) if place[0].repo == contract.repo]
            here = [place for place in served if place[0] == where]
            if len(here or served) == 1:
                ((at, line),) = here or served
                return OperationPlace(at, line, by)
        return OperationPlace(where, contract.line, by)
