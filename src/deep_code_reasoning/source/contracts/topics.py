"""Topics, queues and streams: who sends to them and who receives, their names through constants and configuration."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from .calls import Call, items
from .environment import Deployment
from .grammars import CLASS_TYPES, LISTS
from .nodes import definition_name, enclosing, fields, last_name, text_of, unwrapped
from .records import CONSUMED, PROVIDED, Contract
from .scopes import Term, declared_type
from .syntax import CodeFile
from .texts import HOLE, fill, relaxed, variables
from .topic_tables import MENTIONS, NAMED, ROLE, TopicCall, rows_of
from .values import Values

if TYPE_CHECKING:
    from tree_sitter import Node


_EXCHANGES: Final = frozenset({"topic", "fanout", "direct", "headers", "exchange", "declare_exchange"})
# What stands between an application and any system.
_BINDERS: Final = frozenset({"stream", "camel"})
_BINDING: Final = re.compile(r"spring\.cloud\.stream\.bindings\.[\w-]+-(in|out)-\d+\.destination")
_TASK_MARKS: Final = frozenset({"task", "shared_task"})
_ACTOR: Final = "actor"
# What says which queue a class works off, and what gives it something to do.
_WORKED_OFF: Final = frozenset({"sidekiq_options", "shoryuken_options"})
_TELLING: Final = frozenset("send send_with_options perform_async perform_in perform_at perform_bulk".split())
# What makes a message of a task of Celery, to be sent in a chain or at once.
_SIGNING: Final = frozenset({"delay", "apply_async", "s", "si", "signature"})
_TOPIC: Final = re.compile(r"^[\w.\-/:{}$*>#+]{2,200}$")
# Addresses of queues and topics: of MassTransit, of Camel's components.
_ADDRESS: Final = re.compile(r"^(?:queue|exchange|topic):(?!//)")
_CAMEL: Final = re.compile(
    r"^(?:kafka|jms|activemq|amqp|rabbitmq|spring-rabbitmq|aws2-sqs|nats|paho|pulsar):(?:queue:|topic:)?([^?]+)"
)
# Calls of these names are so common that what they are called on has to say more.
_PLAIN: Final = frozenset(
    {
        "send",
        "publish",
        "subscribe",
        "consume",
        "request",
        "emit",
        "to",
        "Publish",
        "Subscribe",
        "Message",
        "Record",
        "Queue",
    }
)
_OTHERS: Final = re.compile(
    r"(?i)(?:^|[._$])(?:res|response|reply|ws|socket|http|axios|email|mailer?|window|emitter|store|observable|logger|fetch|api)\d*(?:\(\))?$"
)


class Topics:
    """The topics of many files."""

    def __init__(self, files: Sequence[CodeFile], values: Values, deployment: Deployment) -> None:
        self._files = files
        self._values = values
        self._deployment = deployment
        self._words: dict[int, frozenset[str]] = {}
        mentioned: dict[str, set[str]] = {}
        for file in files:
            words = {word for word in MENTIONS if word in file.lower}
            self._words[id(file)] = frozenset(words)
            mentioned.setdefault(file.service, set()).update(words)
        self._mentioned = mentioned

    def contracts(self) -> Iterator[Contract]:
        """Who sends (`provided`) and who receives (`consumed`) what."""
        tasks, workers = dict(self._tasks()), dict(self._workers())
        for file in self._files:
            rows = rows_of(self._words[id(file)])
            for call in file.calls:
                yield from self._of_call(call, file, rows or self._rows_of_receiver(call, file))
            for mark in file.marks if rows else ():
                yield from self._of_call(mark.call, file, rows, "@" + mark.call.name)
            for name, (where, line) in tasks.items():
                if where is file:
                    yield _contract(file, "celery", name, False, line)
            yield from self._channels(file)
            if tasks:
                yield from self._delayed(file, tasks)
            yield from self._told(file, workers)
        yield from self._bindings()

    def _rows_of_receiver(self, call: Call, file: CodeFile) -> list[TopicCall]:
        """What may send and receive where a client of another file of the service is used."""
        if call.name not in NAMED or not ROLE.search(call.receiver):
            return []
        held = self._values.names.settled(Term(call.receiver_node, file)) if call.receiver_node is not None else None
        if held is not None and held.file is not file:
            return rows_of(self._words[id(held.file)])
        return rows_of(self._mentioned.get(file.service, ()))

    def _of_call(self, call: Call, file: CodeFile, rows: Sequence[TopicCall], mark: str = "") -> Iterator[Contract]:
        for row in _of_type(rows, call, file):
            if not (row.name.match(call.name) or row.name.match(mark)) or (
                call.name in _PLAIN and _OTHERS.search(call.receiver)
            ):
                continue
            names = [known for name in self._named(call, row, file) if (known := self._configured(name, row, file))]
            sends = row.sends or (row.name.match("Topic") is not None and _in_client(call))
            for name in names:
                yield _contract(file, "" if row.system in _BINDERS else row.system, name, sends, call.line)
            if names:
                return

    def _configured(self, name: str, row: TopicCall, file: CodeFile) -> str:
        """The name of what an address or a binding leads to; '' where it is no topic."""
        if row.system == "camel":
            found = _CAMEL.match(name)
            return found[1] if found is not None else ""
        if row.system == "stream":
            key = relaxed(f"spring.cloud.stream.bindings.{name}.destination")
            return self._deployment.of(file.service).get(key, name)
        return _ADDRESS.sub("", name)

    def _named(self, call: Call, row: TopicCall, file: CodeFile) -> list[str]:
        """The names that a call names; where only those who call its function know them, what they say."""
        found = self._names(call, row, Term(call.node, file))
        if not found:
            frames = self._values.names.runs.frames(call.node, file, call.words)
            found = [name for frame in frames for name in self._names(call, row, Term(call.node, file, frame))]
        return [name for name in dict.fromkeys(found) if _TOPIC.match(name) or _CAMEL.match(name)]

    def _names(self, call: Call, row: TopicCall, at: Term) -> list[str]:
        file = at.file
        for place in row.places:
            if place == "*":
                nodes = [argument.node for argument in call.arguments if not argument.name]
            elif isinstance(place, int):
                nodes = [node] if (node := call.positional(place)) is not None else []
            elif place.startswith("@"):  # what it is called on was made with the name
                nodes = self._made_with(call, place[1:], file)
            elif place.startswith("**"):  # at whatever depth of what is given
                nodes = [node for argument in call.arguments for node in _inside(argument.node, place[2:])]
            elif "+" in place:
                found = self._routed(call, place, at)
                if found:
                    return [found]
                continue
            else:
                nodes = self._fields_named(call, place)
            names = [
                name
                for node in nodes
                for value in self._values.texts(node, file, at.frame)
                if (name := self._name(value, file))
            ]
            if names:
                return names
        return []

    def _made_with(self, call: Call, name: str, file: CodeFile) -> list[Node]:
        if call.receiver_node is None:
            return []
        held = self._values.names.settled(Term(call.receiver_node, file))
        made = held.file.by_node.get(unwrapped(held.node).id)
        if made is None or held.file is not file:
            return []
        if name == "exchange":  # channel.topic("orders").publish(...), declare_exchange("orders")
            given = made.positional(0) if made.name in _EXCHANGES else None
            return [given] if given is not None else []
        found = made.positional(int(name)) if name.isdigit() else made.named(name)
        return [found] if found is not None else []

    def _fields_named(self, call: Call, name: str) -> list[Node]:
        found = call.named(name)
        if found is not None and name == "streams":  # redis: { name: from }
            return list(_keys(found))
        return [found] if found is not None else []

    def _routed(self, call: Call, places: str, at: Term) -> str:
        """RabbitMQ: the exchange, or for the default exchange the routing key, which is the queue's name."""
        values = []
        for place in places.split("+"):
            node = call.positional(int(place)) if place.isdigit() else call.named(place)
            values.append(self._name(self._values.text(node, at.file, at.frame), at.file) if node is not None else "")
        if call.name.startswith("convert") and len(call.arguments) < 3:
            return values[0]
        return next((value for value in values if value and value not in ("''", '""')), "")

    def _name(self, value: str, file: CodeFile) -> str:
        name = fill(value, self._deployment.of(file.service))
        if HOLE in name:
            named = variables(value)
            name = f"${{{named[0]}}}" if named and not value.strip(HOLE).startswith("/") else ""
        if name.startswith(("arn:", "http")):  # a queue's address ends with its name
            name = re.split(r"[:/]", name.rstrip("/"))[-1]
        return name.strip()

    def _tasks(self) -> Iterator[tuple[str, tuple[CodeFile, int]]]:
        for file in self._files:
            if "celery" not in file.lower:
                continue
            for mark in file.marks:
                if mark.call.name in _TASK_MARKS and mark.target is not None:
                    given = mark.call.named("name")
                    module = _module_of(file)
                    name = (
                        self._values.text(given, file)
                        if given is not None
                        else f"{module}.{definition_name(mark.target)}"
                    )
                    yield name, (file, mark.call.line)

    def _delayed(self, file: CodeFile, tasks: Mapping[str, object]) -> Iterator[Contract]:
        by_function: dict[str, list[str]] = {}
        for task in tasks:
            by_function.setdefault(task.rpartition(".")[2], []).append(task)
        for call in file.calls:
            if call.name in _SIGNING and call.receiver:
                for name in by_function.get(call.receiver.rpartition(".")[2], ()):
                    yield _contract(file, "celery", name, True, call.line)

    def _workers(self) -> Iterator[tuple[str, str]]:
        """What works off a queue, with its name: actors of Dramatiq, workers of Sidekiq and Shoryuken."""
        for file in self._files:
            for mark in file.marks if "dramatiq" in file.lower else ():
                queue = mark.call.named("queue_name") if mark.call.name == _ACTOR else None
                if queue is not None and mark.target is not None:
                    yield definition_name(mark.target), self._values.text(queue, file)
            for call in file.calls if file.language == "ruby" else ():
                if call.name in _WORKED_OFF and not call.receiver:
                    queue = call.named("queue")
                    name = self._name(self._values.text(queue, file), file) if queue is not None else ""
                    if name:
                        yield definition_name(enclosing(call.node, CLASS_TYPES)), name

    def _told(self, file: CodeFile, workers: Mapping[str, str]) -> Iterator[Contract]:
        for call in file.calls if workers else ():
            if call.name in _TELLING:
                queue = workers.get(re.split(r"\.|::", re.sub(r"\.set\(.*", "", call.receiver))[-1])
                if queue:
                    yield _contract(file, "" if file.language == "ruby" else "dramatiq", queue, True, call.line)

    def _bindings(self) -> Iterator[Contract]:
        """Spring Cloud Stream: channels of functions that the configuration binds to topics."""
        first: dict[str, CodeFile] = {}
        for file in self._files:
            first.setdefault(file.service, file)
        for service, given in self._deployment.settings.items():
            for key, value in given.items():
                found = _BINDING.fullmatch(key)
                if found and service in first and (name := self._name(value, first[service])):
                    yield _contract(first[service], "", name, found[1] == "out", 1)

    def _channels(self, file: CodeFile) -> Iterator[Contract]:
        """Reactive Messaging: channels that the configuration leads to topics."""
        if "reactive.messaging" not in file.text:
            return
        given = self._deployment.of(file.service)
        for mark in file.marks:
            if mark.call.name in ("Incoming", "Outgoing", "Channel") and mark.call.arguments:
                channel = self._values.text(mark.call.positional(0), file)
                sends = mark.call.name != "Incoming"
                way = "outgoing" if sends else "incoming"
                topic = given.get(relaxed(f"mp.messaging.{way}.{channel}.topic"), channel)
                yield _contract(file, "kafka", topic, sends, mark.call.line)


