"""Routes that annotations and attributes declare, with the path of their class before them; and the interfaces that
declare, with the same annotations, what a client calls (Feign, Retrofit, Refit, `@HttpExchange`, MicroProfile)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from .calls import Call, items
from .class_paths import ClassPaths
from .client_bases import ClientBases, declared_clients, registered_clients
from .environment import Deployment
from .frameworks import CLIENT_MARKS, FUNCTION_MARKS, GLOBAL_PREFIXES, PATH_MARKS, PLAIN_MARKS, SPEAKS_LIKE, VERBS
from .grammars import CLASS_TYPES
from .nest import Nest
from .nodes import definition_name, enclosing, last_name, text_of
from .records import CONSUMED, PROVIDED, Contract
from .syntax import CodeFile, Mark
from .templates import joined, split_address
from .texts import HOLE, fill, relaxed
from .values import Values

if TYPE_CHECKING:
    from tree_sitter import Node

_GLOBAL_KEYS: Final = (
    "server.servlet.context-path", "spring.mvc.servlet.path", "spring.webflux.base-path", "quarkus.http.root-path",
    "quarkus.rest.path", "micronaut.server.context-path",
)  # fmt: skip
# Where the configuration has the addresses of clients, by their names.
_CLIENT_KEYS: Final = (
    "quarkus.rest-client.{}.url", "quarkus.rest-client.{}.uri", "{}/mp-rest/url", "{}/mp-rest/uri",
    "micronaut.http.services.{}.url", "spring.cloud.openfeign.client.config.{}.url",
)  # fmt: skip
_REACTIVE_KEY: Final = "spring.webflux.base-path"
_INTERFACE: Final = re.compile(r"\binterface\b")
_RETROFIT: Final = re.compile(r"\bretrofit2\b|\bRefit\b")
_JAX_RS: Final = re.compile(r"\b(?:jakarta|javax)\.ws\.rs\b")
_MARKERS: Final = {
    # Whose annotations they are: `Get` of Micronaut and NestJS, not of a container of values.
    "java": re.compile(r"springframework|Mapping\b|ws\.rs|micronaut|retrofit|quarkus|feign|microprofile"),
    "typescript": re.compile(r"nestjs|routing-controllers|tsoa|@Controller|inversify-express|@loopback/rest"),
    "csharp": re.compile(r"AspNetCore|ControllerBase|ApiController|\bRefit\b|\[Http|Controller\b"),
    "php": re.compile(r"Routing|Route"),
    "rust": re.compile(r"actix|rocket|routes!|web::"),
}
Marks = dict[int, list[Mark]]


class ClassRoutes:
    """The routes that marks declare."""

    def __init__(
        self,
        files: Sequence[CodeFile],
        values: Values,
        deployment: Deployment,
        configured: Mapping[str, str],
    ) -> None:
        self._values = values
        self._deployment = deployment
        self._paths = ClassPaths(files, values)
        self._nest = Nest(files, values)
        self._global = {
            service: given[key]
            for service, given in deployment.settings.items()
            for key in _GLOBAL_KEYS
            if key in given
        }
        self._reactive = {
            service: given[_REACTIVE_KEY] for service, given in deployment.settings.items() if _REACTIVE_KEY in given
        }
        self._global.update(configured)
        self._registered = dict(registered_clients(files, values))
        self._registered.update(declared_clients(files, ClientBases(files, values, deployment)))
        for file in files:
            for call in file.calls:
                place = GLOBAL_PREFIXES.get(call.name, ())
                given = call.positional(place) if isinstance(place, int) else call.named(*place)
                if given is not None:
                    self._global[file.service] = values.text(given, file)
            for mark in file.marks:
                if mark.call.name == "ApplicationPath" and mark.call.arguments:
                    self._global[file.service] = values.text(mark.call.positional(0), file)

    def global_prefix(self, file: CodeFile) -> str:
        """What goes before all routes of a file's service."""
        given = self._reactive if "web.reactive" in file.text else self._global
        return fill(given.get(file.service, ""), self._deployment.of(file.service)).replace(HOLE, "")

    def contracts(self, file: CodeFile) -> Iterator[Contract]:
        """What the marks of a file declare: served routes, and calls of clients."""
        language = SPEAKS_LIKE.get(file.language, file.language)
        verbs_of = FUNCTION_MARKS.get(language)
        if verbs_of is None or not _MARKERS[language].search(file.text):
            return
        by_target: Marks = {}
        for mark in file.marks:
            if mark.target is not None:
                by_target.setdefault(mark.target.id, []).append(mark)
        for marks in by_target.values():
            if not marks[0].on_class or (language == "php" and "function __invoke" in text_of(marks[0].target)):
                yield from self._of_function(marks, by_target, file, language)

    def _of_function(
        self, marks: Sequence[Mark], by_target: Marks, file: CodeFile, language: str
    ) -> Iterator[Contract]:
        target = marks[0].target
        named = [
            mark
            for mark in marks
            if mark.call.name.removesuffix("Attribute") in FUNCTION_MARKS[language]
            and (language != "typescript" or PLAIN_MARKS.get(mark.call.name, "") in file.text)
        ]
        if target is None or not named:
            return
        owner = enclosing(target, CLASS_TYPES)
        owner_marks = by_target.get(owner.id, []) if owner is not None else []
        side, host, own, base = self._side(owner, owner_marks, named, file)
        given = self._deployment.of(file.service)
        beside = [m for m in marks if m.call.name in PATH_MARKS.get(language, frozenset()) and m not in named]
        for mark in named:
            paths = self._paths.paths(mark.call, file)
            if not paths and beside:
                paths = [path for other in beside for path in self._paths.paths(other.call, file)]
            found = [
                joined(fill(self._template(before, path, kind, target, language), given))
                for kind, before in base
                for path in paths or [""]
            ]
            if side == PROVIDED:
                found = [each for one in found for each in self._served(one, owner, owner_marks, marks, file)]
            found = [joined(own, each) for each in found]
            handler = definition_name(target) if side == PROVIDED else ""
            where = (file.service, file.where.repo, file.where.path, mark.call.line)
            for template in dict.fromkeys(found):
                for verb in self._verbs(mark.call, file, language) or ("",):
                    yield Contract("http", side, template, verb, *where, host, handler)

    def _served(
        self, template: str, owner: Node | None, owner_marks: Sequence[Mark], marks: Sequence[Mark], file: CodeFile
    ) -> list[str]:
        """A template behind what goes before all of its service, and before its module and version."""
        if self._nest.is_excluded(template, file):
            return [template]
        before = self._nest.before(owner, owner_marks, marks, file)
        return [joined(self.global_prefix(file), each, template) for each in before]

    def _side(
        self, owner: Node | None, owner_marks: Sequence[Mark], named: Sequence[Mark], file: CodeFile
    ) -> tuple[str, str, str, list[tuple[str, str]]]:
        """Whether a class serves or calls, whom it calls and below which path, and the paths of the class."""
        base = self._paths.of(owner, file)
        client = next((mark for mark in owner_marks if mark.call.name in CLIENT_MARKS), None)
        # Kotlin's grammar calls an interface a class.
        is_interface = owner is not None and _INTERFACE.search(text_of(owner).partition("{")[0]) is not None
        declares = is_interface and _RETROFIT.search(file.text) is not None and not _JAX_RS.search(file.text)
        if client is None and not declares and not any(mark.call.name.endswith("Exchange") for mark in named):
            return PROVIDED, "", "", base
        host, own = "", ""
        registered = self._registered.get(definition_name(owner))
        if client is not None:
            host, own = self._whom(client.call, file)
        if registered is not None and not host:
            host, own = split_address(fill(registered, self._deployment.of(file.service))) or ("", "")
        return CONSUMED, host, own, base

    def _whom(self, client: Call, file: CodeFile) -> tuple[str, str]:
        given = client.named("url", "baseUri", "baseUrl") or (client.positional(0) if client.name == "Client" else None)
        settings = self._deployment.of(file.service)
        address = split_address(fill(self._values.text(given, file), settings)) if given is not None else None
        named = client.named("name", "value", "configKey", "id", "contextId") or client.positional(0)
        name = self._values.text(named, file) if named is not None else ""
        own = self._values.text(client.named("path"), file) if client.named("path") is not None else ""
        if client.name == "HttpExchange" and address is None:
            return "", ""  # its path is that of the class
        if address is None or not address[0]:
            key = self._values.text(client.named("configKey", "id", "name", "value") or client.positional(0), file)
            keys = (settings.get(relaxed(known.format(key))) for known in _CLIENT_KEYS)
            address = next((split_address(fill(url, settings)) for url in keys if url), address)
        if address is not None and address[0]:
            return address[0], joined(address[1], own)
        return name.strip("/").replace(HOLE, ""), own.replace(HOLE, "")

    def _verbs(self, mark: Call, file: CodeFile, language: str) -> tuple[str, ...]:
        verb = FUNCTION_MARKS[language][mark.name.removesuffix("Attribute")]
        if verb:
            return (verb,)
        if mark.name == "AcceptVerbs":
            texts = [self._values.text(argument.node, file) for argument in mark.arguments if not argument.name]
            return tuple(text.upper() for text in texts if text.lower() in VERBS)
        given = mark.named("method", "methods")
        if given is None:
            return ()
        found = [
            last_name(text_of(item)).removeprefix("METHOD_") or self._values.text(item, file) for item in items(given)
        ]
        found = [
            text if text.lower() in VERBS else self._values.text(item, file)
            for text, item in zip(found, items(given), strict=True)
        ]
        return tuple(text.upper() for text in found if text.lower() in VERBS)

    def _template(self, base: str, path: str, kind: str, target: Node, language: str) -> str:
        if language == "csharp":
            if path.startswith(("/", "~/")):
                base, path = "", path.removeprefix("~")
            controller = re.sub(r"Controller(?:V\d+)?$", "", kind)
            names = {
                "controller": controller,
                "action": definition_name(target).removesuffix("Async"),
                "area": "{area}",
            }
            base, path = (re.sub(r"\[(\w+)\]", lambda f: names.get(f[1].lower(), f[0]), part) for part in (base, path))
        return joined(base, path)
