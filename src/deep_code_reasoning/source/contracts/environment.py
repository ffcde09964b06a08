"""What a deployment gives each service: variables of compose files, Kubernetes manifests, `.env` templates, and the
applications' own configuration files; and which folder each service of a compose file is built from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final

from ..roots import SourceFile
from .documents import entries, mapping
from .texts import fill, placeholders, relaxed

_DOTENV: Final = re.compile(r"^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*?)\s*$")
_DOTENV_FILE: Final = re.compile(r"(?:^|/)(?:\.env(?:\.[\w.-]+)?|[\w-]+\.env|env\.(?:example|sample|template|dist))$")
_COMPOSE_FILE: Final = re.compile(r"(?:^|/)(?:docker-)?compose[\w.-]*\.ya?ml$")
_SETTINGS_FILE: Final = re.compile(
    r"(?:^|/)(?:(?:application|bootstrap)[\w-]*\.(?:ya?ml|properties)|appsettings[\w.]*\.json|config/(?:packages/)?[\w-]+\.(?:ya?ml|json)"
    r"|microprofile-config\.properties|config\.(?:ya?ml|json|toml)|values\.ya?ml|launchSettings\.json|local\.settings\.json)$"
)
_MANIFEST: Final = re.compile(
    r"(?m)^\s*kind:\s*(?:Deployment|StatefulSet|DaemonSet|Job|CronJob|ConfigMap|Pod|Rollout)\b"
)


@dataclass(slots=True)
class Deployment:
    """What is configured: variables for all and for a service, folders (`REPO/folder`) of named services, and the keys
    of services' own configuration files."""

    common: dict[str, str] = field(default_factory=dict)
    services: dict[str, dict[str, str]] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)
    settings: dict[str, dict[str, str]] = field(default_factory=dict)
    _of: dict[str, dict[str, str]] = field(default_factory=dict, repr=False)

    def of(self, service: str) -> Mapping[str, str]:
        """All that a service is given, by `relaxed` names: what a deployment says of it, what it says of all, its own
        configuration."""
        if service not in self._of:
            layers = (self.settings.get(service, {}), self.common, self.services.get(service, {}))
            self._of[service] = {relaxed(name): value for given in layers for name, value in given.items()}
        return self._of[service]


def is_configuration(path: str) -> bool:
    """Whether a file may say what a deployment gives its services."""
    return bool(
        _DOTENV_FILE.search(path)
        or _COMPOSE_FILE.search(path)
        or _SETTINGS_FILE.search(path)
        or path.endswith((".yaml", ".yml"))
    )


def read_deployment(files: list[SourceFile]) -> Deployment:
    """Read all configuration files, templates of variables first: a compose file fills its own from them."""
    found = Deployment()
    for file in files:
        if _DOTENV_FILE.search(file.where.path):
            for name, value in _dotenv(file.text):
                found.common.setdefault(name, value)
    common = {relaxed(name): value for name, value in found.common.items()}
    found.common = {name: fill(value, common) for name, value in found.common.items()}
    for file in files:
        if _COMPOSE_FILE.search(file.where.path):
            _read_compose(file, found)
        elif file.where.path.endswith((".yaml", ".yml")) and _MANIFEST.search(file.text):
            _read_manifest(file, found)
    return found


def settings_of(file: SourceFile) -> dict[str, str]:
    """The keys of an application's own configuration file, written with `.` between their parts."""
    if not _SETTINGS_FILE.search(file.where.path):
        return {}
    if file.where.path.endswith((".properties", ".toml")):
        lines = (
            line.partition("=") for line in file.text.splitlines() if "=" in line and not line.lstrip().startswith("#")
        )
        return {key.strip(): placeholders(value.strip().strip('"')) for key, _, value in lines}
    found = {}
    for entry in entries(file):
        if entry.value:
            value = placeholders(entry.value)
            found[".".join(entry.path)] = value
    return found


def _dotenv(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        match = _DOTENV.match(line)
        if match:
            yield match[1], placeholders(re.sub(r"\s+#.*$", "", match[2]).strip("\"'"))


def _read_compose(file: SourceFile, found: Deployment) -> None:
    base = PurePosixPath(str(file.where)).parent
    common = {relaxed(name): value for name, value in found.common.items()}
    for entry in entries(file):
        if len(entry.path) < 3 or entry.path[0] != "services":
            continue
        service, key, *rest = entry.path[1:]
        value = fill(placeholders(entry.value), common)
        if key == "environment":
            name, _, given = (rest[0], "", value) if rest and not rest[0].isdigit() else value.partition("=")
            if given:
                found.services.setdefault(service, {})[name] = given
        elif key == "build":
            what = rest[0] if rest else "context"
            if what == "dockerfile" and "/" in value:
                found.folders[service] = _joined(base, str(PurePosixPath(value).parent))
            elif what == "context" and value.strip("./"):
                found.folders.setdefault(service, _joined(base, value))


def _read_manifest(file: SourceFile, found: Deployment) -> None:
    for document in mapping(file):
        kind, name = str(document.get("kind", "")), _name(document)
        if kind == "ConfigMap":
            data = document.get("data")
            for key, value in data.items() if isinstance(data, dict) else ():
                found.common.setdefault(str(key), placeholders(str(value)))
            continue
        for variable in _variables(document):
            if isinstance(variable.get("value"), str | int):
                own = found.services.setdefault(name, {})
                own[str(variable.get("name"))] = placeholders(str(variable["value"]))


def _name(document: Mapping[str, object]) -> str:
    metadata = document.get("metadata")
    return str(metadata.get("name", "")) if isinstance(metadata, dict) else ""


def _variables(node: object, depth: int = 0) -> Iterator[Mapping[str, object]]:
    """All entries of `env` lists below a node."""
    if depth > 12:
        return
    if isinstance(node, dict):
        listed = node.get("env")
        for item in listed if isinstance(listed, list) else ():
            if isinstance(item, dict):
                yield item
        for value in node.values():
            yield from _variables(value, depth + 1)
    elif isinstance(node, list):
        for value in node:
            yield from _variables(value, depth + 1)


def _joined(base: PurePosixPath, below: str) -> str:
    parts: list[str] = list(base.parts)
    for part in PurePosixPath(below).parts:
        if part == "..":
            parts = parts[:-1]
        elif part != ".":
            parts.append(part)
    return "/".join(parts)