def _of_type(rows: Sequence[TopicCall], call: Call, file: CodeFile) -> Sequence[TopicCall]:
    """Those of the library first that the type names which a call's receiver is declared with."""
    kind = declared_type(last_name(call.receiver), call.node, file).lower() if rows and call.receiver else ""
    return sorted(rows, key=lambda row: not any(word in kind for word in row.mentions)) if kind else rows


def _in_client(call: Call) -> bool:
    """Micronaut: whether the topics of an interface are what it sends to."""
    around = enclosing(call.node, CLASS_TYPES)
    return "@KafkaClient" in text_of(around).partition("{")[0]


def _module_of(file: CodeFile) -> str:
    """The dotted name of a file's module, below the folder of its service."""
    parts = re.sub(r"^src/", "", file.where.path.rpartition(".")[0]).split("/")
    return ".".join(parts[1:] if parts[0] == file.service and len(parts) > 2 else parts)


def _inside(node: Node, key: str) -> Iterator[Node]:
    """The values of a key in lists and objects of lists and objects."""
    waiting = [node]
    while waiting:
        held = waiting.pop()
        for name, value in fields(held):
            if name == key:
                yield value
            else:
                waiting.append(value)
        if unwrapped(held).type in LISTS:
            waiting += (each for each in items(held) if each.id != held.id)


def _keys(node: Node) -> Iterator[Node]:
    for child in node.named_children:
        if child.type in ("pair", "string"):
            yield child.named_children[0] if child.type == "pair" else child


def _contract(file: CodeFile, system: str, name: str, sends: bool, line: int) -> Contract:
    side = PROVIDED if sends else CONSUMED
    return Contract("topic", side, name, system, file.service, file.where.repo, file.where.path, line)
