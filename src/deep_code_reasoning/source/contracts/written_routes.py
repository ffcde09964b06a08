"""Routes that are written down beside the code: functions of serverless frameworks, Play's `conf/routes`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from ..roots import SourceFile
from .documents import Entry, entries
from .frameworks import VERBS
from .records import CONSUMED, PROVIDED, Contract
from .templates import joined

_SERVERLESS: Final = re.compile(r"(?:^|/)serverless[\w.-]*\.ya?ml$")
_SAM: Final = re.compile(r"AWS::Serverless(?:-2016-10-31|::Function)")
_PLAY: Final = re.compile(r"(?:^|/)conf/(?:(\w[\w.-]*)\.)?routes$")
_LINE: Final = re.compile(r"^(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS)\s+(\S+)\s+(\S.*)$")
_TAKEN_IN: Final = re.compile(r"(?m)^->\s+(\S+)\s+(\w[\w.-]*)\.Routes\s*$")
_REQUEST: Final = ("http", "httpApi")
_NAMING: Final = ("arn", "arn/Fn::GetAtt/0", "topicName", "topic", "")
_QUEUES: Final = ("sqs", "sns", "kafka", "msk", "stream", "eventBridge")
# What a resource that is declared beside the functions is called outside.
_RESOURCE_NAMES: Final = frozenset({"QueueName", "TopicName"})


def is_written_route(path: str) -> bool:
    """Whether a file is one of Play's."""
    return _PLAY.search(path) is not None


def written_routes(documents: Sequence[tuple[SourceFile, str]]) -> Iterator[Contract]:
    """The routes, and the queues, that serve functions; the routes of Play's applications."""
    under = {
        found[2]: found[1]
        for file, _ in documents
        for found in _TAKEN_IN.finditer(file.text)
        if is_written_route(file.where.path)
    }
    for file, service in documents:
        if is_written_route(file.where.path):
            yield from _of_play(file, service, under)
        elif _SERVERLESS.search(file.where.path):
            yield from _of_functions(file, service)
        elif file.where.path.endswith((".yaml", ".yml")) and _SAM.search(file.text):
            yield from _of_template(file, service)


def _of_play(file: SourceFile, service: str, under: Mapping[str, str]) -> Iterator[Contract]:
    named = _PLAY.search(file.where.path)
    before = under.get((named[1] if named is not None else "") or "", "")
    for line, text in enumerate(file.lines, 1):
        found = _LINE.match(text)
        if found is not None:
            path = re.sub(r"\$(\w+)<[^>]*>|\*(\w+)", r"{\1\2}", found[2])
            yield _route(file, service, line, found[1], joined(before, path), found[3].partition("(")[0])


def _of_functions(file: SourceFile, service: str) -> Iterator[Contract]:
    """`functions.NAME.events.N.http`: a mapping of `path` and `method`, or both in one text."""
    events: dict[tuple[str, ...], dict[str, Entry]] = {}
    named: dict[str, str] = {}
    for entry in entries(file):
        if entry.path[-2:-1] == ("Properties",) and entry.path[-1] in _RESOURCE_NAMES:
            named[entry.path[-3]] = entry.value
        at = next((place for place, key in enumerate(entry.path) if key in (*_REQUEST, *_QUEUES)), None)
        if at is None or len(entry.path) < 5 or entry.path[0] != "functions" or entry.path[2] != "events":
            continue
        events.setdefault(entry.path[: at + 1], {})["/".join(entry.path[at + 1 :])] = entry
    for where, given in events.items():
        if where[-1] in _REQUEST:
            yield from _served(where, given, file, service)
        else:
            yield from _fed(where, given, file, service, named)


def _served(where: tuple[str, ...], given: Mapping[str, Entry], file: SourceFile, service: str) -> Iterator[Contract]:
    """The route of an event: `{path, method}`, or `GET /x`."""
    whole = given.get("")
    told = whole.value.split() if whole is not None else []
    verb = told[0] if told else given["method"].value if "method" in given else ""
    path = told[-1] if told else given["path"].value if "path" in given else ""
    if path and path != "*":
        yield _route(file, service, next(iter(given.values())).line, verb, joined(path), where[1])


def _fed(
    where: tuple[str, ...], given: Mapping[str, Entry], file: SourceFile, service: str, named: Mapping[str, str]
) -> Iterator[Contract]:
    """The queue or topic of an event, the last part of its address; the types of events that a pattern lets through."""
    told = [given[key] for key in _NAMING if key in given and given[key].value][:1]
    if where[-1] == "eventBridge":
        told = [entry for key, entry in given.items() if key.startswith("pattern/detail-type/")]
    for entry in told:
        name = re.split(r"[:/]", entry.value)[-1].removesuffix(".Arn")
        at = (service, file.where.repo, file.where.path, entry.line)
        yield Contract("topic", CONSUMED, named.get(name, name), where[-1].lower(), *at)


def _of_template(file: SourceFile, service: str) -> Iterator[Contract]:
    """AWS SAM: `Properties.Path` and `Properties.Method` of a function's events."""
    found: dict[tuple[str, ...], dict[str, Entry]] = {}
    for entry in entries(file):
        if entry.path[-2:-1] == ("Properties",) and "Events" in entry.path and entry.path[-1] in ("Path", "Method"):
            found.setdefault(entry.path[:-1], {})[entry.path[-1]] = entry
    for given in found.values():
        if "Path" in given and "Method" in given:
            yield _route(file, service, given["Path"].line, given["Method"].value, joined(given["Path"].value))


def _route(file: SourceFile, service: str, line: int, verb: str, template: str, handler: str = "") -> Contract:
    method = verb.upper() if verb.lower() in VERBS else ""
    return Contract(
        "http", PROVIDED, template, method, service, file.where.repo, file.where.path, line, handler=handler
    )
