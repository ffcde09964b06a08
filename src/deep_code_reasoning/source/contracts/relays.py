"""Queues and subscriptions that are given what is sent to a topic, as Terraform, CloudFormation and Spring declare it.

Whoever receives from such a queue receives what is sent to the topic, though its code never names that.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Final

from ..roots import SourceFile
from .documents import entries
from .nodes import last_name, text_of, unwrapped
from .records import CONSUMED, RELAY, Contract
from .scopes import returned
from .syntax import CodeFile
from .texts import HOLE
from .values import Values

if TYPE_CHECKING:
    from tree_sitter import Node

_RESOURCE: Final = re.compile(r'(?m)^resource\s+"(\w+)"\s+"([\w-]+)"\s*\{')
_ATTRIBUTE: Final = re.compile(r"(?m)^[^\S\n]+(\w+)[^\S\n]*=[^\S\n]*(\S(?:.*\S)?)")
_REFERENCE: Final = re.compile(r"\b((?:aws|google)_\w+)\.([\w-]+)\.(?:arn|id|name|url)\b")
_LITERAL: Final = re.compile(r'^"([^"${}]+)"$')
# Terraform: what says to which topic something subscribes, and what is given its messages ('' for itself).
_SUBSCRIBING: Final = {
    "aws_sns_topic_subscription": ("topic_arn", "endpoint"),
    "google_pubsub_subscription": ("topic", ""),
}
_CLOUD: Final = "AWS::SNS::Subscription"


def declared_relays(documents: Sequence[tuple[SourceFile, str]]) -> Iterator[Contract]:
    """Those of Terraform and CloudFormation: queues and subscriptions, each with its topic as `host`."""
    for file, service in documents:
        if file.where.path.endswith(".tf"):
            found = _of_terraform(file.text)
        elif _CLOUD in file.text:
            found = _of_template(file)
        else:
            continue
        for queue, topic, line in found:
            yield Contract(RELAY, CONSUMED, queue, "", service, file.where.repo, file.where.path, line, host=topic)


def bound_relays(files: Sequence[CodeFile], values: Values) -> Iterator[Contract]:
    """Spring's `BindingBuilder.bind(queue).to(exchange)`."""
    for file in files:
        for call in file.calls if "BindingBuilder" in file.text else ():
            bound = file.by_node.get(call.receiver_node.id) if call.name == "to" and call.receiver_node else None
            if bound is None or bound.name != "bind" or not bound.arguments or not call.arguments:
                continue
            queue, topic = (_declared(each.arguments[0].node, file, values) for each in (bound, call))
            if queue and topic:
                where = (file.service, file.where.repo, file.where.path, call.line)
                yield Contract(RELAY, CONSUMED, queue, "", *where, host=topic)


def relayed(contracts: Iterable[Contract]) -> list[Contract]:
    """Contracts, with who receives from a queue also among those who receive from its topic."""
    topics: dict[str, set[str]] = defaultdict(set)
    agreed = []
    for contract in contracts:
        if contract.kind == RELAY:
            topics[contract.name].add(contract.host)
        else:
            agreed.append(contract)
    more = {
        replace(each, name=topic, method="")
        for each in agreed
        if each.kind == "topic" and each.side == CONSUMED
        for topic in topics.get(each.name, ())
    }
    return sorted({*agreed, *more})


def _of_terraform(text: str) -> Iterator[tuple[str, str, int]]:
    heads = list(_RESOURCE.finditer(text))
    ends = [*(head.start() for head in heads), len(text)][1:]
    breaks = accumulate(text.count("\n", *gap) for gap in pairwise([0, *(head.start() for head in heads)]))
    blocks = [
        (head[1], head[2], dict(_ATTRIBUTE.findall(text, head.end(), end)), before + 1)
        for head, end, before in zip(heads, ends, breaks, strict=True)
    ]
    names = {
        (kind, label): found[1]
        for kind, label, given, _ in blocks
        if (found := _LITERAL.match(given.get("name", ""))) is not None
    }
    for kind, label, given, line in blocks:
        if kind in _SUBSCRIBING:
            topic, queue = (_resource(given.get(key, ""), names) for key in _SUBSCRIBING[kind])
            queue = queue or names.get((kind, label), "")
            if topic and queue:
                yield queue, topic, line


def _resource(value: str, names: Mapping[tuple[str, str], str]) -> str:
    """The name of what a value refers to, or of its address."""
    meant = _REFERENCE.search(value)
    if meant is not None:
        return names.get((meant[1], meant[2]), "")
    literal = _LITERAL.match(value)
    return re.split(r"[:/]", literal[1])[-1] if literal is not None else ""


def _of_template(file: SourceFile) -> Iterator[tuple[str, str, int]]:
    """CloudFormation, in a template or among the resources of a serverless framework."""
    given: dict[str, dict[str, tuple[str, int]]] = defaultdict(dict)
    for entry in entries(file):
        if "Resources" in entry.path and entry.value:
            at = entry.path.index("Resources")
            if len(entry.path) > at + 2:
                key = "/".join(entry.path[at + 2 :]).removeprefix("Properties/").removesuffix("/Fn::GetAtt/0")
                given[entry.path[at + 1]].setdefault(key.removesuffix("/Ref"), (entry.value, entry.line))

    def named(value: str) -> str:
        name = re.split(r"[:/]", value)[-1].removesuffix(".Arn")
        own = given.get(name, {})
        return (own.get("QueueName") or own.get("TopicName") or (name, 0))[0]

    for resource in given.values():
        if resource.get("Type", ("", 0))[0] == _CLOUD and "TopicArn" in resource and "Endpoint" in resource:
            yield named(resource["Endpoint"][0]), named(resource["TopicArn"][0]), resource["Type"][1]


def _declared(node: Node, file: CodeFile, values: Values) -> str:
    """The name of the queue or exchange that a function makes for the container, by its name or by a call of it."""
    maker = values.names.function_named(last_name(text_of(unwrapped(node)).removesuffix("()")), file)
    given = returned(maker.node, maker.file.language)[:1] if maker is not None else []
    while maker is not None and given:
        made = maker.file.by_node.get(unwrapped(given.pop()).id)
        text = values.text(made.positional(0), maker.file) if made is not None else HOLE
        if text and HOLE not in text:
            return text
        given += [made.receiver_node] if made is not None and made.receiver_node is not None else []
    return ""
