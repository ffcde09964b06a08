"""All contracts of the code that may be read."""

from __future__ import annotations

import re
from collections.abc import Iterator
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
from .rpc import rpc_contracts
from .services import Services
from .specifications import specified_contracts
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
# With more files than this only those are parsed whose text tells of a contract: 4 ms of processor time a file.
_ALL_FILES: Final = 4_000


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


@dataclass(frozen=True, slots=True)
class Ground:
    """What the families of contracts are read from."""

    code: list[CodeFile]
    documents: list[tuple[SourceFile, str]]
    values: Values
    deployment: Deployment
    services: Services


def ground(roots: Roots) -> Ground:
    """Read and parse what may tell of contracts; tests, examples, vendored and generated code stand apart."""
    paths = [where for where in roots.files if not _APART.search(where.path)]
    documents = [file for where in paths if _is_document(where) and (file := _read(roots, where)) is not None]
    deployment = read_deployment([file for file in documents if is_configuration(file.where.path)])
    names = dict(_own_names(documents))
    services = Services(paths, deployment, names)
    for file in documents:
        deployment.settings.setdefault(services.of(file.where), {}).update(settings_of(file))
    code = []
    written = [where for where in paths if language_of(where.path) is not None]
    for where in written:
        read = _read(roots, where)
        if read is not None and (len(written) <= _ALL_FILES or _tells(read.text) or is_file_route(where.path)):
            parsed = read_code(read, services.of(where))
            if parsed is not None:
                code.append(parsed)
    placed = [(file, services.of(file.where)) for file in documents]
    return Ground(code, placed, Values(code), deployment, services)


def read_contracts(roots: Roots) -> Contracts:
    """Read the contracts of all files of the roots."""
    read = ground(roots)
    contracts = sorted(set(_contracts(read)))
    edges = tuple(dict.fromkeys(join(contracts, read.services.names)))
    return Contracts(tuple(contracts), edges, tuple(sorted(read.services.names)), len(read.code) + len(read.documents))


def _contracts(read: Ground) -> Iterator[Contract]:
    routes = list(Routes(read.code, read.values, read.deployment).contracts())
    yield from routes
    served = frozenset((f"{route.repo}/{route.path}", route.line) for route in routes)
    yield from rpc_contracts(read.code, read.documents)
    yield from Topics(read.code, read.values, read.deployment).contracts()
    yield from table_contracts(read.code, read.documents)
    yield from specified_contracts(read.code, read.documents)
    yield from Clients(read.code, read.values, read.deployment, served).contracts()


def _tells(text: str) -> bool:
    lower = text.lower()
    return any(word in lower for word in _TELLS)


def _is_document(where: SourcePath) -> bool:
    return is_configuration(where.path) or where.path.endswith(
        (".json", ".proto", ".graphql", ".gql", ".sql", ".properties", ".ex", ".exs", ".prisma")
    )


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
