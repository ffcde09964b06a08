"""All contracts of the code that may be read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ...errors import SourceError
from ..apart import is_foreign
from ..languages import language_of
from ..roots import Roots, Skipped, SourceFile, SourcePath
from .clients import Clients
from .configured_routes import symfony_prefixes, symfony_routes
from .documents import MAX_DOCUMENT_CHARACTERS, is_too_large
from .edges import join
from .environment import Deployment, is_configuration, read_deployment, settings_of
from .file_routes import is_file_route
from .grammars import QUERIES
from .records import Contract, ContractEdge
from .routes import Routes
from .rpc import ProtoService, proto_services, rpc_contracts, surely_served
from .services import Services
from .specifications import is_specification, specified_contracts
from .syntax import CodeFile, read_code
from .tables import table_contracts
from .topics import Topics
from .values import Values
from .written_routes import is_written_route, written_routes

# Code that has none of these names no contract and nothing that one is made of.
_TELLS: Final = tuple(
    "http route url grpc serv stub client kafka topic queue publish subscri nats redis getenv environ process.env env( "
    "addr endpoint host select insert update table resources namespace @path @get entity celery task \"/ '/ `/ prefix "
    "api_only viewset controller applicationpath impl gql graphql".split()
)
# A root with more code than this is parsed only where its text tells of a contract.
_ALL_BYTES: Final = 12_000_000
_DOCUMENTS: Final = (".proto", ".graphql", ".gql", ".sql", ".prisma", ".ex", ".exs")
# What maps statements to functions, and what changes tables.
_MAPPED: Final = re.compile(r"(?i)(?:mapper|changelog|liquibase)[^/]*(?:/[^/]+)*\.xml$")


@dataclass(frozen=True, slots=True)
class Contracts:
    """The contracts, and the edges that join them; `services` have a folder of their own; `files` were read.

    `apart` is how many files were not looked at (tests, examples, vendored and generated code), `skipped` are those
    that could not be read or parsed, or were not for their number.
    """

    contracts: tuple[Contract, ...]
    edges: tuple[ContractEdge, ...]
    services: tuple[str, ...]
    files: int
    apart: int = 0
    skipped: tuple[Skipped, ...] = ()

    @property
    def graph(self) -> dict[tuple[str, str], tuple[str, ...]]:
        """(caller, callee) -> the kinds of contracts between them, sorted."""
        pairs: dict[tuple[str, str], set[str]] = {}
        for edge in self.edges:
            if edge.source.service != edge.callee:
                pairs.setdefault((edge.source.service, edge.callee), set()).add(edge.source.kind)
        return {pair: tuple(sorted(kinds)) for pair, kinds in sorted(pairs.items())}


def read_contracts(roots: Roots, stop: Callable[[], bool] = lambda: False) -> Contracts:
    """Read the contracts of all files of the roots; tests, examples, vendored and generated code stand apart.

    Code is parsed and let go a root at a time, for its syntax trees take thirty times its own size. `stop` is asked
    before each file of code; when it says yes, those of its root and of the roots behind it are left out.
    """
    paths = [where for where in roots.files if not is_foreign(where.path)]
    reader = _Reader(roots)
    documents = [file for where in paths if (file := reader.document(where)) is not None]
    deployment = read_deployment([file for file in documents if is_configuration(file.where.path)])
    services = Services(paths, deployment, dict(_own_names(documents)))
    for file in documents:
        deployment.settings.setdefault(services.of(file.where), {}).update(settings_of(file))
    written = [where for where in paths if language_of(where.path) is not None]
    known = proto_services(documents) or reader.services_without_protos(written)
    found: set[Contract] = set()
    files = len(documents)
    for repo in roots.names:
        code = reader.parsed([where for where in written if where.repo == repo], services, stop)
        if stop():
            break
        own = [(file, services.of(file.where)) for file in documents if file.where.repo == repo]
        found.update(_contracts(code, own, deployment, known))
        files += len(code)
    contracts = sorted(found)
    edges = tuple(dict.fromkeys(join(contracts, services.names)))
    apart, skipped = len(roots.files) - len(paths), tuple(reader.skipped.values())
    return Contracts(tuple(contracts), edges, tuple(sorted(services.names)), files, apart, skipped)


def _contracts(
    code: Sequence[CodeFile],
    documents: Sequence[tuple[SourceFile, str]],
    deployment: Deployment,
    known: Mapping[str, ProtoService],
) -> Iterator[Contract]:
    values = Values(code)
    routes = Routes(code, values, deployment, symfony_prefixes(documents))
    yield from symfony_routes(documents)
    yield from written_routes(documents)
    yield from routes.contracts()
    yield from rpc_contracts(code, documents, known)
    yield from Topics(code, values, deployment).contracts()
    yield from table_contracts(code, documents, values)
    yield from specified_contracts(code, documents)
    yield from Clients(code, values, deployment, routes.registering).contracts()


class _Reader:
    """Reads the files of roots, and notes which it could not, and why."""

    def __init__(self, roots: Roots) -> None:
        self._roots = roots
        self.skipped: dict[str, Skipped] = {}

    def parsed(self, paths: Sequence[SourcePath], services: Services, stop: Callable[[], bool]) -> list[CodeFile]:
        """The files of a root as syntax: all of them, or those that tell of contracts where it has too many."""
        size = sum(status[1] for where in paths if (status := self._roots.status(where)) is not None)
        code = []
        for where in paths:
            if stop():
                break
            file = self._read(where)
            if file is None:
                continue
            if size > _ALL_BYTES and not _tells(file.text) and not is_file_route(where.path):
                self._skip(
                    where, f"its root has more than {_ALL_BYTES:,} bytes of code, and it names nothing of contracts"
                )
                continue
            parsed = read_code(file, services.of(where))
            if parsed is not None:
                code.append(parsed)
            elif (language := language_of(where.path)) is not None and language.name in QUERIES:
                self._skip(where, "it takes too long to parse")
        return code

    def services_without_protos(self, written: Sequence[SourcePath]) -> dict[str, ProtoService]:
        """The services that servers of gRPC name, where no `.proto` file lies beside them."""
        found: dict[str, ProtoService] = {}
        for where in written:
            file = self._read(where)
            if file is not None:
                found.update((name, ProtoService(name, ())) for name in surely_served(file.text))
        return found

    def document(self, where: SourcePath) -> SourceFile | None:
        """A file that is no code and may tell of contracts; JSON is data, unless it says that it is none."""
        path = where.path
        told = (
            is_configuration(path) or path.endswith(_DOCUMENTS) or is_written_route(path) or bool(_MAPPED.search(path))
        )
        file = self._read(where) if told or where.path.endswith(".json") else None
        if file is None or not (told or is_specification(file.text)):
            return None
        if is_too_large(file):
            self._skip(where, f"as a document it has more than {MAX_DOCUMENT_CHARACTERS:,} characters")
        return file

    def _read(self, where: SourcePath) -> SourceFile | None:
        try:
            return self._roots.read(where)
        except SourceError as refusal:
            self._skip(where, refusal.message)
            return None

    def _skip(self, where: SourcePath, reason: str) -> None:
        self.skipped.setdefault(str(where), Skipped(str(where), reason))


def _tells(text: str) -> bool:
    lower = text.lower()
    return any(word in lower for word in _TELLS)


def _own_names(documents: list[SourceFile]) -> Iterator[tuple[str, str]]:
    """The names that applications give themselves in their configuration, with the folder they are in."""
    for file in documents:
        given = settings_of(file)
        name = given.get("spring.application.name") or given.get("quarkus.application.name")
        if name and "\1" not in name:
            yield re.sub(r"/src/main/resources.*$", "", str(file.where)), name
