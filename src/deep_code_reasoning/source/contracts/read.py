"""All contracts of the code that may be read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from typing import Any, Final

from ..apart import OTHERS, is_foreign, is_minified, unwritten_folders
from ..blobs import Blob, git_id
from ..code_files import CodeFiles, Standing
from ..languages import language_of
from ..roots import Roots, Skipped, SourceFile, SourcePath
from .clients import Clients
from .configured_routes import symfony_prefixes, symfony_routes
from .documents import MAX_DOCUMENT_CHARACTERS, is_too_large
from .edges import join
from .environment import Deployment, is_configuration, read_deployment, settings_of
from .file_routes import is_file_route
from .grammars import QUERIES
from .kept import KeptReadings, Reading, key_of
from .message_types import MessageTypes
from .records import Contract, ContractEdge
from .relays import bound_relays, declared_relays, relayed
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
_DOCUMENTS: Final = (".proto", ".graphql", ".gql", ".sql", ".prisma", ".ex", ".exs", ".tf")
# What maps statements to functions, and what changes tables.
_MAPPED: Final = re.compile(r"(?i)(?:mapper|changelog|liquibase)[^/]*(?:/[^/]+)*\.xml$")


@dataclass(frozen=True, slots=True)
class Contracts:
    """The contracts, and the edges that join them; `services` have a folder of their own; `files` were read.

    `apart` is how many files were not looked at (tests, examples, vendored and generated code), `skipped` are those
    that could not be read or parsed, or were not for their number, and folders of what nobody of the system wrote.
    `commits` are those of the repositories that were read at a revision.
    """

    contracts: tuple[Contract, ...]
    edges: tuple[ContractEdge, ...]
    services: tuple[str, ...]
    files: int
    apart: int = 0
    skipped: tuple[Skipped, ...] = ()
    commits: Mapping[str, str] = field(default_factory=dict)

    @property
    def graph(self) -> dict[tuple[str, str], tuple[str, ...]]:
        """(caller, callee) -> the kinds of contracts between them, sorted."""
        pairs: dict[tuple[str, str], set[str]] = {}
        for edge in self.edges:
            if edge.source.service != edge.callee:
                pairs.setdefault((edge.source.service, edge.callee), set()).add(edge.source.kind)
        return {pair: tuple(sorted(kinds)) for pair, kinds in sorted(pairs.items())}


def read_contracts(
    files: Roots | CodeFiles, stop: Callable[[], bool] = lambda: False, kept: KeptReadings | None = None
) -> Contracts:
    """Read the contracts of all files; tests, examples, vendored and generated code stand apart.

    Code is parsed and let go a repository at a time, for its syntax trees take thirty times its own size. `stop` is
    asked before each file of code; when it says yes, those of its repository and of those behind it are left out.

    Args:
        files: of folders as they stand, or at revisions.
        stop: whether there is no more time.
        kept: what was read before, which is not read again.
    """
    files = Standing(files) if isinstance(files, Roots) else files
    unwritten = unwritten_folders(map(str, files.files))
    outside = tuple(f"{folder}/" for folder in unwritten)
    paths = [each for each in files.files if not is_foreign(each.path) and not str(each).startswith(outside)]
    reader = _Reader(files)
    for folder, what in {**dict.fromkeys(files.dependencies, OTHERS), **unwritten}.items():
        reader.skip(folder, f"a folder of {what}")
    documents = reader.documents(paths)
    deployment = read_deployment([file for file in documents if is_configuration(file.where.path)])
    services = Services(paths, deployment, dict(_own_names(documents)))
    for file in documents:
        deployment.settings.setdefault(services.of(file.where), {}).update(settings_of(file))
    written = [where for where in paths if language_of(where.path) is not None]
    known = proto_services(documents) or reader.services_without_protos(written)
    around = _Around(services, deployment, known)
    found: set[Contract] = set()
    count = len(documents)
    for repo in files.names:
        own = [file for file in documents if file.where.repo == repo]
        reading = reader.reading([where for where in written if where.repo == repo], own, around, stop, kept)
        if stop():
            break
        found.update(reading.contracts)
        count += reading.files
        for each in reading.skipped:
            reader.skip(each.path, each.reason)
    contracts = relayed(found)
    edges = tuple(dict.fromkeys(join(contracts, services.names)))
    apart, skipped = len(files.files) - len(paths), tuple(reader.skipped.values())
    return Contracts(tuple(contracts), edges, tuple(sorted(services.names)), count, apart, skipped, files.commits)


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
    yield from declared_relays(documents)
    yield from bound_relays(code, values)
    yield from MessageTypes(code, values, deployment).contracts()
    yield from table_contracts(code, documents, values)
    yield from specified_contracts(code, documents)
    yield from Clients(code, values, deployment, routes.registering).contracts()


@dataclass(frozen=True, slots=True)
class _Around:
    """What the code of a repository is read with: of all repositories together."""

    services: Services
    deployment: Deployment
    known: Mapping[str, ProtoService]

    def of(
        self, paths: Sequence[SourcePath], blobs: Mapping[SourcePath, Blob], documents: Sequence[SourceFile]
    ) -> list[Any]:
        """All that is read of a repository: two with the same have the same contracts, and skip the same files."""
        whose = {str(where): self.services.of(where) for where in [*paths, *(file.where for file in documents)]}
        given = {name: [dict(self.deployment.of(name)), self.deployment.settings.get(name)] for name in whose.values()}
        texts = {str(where): blobs[where].sha if where in blobs else "" for where in paths}
        texts |= {str(file.where): git_id(file.text.encode()) for file in documents}
        return [texts, whose, given, {name: astuple(service) for name, service in self.known.items()}]


class _Reader:
    """Reads files, and notes which it could not, and why."""

    def __init__(self, files: CodeFiles) -> None:
        self._files = files
        self.skipped: dict[str, Skipped] = {}

    def reading(
        self,
        paths: Sequence[SourcePath],
        documents: Sequence[SourceFile],
        around: _Around,
        stop: Callable[[], bool],
        kept: KeptReadings | None,
    ) -> Reading:
        """What the code of a repository says, as it was read before or anew; when it stops, what it came to."""
        blobs = self._files.blobs(paths)
        key = key_of(around.of(paths, blobs, documents)) if kept is not None else ""
        known = kept.find(key) if kept is not None else None
        if known is not None:
            return known
        reading = self._read_anew(paths, sum(blob.size for blob in blobs.values()), documents, around, stop)
        if kept is not None and not stop():
            kept.keep(key, reading)
        return reading

    def _read_anew(
        self,
        paths: Sequence[SourcePath],
        size: int,
        documents: Sequence[SourceFile],
        around: _Around,
        stop: Callable[[], bool],
    ) -> Reading:
        """Read all code of a repository, or what tells of contracts where it has too much."""
        code, skipped = [], []
        for file in self._files.read(paths):
            if stop():
                break
            if isinstance(file, Skipped):
                skipped.append(file)
                continue
            parsed = _parsed(file, around.services.of(file.where), size <= _ALL_BYTES)
            if isinstance(parsed, Skipped):
                skipped.append(parsed)
            elif parsed is not None:
                code.append(parsed)
        owned = [(file, around.services.of(file.where)) for file in documents]
        found = set(_contracts(code, owned, around.deployment, around.known))
        return Reading(tuple(sorted(found)), len(code), tuple(skipped))

    def services_without_protos(self, written: Sequence[SourcePath]) -> dict[str, ProtoService]:
        """The services that servers of gRPC name, where no `.proto` file lies beside them."""
        found: dict[str, ProtoService] = {}
        for file in self._read(written):
            found.update((name, ProtoService(name, ())) for name in surely_served(file.text))
        return found

    def documents(self, paths: Sequence[SourcePath]) -> list[SourceFile]:
        """The files that are no code and may tell of contracts; JSON is data, unless it says that it is none."""
        told = [where for where in paths if _is_told(where.path)]
        data = [where for where in paths if where.path.endswith(".json") and not _is_told(where.path)]
        found = [*self._read(told), *(file for file in self._read(data) if is_specification(file.text))]
        for file in found:
            if is_too_large(file):
                self.skip(str(file.where), f"as a document it has more than {MAX_DOCUMENT_CHARACTERS:,} characters")
        return sorted(found, key=lambda file: file.where)

    def _read(self, paths: Iterable[SourcePath]) -> Iterator[SourceFile]:
        for file in self._files.read(paths):
            if isinstance(file, SourceFile):
                yield file
            else:
                self.skip(file.path, file.reason)

    def skip(self, path: str, reason: str) -> None:
        """Note what was not read."""
        self.skipped.setdefault(path, Skipped(path, reason))


def _is_told(path: str) -> bool:
    """Whether a document may tell of contracts, by its path."""
    return is_configuration(path) or path.endswith(_DOCUMENTS) or is_written_route(path) or bool(_MAPPED.search(path))


def _parsed(file: SourceFile, service: str, whole: bool) -> CodeFile | Skipped | None:
    """A file of code, or why it is left out; None of a language that contracts are not read from."""
    language = language_of(file.where.path)
    if language is None or language.name not in QUERIES:
        return None
    if is_minified(file.text):
        return Skipped(str(file.where), "its lines are too long to be written by people")
    if not whole and not _tells(file.text) and not is_file_route(file.where.path):
        why = f"its root has more than {_ALL_BYTES:,} bytes of code, and it names nothing of contracts"
        return Skipped(str(file.where), why)
    return read_code(file, service) or Skipped(str(file.where), "it takes too long to parse")


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
