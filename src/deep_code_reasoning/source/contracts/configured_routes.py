"""Routes that configuration declares: Symfony's `config/routes.yaml`, Laravel's `bootstrap/app.php`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from ..roots import SourceFile
from .documents import mapping
from .records import PROVIDED, Contract
from .syntax import CodeFile
from .templates import joined
from .texts import HOLE
from .values import Values

_SYMFONY: Final = re.compile(r"(?:^|/)config/routes(?:/[\w./-]+)?\.ya?ml$")
_DOCUMENT: Final = re.compile(r"\.ya?ml$")
_VERB: Final = re.compile(r"[A-Z]{3,7}")


def symfony_routes(documents: Sequence[tuple[SourceFile, str]]) -> Iterator[Contract]:
    """The routes that a file names one by one, behind the prefixes of those that take it in."""
    prefixes = _of_resources(documents)
    for file, service in documents:
        for name, given in _entries(file):
            path = given.get("path")
            if isinstance(path, str) and "controller" in given:
                line = next((n for n, text in enumerate(file.lines, 1) if text.startswith(f"{name}:")), 1)
                for verb in _VERB.findall(str(given.get("methods", ""))) or [""]:
                    where = (file.where.repo, file.where.path, line)
                    template = joined(prefixes.get(str(file.where), ""), path)
                    yield Contract("http", PROVIDED, template, verb, service, *where, handler=str(given["controller"]))


def symfony_prefixes(documents: Sequence[tuple[SourceFile, str]]) -> dict[str, str]:
    """What goes before the routes that attributes declare, a service each."""
    return {
        service: str(given["prefix"])
        for file, service in documents
        for _, given in _entries(file)
        if isinstance(given.get("prefix"), str)
        and not _DOCUMENT.search(str(given.get("resource", "")))
        and given.get("type") in ("attribute", "annotation", None)
    }


def _of_resources(documents: Sequence[tuple[SourceFile, str]]) -> dict[str, str]:
    """The prefixes that files of routes give the files that they take in, by place; a folder up is not followed."""
    return {
        f"{str(file.where).rpartition('/')[0]}/{given['resource']}": str(given.get("prefix", ""))
        for file, _ in documents
        for _, given in _entries(file)
        if _DOCUMENT.search(str(given.get("resource", "")))
    }


def _entries(file: SourceFile) -> Iterator[tuple[str, Mapping[str, object]]]:
    if _SYMFONY.search(file.where.path):
        for document in mapping(file):
            yield from ((str(name), given) for name, given in document.items() if isinstance(given, dict))


class Laravel:
    """What the applications of many files put before the routes of `routes/api.php`."""

    def __init__(self, files: Sequence[CodeFile], values: Values) -> None:
        self._prefixes: dict[str, str] = {}
        self.health: list[tuple[CodeFile, str, int]] = []
        for file in files:
            for call in file.calls if file.language == "php" else ():
                if call.name != "withRouting":
                    continue
                prefix, health = call.named("apiPrefix"), call.named("health")
                if prefix is not None:
                    self._prefixes[file.service] = values.text(prefix, file).replace(HOLE, "")
                if health is not None:
                    self.health.append((file, values.text(health, file), health.start_point.row + 1))

    def api_prefix(self, file: CodeFile) -> str:
        """What goes before the routes of a file: of `routes/api.php` that is `/api`, if nothing else is said."""
        is_api = file.where.path.endswith("routes/api.php")
        return joined(self._prefixes.get(file.service, "api")) if is_api else ""
