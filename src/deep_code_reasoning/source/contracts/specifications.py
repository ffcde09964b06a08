"""Contracts that are written down: OpenAPI, AsyncAPI and GraphQL files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from ..roots import SourceFile
from .documents import Entry, entries
from .frameworks import VERBS
from .records import CONSUMED, PROVIDED, Contract
from .syntax import CodeFile
from .templates import joined, split_address

_OPENAPI: Final = re.compile(r"(?m)^\s*[\"']?(?:openapi|swagger)[\"']?\s*:\s*[\"']?[123]")
_ASYNCAPI: Final = re.compile(r"(?m)^\s*[\"']?asyncapi[\"']?\s*:\s*[\"']?[23]")
_ROOT_TYPE: Final = re.compile(r"(?m)^\s*(?:extend\s+)?type\s+(Query|Mutation|Subscription)\b[^{]*\{")
_FIELD: Final = re.compile(r"(?m)^\s*(\w+)\s*(?:\([^)]*\))?\s*:")
_OPERATION: Final = re.compile(r"\b(query|mutation|subscription)\b\s*\w*\s*(?:\([^)]*\))?\s*\{\s*(?:\w+\s*:\s*)?(\w+)")
_EMBEDDED: Final = re.compile(r"\b(?:gql|graphql)\s*(?:\(\s*)?[`\"']{1,3}(.+?)[`\"']{1,3}", re.DOTALL)


def is_specification(text: str) -> bool:
    """Whether a document says that it is OpenAPI or AsyncAPI."""
    return _OPENAPI.search(text) is not None or _ASYNCAPI.search(text) is not None


def specified_contracts(code: Sequence[CodeFile], documents: Sequence[tuple[SourceFile, str]]) -> Iterator[Contract]:
    """What the files of a repository say in so many words; the service is that of the folder they lie in."""
    for file, service in documents:
        if file.where.path.endswith((".graphql", ".gql")):
            yield from _graphql(file.text, service, file.where.repo, file.where.path, 0)
        elif file.where.path.endswith((".json", ".yaml", ".yml")):
            if _OPENAPI.search(file.text):
                yield from _openapi(file, service)
            elif _ASYNCAPI.search(file.text):
                yield from _asyncapi(file, service)
    for parsed in code:
        for found in _EMBEDDED.finditer(parsed.text):
            before = parsed.text.count("\n", 0, found.start(1))
            yield from _graphql(found[1], parsed.service, parsed.where.repo, parsed.where.path, before)


def _openapi(file: SourceFile, service: str) -> Iterator[Contract]:
    scalars = entries(file)
    base = _base(scalars)
    named: dict[tuple[str, str], Entry] = {}
    handlers: dict[tuple[str, str], str] = {}
    for entry in scalars:
        if len(entry.path) > 2 and entry.path[0] == "paths" and entry.path[2].lower() in VERBS:
            key = (entry.path[1], entry.path[2].upper())
            named.setdefault(key, entry)
            if entry.path[3:] == ("operationId",):
                handlers[key] = entry.value
    for (path, verb), entry in named.items():
        yield Contract(
            "http", PROVIDED, joined(base, path), verb, service, file.where.repo, file.where.path, entry.line,
            handler=handlers.get((path, verb), ""),
        )  # fmt: skip


def _base(scalars: Sequence[Entry]) -> str:
    for entry in scalars:
        if entry.path == ("basePath",):
            return entry.value
        if entry.path == ("servers", "0", "url"):
            address = split_address(entry.value)
            return address[1] if address is not None else ""
    return ""


def _asyncapi(file: SourceFile, service: str) -> Iterator[Contract]:
    """Version 2 says what others may do on a channel, version 3 what the application does."""
    scalars = entries(file)
    addresses = {e.path[1]: e.value for e in scalars if e.path[:1] == ("channels",) and e.path[2:] == ("address",)}
    operations: dict[str, dict[str, Entry]] = {}
    seen: set[tuple[str, str]] = set()
    for entry in scalars:
        path = entry.path
        if (
            path[:1] == ("channels",)
            and len(path) > 2
            and path[2] in ("publish", "subscribe")
            and (path[1], path[2]) not in seen
        ):
            seen.add((path[1], path[2]))
            side = CONSUMED if path[2] == "publish" else PROVIDED
            yield Contract("topic", side, path[1], "", service, file.where.repo, file.where.path, entry.line)
        elif path[:1] == ("operations",) and len(path) > 2:
            operations.setdefault(path[1], {})["/".join(path[2:])] = entry
    for operation in operations.values():
        action, channel = operation.get("action"), operation.get("channel/$ref")
        if action is not None and channel is not None:
            name = channel.value.rpartition("/")[2]
            side = PROVIDED if action.value == "send" else CONSUMED
            yield Contract(
                "topic", side, addresses.get(name, name), "", service, file.where.repo, file.where.path, action.line
            )


def _graphql(text: str, service: str, repo: str, path: str, before: int) -> Iterator[Contract]:
    for root in _ROOT_TYPE.finditer(text):
        end = text.find("}", root.end())
        body = text[root.end() : end if end >= 0 else len(text)]
        for field in _FIELD.finditer(body):
            line = before + text.count("\n", 0, root.end() + field.start(1)) + 1
            yield Contract("graphql", PROVIDED, f"{root[1]}.{field[1]}", "", service, repo, path, line)
    for operation in _OPERATION.finditer(text):
        line = before + text.count("\n", 0, operation.start()) + 1
        yield Contract(
            "graphql", CONSUMED, f"{operation[1].capitalize()}.{operation[2]}", "", service, repo, path, line
        )
