"""All contracts of the code that may be read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ...errors import SourceError
from ..languages import language_of
from ..roots import Roots, SourceFile, SourcePath
from .clients import Clients
from .edges import join
from .environment import Deployment, is_configuration, read_deployment, settings_of
from .file_routes import is_file_route
from .records import Contract, ContractEdge
from .routes import Routes
from .rpc import ProtoService, proto_services, rpc_contracts, surely_served
from .services import Services
from .specifications import is_specification, specified_contracts
from .syntax import CodeFile, read_code
from .tables import table_contracts
from .topics import Topics
from .values import Values

# Code that has none of these names no contract and nothing that one is made of.
_TELLS: Final = tuple(
    "http route url grpc serv stub client kafka topic queue publish subscri nats redis getenv environ process.env env( "
    "addr endpoint host select insert update table resources namespace @path @get entity celery task \"/ '/ `/ prefix "
    "api_only viewset controller applicationpath impl gql graphql".split()
)
_APART: Final = re.compile(
    r"(?:^|/)(?:tests?|__tests__|__mocks__|spec|specs|e2e|cypress|fixtures|mocks?|vendor|third_party|_vendor|examples|testdata)/"
    r"|(?:^|/)(?:conftest\.py|test_[^/]*|[^/]*(?:_test|_spec|\.test|\.spec|\.cy|Tests?|IT)\.\w+)$"
    # What generators write: it has a client and a server of every service, and calls none.
    r"|(?:_pb2(?:_grpc)?\.pyi?|\.pb(?:\.\w+)*\.(?:go|h|cc)|_grpc\.pb\.go|Grpc(?:Kt)?\.(?:java|kt|cs)|_pb\.(?:js|ts)|_grpc_pb\.(?:js|d\.ts)"
    r"|_pb\.rb|\.d\.ts|\.min\.js)$"
)
# A root with more code than this is parsed only where its text tells of a contract.
_ALL_BYTES: Final = 12_000_000
_DOCUMENTS: Final = (".proto", ".graphql", ".gql", ".sql", ".ex", ".exs")


@dataclass(frozen=True, slots=True)
class Contracts:
    """The contracts, and the edges that join them; `services` have a folder of their own; `files` were read."""

    contracts: tuple[Contract, ...]
    edges: tuple[ContractEdge, ...]
    services: tuple[str, ...]
    files: int

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
    paths = [where for where in roots.files if not _APART.search(where.path)]
    documents = [file for where in paths if (file := _document(roots, where)) is not None]
    deployment = read_deployment([file for file in documents if is_configuration(file.where.path)])
    services = Services(paths, deployment, dict(_own_names(documents)))
    for file in documents:
        deployment.settings.setdefault(services.of(file.where), {}).update(settings_of(file))
    written = [where for where in paths if language_of(where.path) is not None]
    known = proto_services(documents) or _services_without_protos(roots, written)
    found: set[Contract] = set()
    files = len(documents)
    for repo in roots.names:
        code = _parsed(roots, [where for where in written if where.repo == repo], services, stop)
        if stop():
            break
        own = [(file, services.of(file.where)) for file in documents if file.where.repo == repo]
        found.update(_contracts(code, own, deployment, known))
        files += len(code)
    contracts = sorted(found)
    edges = tuple(dict.fromkeys(join(contracts, services.names)))
    return Contracts(tuple(contracts), edges, tuple(sorted(services.names)), files)


def _contracts(
    code: Sequence[CodeFile],
    documents: Sequence[tuple[SourceFile, str]],
    deployment: Deployment,
    known: Mapping[str, ProtoService],
) -> Iterator[Contract]:
    values = Values(code)
    routes = list(Routes(code, values, deployment).contracts())
    yield from routes
    served = frozenset((f"{route.repo}/{route.path}", route.line) for route in routes)
    yield from rpc_contracts(code, documents, known)
    yield from Topics(code, values, deployment).contracts()
    yield from table_contracts(code, documents)
    yield from specified_contracts(code, documents)
    yield from Clients(code, values, deployment, served).contracts()


def _parsed(roots: Roots, paths: Sequence[SourcePath], services: Services, stop: Callable[[], bool]) -> list[CodeFile]:
    """The files of a root as syntax: all of them, or those that tell of contracts where it has too many."""
    size = sum(status[1] for where in paths if (status := roots.status(where)) is not None)
    code = []
    for where in paths:
        if stop():
            break
        file = _read(roots, where)
        if file is not None and (size <= _ALL_BYTES or _tells(file.text) or is_file_route(where.path)):
            parsed = read_code(file, services.of(where))
            if parsed is not None:
                code.append(parsed)
    return code


def _services_without_protos(roots: Roots, written: Sequence[SourcePath]) -> dict[str, ProtoService]:
    """The services that servers of gRPC name, where no `.proto` file lies beside them."""
    found: dict[str, ProtoService] = {}
    for where in written:
        file = _read(roots, where)
        if file is not None:
            found.update((name, ProtoService(name, ())) for name in surely_served(file.text))
    return found


def _tells(text: str) -> bool:
    lower = text.lower()
    return any(word in lower for word in _TELLS)


def _document(roots: Roots, where: SourcePath) -> SourceFile | None:
    """A file that is no code and may tell of contracts; JSON in general is data, and only what says that it is none."""
    told = is_configuration(where.path) or where.path.endswith(_DOCUMENTS)
    file = _read(roots, where) if told or where.path.endswith(".json") else None
    return file if file is not None and (told or is_specification(file.text)) else None


def _read(roots: Roots, where: SourcePath) -> SourceFile | None:
    try:
        return roots.read(where)
    except SourceError:
        return None  # a secret, too large, no text, or gone


def _own_names(documents: list[SourceFile]) -> Iterator[tuple[str, str]]:
    """The names that applications give themselves in their configuration, with the folder they are in."""
    for file in documents:
        given = settings_of(file)
        name = given.get("spring.application.name") or given.get("quarkus.application.name")
        if name and "\1" not in name:
            yield re.sub(r"/src/main/resources.*$", "", str(file.where)), name
