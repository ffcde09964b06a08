"""gRPC and its kin: services of `.proto` files, who serves them, and which of their methods are called.

What the generators of each language call a server and a stub is a table here; names count only when a `.proto` file
or a server says that they are services, for `NewHTTPClient` is no stub.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ..functions import functions
from ..roots import SourceFile, SourcePath
from .records import CONSUMED, PROVIDED, Contract
from .syntax import CodeFile

_COMMENT: Final = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_PACKAGE: Final = re.compile(r"(?m)^\s*package\s+([\w.]+)\s*;")
_SERVICE: Final = re.compile(r"(?m)^\s*service\s+(\w+)\s*\{")
_METHOD: Final = re.compile(r"\brpc\s+(\w+)\s*\(")
# Services that every server has and nobody's contract is about.
_COMMON: Final = frozenset({"Health", "ServerReflection"})
_JVM_SERVERS: Final = (
    r"\b(\w+)Grpc\.\w+ImplBase\b",
    r"\b(\w+)GrpcKt\.\w+CoroutineImplBase\b",
    r"\bextends\s+(\w+)ImplBase\b",
)
_JVM_STUBS: Final = (
    r"\b(\w+)Grpc\.(?:new)?\w*Stub\b",
    r"\b(\w+)GrpcKt\.\w+Stub\b",
    r"\b(\w+?)(?:Coroutine|Blocking|Future)Stub\b",
)
_SCRIPT_SERVERS: Final = (
    r"\.addService\(\s*(?:[\w.]+\.)?(\w+)(?:\.service|\[['\"]service['\"]\])",
    r"\.addService\(\s*(?:\w+\.)*(\w+?)(?:Service|Definition)\s*,",
    r"@GrpcMethod\(\s*['\"](\w+)['\"]", r"@GrpcService\(\s*['\"]?(\w+)", r"\.service\(\s*(\w+)\s*,",
)  # fmt: skip
_SCRIPT_STUBS: Final = (
    r"\bnew\s+(?:[\w.]+\.)?(\w+?)(?:Client|PromiseClient|ClientImpl)?\s*\(",
    r"\.getService(?:<[^>]*>)?\(\s*['\"](\w+)['\"]",
    r"\bcreate(?:Promise|Callback)?Client\(\s*(?:\w+\.)*(\w+?)(?:Definition)?\s*,",
)  # fmt: skip
_SERVERS: Final[Mapping[str, tuple[str, ...]]] = {
    "go": (r"\bRegister(\w+?)Server\(", r"\bNew(\w+?)Handler\("),
    "python": (r"\badd_(\w+)Servicer_to_server\(",),
    "java": _JVM_SERVERS, "kotlin": _JVM_SERVERS,
    "javascript": _SCRIPT_SERVERS, "typescript": _SCRIPT_SERVERS, "tsx": _SCRIPT_SERVERS,
    "csharp": (r"\b(\w+)\.\1Base\b",),
    "ruby": (r"<\s*(?:\w+::)*(\w+)::Service\b",),
    "php": (r"\bimplements\s+(?:\\?\w+\\)*(\w+)Interface\b",),
    "rust": (r"\b(\w+)Server::(?:new|with_interceptor|from_arc)\(", r"\bimpl\s+(?:\w+::)*(\w+)\s+for\s+\w+"),
    "cpp": (r"\b(\w+)::(?:Service|AsyncService|CallbackService|WithAsyncMethod_\w+)\b",),
    "elixir": (r"use\s+GRPC\.Server,\s*service:\s*(?:\w+\.)*(\w+)\.Service\b",),
}  # fmt: skip
_STUBS: Final[Mapping[str, tuple[str, ...]]] = {
    "go": (r"\bNew(\w+?)Client\(",),
    "python": (r"\b(\w+)Stub\(",),
    "java": _JVM_STUBS, "kotlin": _JVM_STUBS,
    "javascript": _SCRIPT_STUBS, "typescript": _SCRIPT_STUBS, "tsx": _SCRIPT_STUBS,
    "csharp": (r"\bnew\s+(?:\w+\.)*(\w+?)Client\s*\(", r"\bAddGrpcClient<(?:\w+\.)*(\w+?)Client>",
               r"\b(\w+)\.\1Client\b"),
    "ruby": (r"\b(\w+)::Stub\.new\b",),
    "php": (r"\bnew\s+(?:\\?\w+\\)*(\w+?)Client\s*\(",),
    "rust": (r"\b(\w+)Client::(?:connect|new|with_interceptor|with_origin)\(", r"\b(\w+)Client<"),
    "cpp": (r"\b(\w+)::(?:NewStub|Stub)\b",),
    "elixir": (r"\b(\w+)\.Stub\.\w+\(",),
}  # fmt: skip
# Servers whose form nothing else has: they make a service known where no `.proto` lies beside.
_SURE: Final = re.compile(
    r"\bRegister(\w+?)Server\(|\badd_(\w+)Servicer_to_server\(|\b(\w+?)Grpc(?:Kt)?\.\w+ImplBase\b"
    r"|@GrpcMethod\(\s*['\"](\w+)['\"]|use\s+GRPC\.Server,\s*service:\s*(?:\w+\.)*(\w+)\.Service\b"
)

# What each of these forms has; to look for that takes a hundredth of the time.
_SURELY_TOLD: Final = ("Register", "Servicer_to_server", "Grpc", "GRPC.Server")


@dataclass(frozen=True, slots=True)
class ProtoService:
    """A service of a `.proto` file: its whole name, and its methods."""

    name: str
    methods: tuple[str, ...]

    @property
    def own_name(self) -> str:
        """Its name without the package."""
        return self.name.rpartition(".")[2]


def proto_services(files: Sequence[SourceFile]) -> dict[str, ProtoService]:
    """The services of all `.proto` files by their own name; copies of a file count once."""
    found: dict[str, ProtoService] = {}
    for file in files:
        if not file.where.path.endswith(".proto"):
            continue
        text = _COMMENT.sub(" ", file.text)
        package = _PACKAGE.search(text)
        for service in _SERVICE.finditer(text):
            if service[1] in _COMMON:
                continue
            body = text[service.end() : _end(text, service.end())]
            name = f"{package[1]}.{service[1]}" if package else service[1]
            methods = dict.fromkeys((*found.get(service[1], ProtoService("", ())).methods, *_METHOD.findall(body)))
            found[service[1]] = ProtoService(name, tuple(methods))
    return found


def surely_served(text: str) -> set[str]:
    """The services that a text serves in a form that nothing else has; their methods are not known then."""
    if not any(told in text for told in _SURELY_TOLD):
        return set()
    return {name for found in _SURE.finditer(text) for name in found.groups() if name} - _COMMON


def rpc_contracts(
    code: Sequence[CodeFile], documents: Sequence[tuple[SourceFile, str]], known: Mapping[str, ProtoService]
) -> Iterator[Contract]:
    """Who serves and who calls which methods of the services that are known."""
    if not known:
        return
    texts = [_Text(file.where.repo, file.where.path, file.language, file.text, file.service, file) for file in code]
    texts += [
        _Text(file.where.repo, file.where.path, "elixir", file.text, service, None)
        for file, service in documents
        if file.where.path.endswith((".ex", ".exs"))
    ]
    serving = {(text.service, name): (text, line) for text, name, line in _found(texts, _SERVERS, known)}
    calling: dict[tuple[str, str], tuple[_Text, int]] = {}
    for text, name, line in _found(texts, _STUBS, known):
        calling.setdefault((text.service, name), (text, line))
    for (service, name), (text, line) in serving.items():
        yield from _served(known[name], service, text, line, texts)
    for (service, name), (text, line) in calling.items():
        if (service, name) not in serving:  # a server's own code has its client too
            yield from _called(known, name, service, text, line, texts)


@dataclass(frozen=True, slots=True)
class _Text:
    repo: str
    path: str
    language: str
    text: str
    service: str
    code: CodeFile | None


def _found(
    texts: Sequence[_Text], patterns: Mapping[str, tuple[str, ...]], known: Mapping[str, ProtoService]
) -> Iterator[tuple[_Text, str, int]]:
    for text in texts:
        for pattern in patterns.get(text.language, ()):
            for match in re.finditer(pattern, text.text):
                name = _known(match[1], known)
                if name:
                    yield text, name, text.text.count("\n", 0, match.start()) + 1


def _known(name: str, known: Mapping[str, ProtoService]) -> str:
    """The service that a generated name is of: some generators end it with `Service` once more, or once less."""
    for candidate in (name, f"{name}Service", name.removesuffix("Service")):
        if candidate in known:
            return candidate
    return ""


def _served(service: ProtoService, by: str, text: _Text, line: int, texts: Sequence[_Text]) -> Iterator[Contract]:
    places = _handlers(service, by, texts)
    for method in service.methods or ("",):
        path, at, handler = places.get(method, (text.path, line, ""))
        name = f"{service.name}/{method}" if method else service.name
        yield Contract("rpc", PROVIDED, name, "grpc", by, text.repo, path, at, handler=handler)


def _handlers(service: ProtoService, by: str, texts: Sequence[_Text]) -> dict[str, tuple[str, int, str]]:
    """Where the methods of a service are written: functions of their names, in files that name the service first."""
    forms = {form: method for method in service.methods for form in _forms(method)}
    found: dict[str, tuple[int, tuple[str, int, str]]] = {}
    for text in texts:
        if text.service != by or text.code is None:
            continue
        is_server = service.own_name in text.text
        for name, at in _functions(text):
            method = forms.get(name)
            if method is not None and found.get(method, (-1,))[0] < int(is_server):
                found[method] = (int(is_server), (text.path, at, name))
    return {method: place for method, (_, place) in found.items()}


def _functions(text: _Text) -> Iterator[tuple[str, int]]:
    for function in functions(SourceFile(SourcePath(text.repo, text.path), text.text)):
        yield function.name, function.first


def _called(
    known: Mapping[str, ProtoService], name: str, service: str, text: _Text, line: int, texts: Sequence[_Text]
) -> Iterator[Contract]:
    target = known[name]
    forms = {form: method for method in target.methods for form in _forms(method)}
    seen = False
    for other in texts:
        if other.service != service or other.code is None:
            continue
        for call in other.code.calls:
            method = forms.get(call.name)
            if (
                method is None
                or not call.receiver
                or call.makes
                or not _may_be_stub(call.receiver, target, other, text)
            ):
                continue
            seen = True
            yield Contract(
                "rpc", CONSUMED, f"{target.name}/{method}", "grpc", service, other.repo, other.path, call.line
            )
    if not seen:
        yield Contract("rpc", CONSUMED, target.name, "grpc", service, text.repo, text.path, line)


def _may_be_stub(receiver: str, target: ProtoService, at: _Text, made_in: _Text) -> bool:
    """Whether a method is called on a stub of the service: it is named for one, or stands in the file that makes it."""
    if receiver in ("self", "this", "super", "super()"):
        return False
    words = re.sub(r"[^a-z0-9]", "", receiver.lower())
    own = target.own_name.lower().removesuffix("service")
    return own in words or at.path == made_in.path


def _forms(method: str) -> tuple[str, ...]:
    """How languages write a method: as it is, with a small first letter, with underscores, as an asynchronous one."""
    camel = method[:1].lower() + method[1:]
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", method).lower()
    return (method, camel, snake, f"{method}Async", f"{camel}Async")


def _end(text: str, at: int) -> int:
    depth = 1
    for place in range(at, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if not depth:
            return place
    return len(text)
