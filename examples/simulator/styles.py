"""Three ways to instrument the same system: current conventions, older ones, and as little as possible.

A style turns what a call site is (a query, a request to another service, a message) into a span's name, kind and
attributes. The texts are made once for each call site; only what differs from call to call is added later.
Conventions: https://opentelemetry.io/docs/specs/semconv/ (current), and 1.20 and before (older).
"""

from __future__ import annotations

import re
from functools import cache
from itertools import count
from typing import NamedTuple

from .otlp import CLIENT, CONSUMER, INTERNAL, PRODUCER, SERVER, Value, attributes

Attributes = dict[str, Value | None]

_LITERAL = re.compile(r"'[^']*'|\b\d+\b")
_SYSTEMS = {"postgresql": 5432, "mysql": 3306, "redis": 6379, "etcd": 2379, "zookeeper": 2181}


class Site(NamedTuple):
    """What all spans of a call site share."""

    name: str
    kind: int
    fragment: str


def _port(target: str) -> int:
    """Services of our own listen on 8080, hosts outside on 443."""
    return 443 if "." in target else 8080


def sanitised(statement: str) -> str:
    """A statement as sanitisers leave it: literals are gone."""
    return _LITERAL.sub("?", statement)


def camel(text: str) -> str:
    """`order_line` as `OrderLine`."""
    return "".join(word.title() for word in re.split(r"[_\W]+", text))


class Current:
    """Current semantic conventions with rich attributes: literals in commands, `code.*`, pods and nodes."""

    name = "current"
    kinds = True
    links = True

    @cache  # noqa: B019 - one style lives as long as the run
    def server(self, method: str, route: str, status: int, host: str) -> Site:
        """A request that is served."""
        told: Attributes = {
            "http.request.method": method,
            "http.route": route,
            "url.scheme": "http",
            "network.protocol.version": "1.1",
            "server.address": host,
            "server.port": 8080,
            "user_agent.original": "okhttp/4.12.0",
            "http.response.status_code": status,
        }
        error: Attributes = {"error.type": str(status)} if status >= 500 else {}
        return Site(f"{method} {route}", SERVER, attributes({**told, **error}))

    def path(self, path: str) -> str:
        """The part of a server's or client's attributes that differs from call to call."""
        return attributes({"url.path": path})

    @cache  # noqa: B019
    def client(self, target: str, method: str, route: str, status: int, resend: int) -> Site:
        """A request to another service."""
        told: Attributes = {
            "http.request.method": method,
            "server.address": target,
            "server.port": _port(target),
            "network.protocol.version": "1.1",
            "http.response.status_code": status or None,
            "http.request.resend_count": resend or None,
            "url.template": route,
            "error.type": None if 0 < status < 400 else str(status) if status else "timeout",
        }
        return Site(f"{method} {route}", CLIENT, attributes(told))

    @cache  # noqa: B019
    def rpc(self, target: str, service: str, method: str, status: int, server: bool) -> Site:
        """A gRPC call, from either side."""
        code = {0: "DEADLINE_EXCEEDED", 200: "OK", 503: "UNAVAILABLE", 404: "NOT_FOUND", 409: "ABORTED"}.get(
            status, "INTERNAL"
        )
        told: Attributes = {
            "rpc.system.name": "grpc",
            "rpc.method": f"{service}/{method}",
            "rpc.response.status_code": code,
            "server.address": target,
            "server.port": 9090,
            "error.type": None if code == "OK" else code,
        }
        return Site(f"{service}/{method}", SERVER if server else CLIENT, attributes(told))

    @cache  # noqa: B019
    def query(self, system: str, host: str, database: str, verb: str, table: str, repository: str) -> Site:
        """A statement; its text is added by `statement`."""
        told: Attributes = {
            "db.system.name": system,
            "db.namespace": database or None,
            "db.operation.name": verb,
            "db.collection.name": table or None,
            "server.address": host,
            "server.port": _SYSTEMS[system],
        }
        return Site(f"{verb} {table}" if table else verb, CLIENT, attributes(told))

    def statement(self, system: str, text: str) -> str:
        """The statement of a query span. Parameterised queries are shown with their placeholders, commands whole."""
        if system == "postgresql":
            number = count(1)
            return attributes({"db.query.text": _LITERAL.sub(lambda _: f"${next(number)}", text)})
        if system == "mysql":
            return attributes({"db.query.text": sanitised(text)})
        return attributes({"db.query.text": text})

    def parameters(self, text: str) -> str:
        """What the application itself notes of its parameters."""
        found = _LITERAL.findall(text)
        return attributes(
            {f"db.query.parameter.{place}": literal.strip("'") for place, literal in enumerate(found[:3])}
        )

    @cache  # noqa: B019
    def message(self, system: str, topic: str, broker: str, publish: bool) -> Site:
        """A message that is sent or processed."""
        told: Attributes = {
            "messaging.system": system,
            "messaging.destination.name": topic,
            "server.address": broker,
            "messaging.operation.name": "send" if publish else "process",
            "messaging.operation.type": "send" if publish else "process",
            "messaging.consumer.group.name": None if publish else "main",
        }
        return Site(f"{'send' if publish else 'process'} {topic}", PRODUCER if publish else CONSUMER, attributes(told))

    def message_id(self, number: str, redelivered: bool) -> str:
        """What tells one message from another."""
        return attributes({"messaging.message.id": number, "messaging.redelivered": redelivered or None})

    def message_key(self, key: str) -> str:
        """By what a message is kept in order with others."""
        return attributes({"messaging.kafka.message.key": key})

    @cache  # noqa: B019
    def inner(self, module: str, function: str) -> Site:
        """A function of the service's own."""
        return Site(function, INTERNAL, attributes({"code.function.name": f"{module}.{function}"}))

    def lock(self, function: str, key: str, owner: str, ttl_ms: int) -> Site:
        """The span that the application puts around its use of a lock."""
        told: Attributes = {"lock.key": key, "lock.owner": owner, "lock.ttl_ms": ttl_ms}
        return Site(f"lock.{function}", INTERNAL, attributes(told))

    def business(self, key: str, value: Value) -> str:
        """An attribute of the application's own."""
        return attributes({f"app.{key}": value})

    def resource(self, who: dict[str, str]) -> str:
        """The resource of an instance."""
        told: Attributes = {
            "service.name": who["service"],
            "service.version": who["version"],
            "service.namespace": who["namespace"],
            "service.instance.id": who["instance"],
            "host.name": who["host"],
            "host.id": who["host_id"],
            "k8s.pod.name": who["pod"],
            "k8s.node.name": who["host"],
            "deployment.environment.name": "production",
            "telemetry.sdk.name": "opentelemetry",
            "telemetry.sdk.language": who["language"],
            "telemetry.sdk.version": "1.44.0",
            "process.pid": 1,
        }
        return attributes(told)


class Older:
    """The conventions before 2023, as many systems still emit them; statements with their literals."""

    name = "older"
    kinds = True
    links = False

    @cache  # noqa: B019
    def server(self, method: str, route: str, status: int, host: str) -> Site:
        """A request that is served."""
        told: Attributes = {
            "http.method": method,
            "http.route": route,
            "http.scheme": "http",
            "http.flavor": "1.1",
            "net.host.name": host,
            "net.host.port": 8080,
            "http.status_code": status,
        }
        return Site(route, SERVER, attributes(told))

    def path(self, path: str) -> str:
        """The part that differs from call to call."""
        return attributes({"http.target": path})

    @cache  # noqa: B019
    def client(self, target: str, method: str, route: str, status: int, resend: int) -> Site:
        """A request to another service."""
        told: Attributes = {
            "http.method": method,
            "http.url": f"{'https' if _port(target) == 443 else 'http'}://{target}:{_port(target)}{route}",
            "net.peer.name": target,
            "net.peer.port": _port(target),
            "http.status_code": status or None,
        }
        return Site(f"HTTP {method}", CLIENT, attributes(told))

    @cache  # noqa: B019
    def rpc(self, target: str, service: str, method: str, status: int, server: bool) -> Site:
        """A gRPC call, from either side."""
        code = {0: 4, 200: 0, 503: 14, 404: 5, 409: 10}.get(status, 13)
        told: Attributes = {
            "rpc.system": "grpc",
            "rpc.service": service,
            "rpc.method": method,
            "rpc.grpc.status_code": code,
            "net.peer.name": None if server else target,
        }
        return Site(f"{service}/{method}", SERVER if server else CLIENT, attributes(told))

    @cache  # noqa: B019
    def query(self, system: str, host: str, database: str, verb: str, table: str, repository: str) -> Site:
        """A statement; its text is added by `statement`."""
        told: Attributes = {
            "db.system": system,
            "db.name": database or None,
            "db.operation": verb,
            "db.sql.table": table or None,
            "net.peer.name": host,
            "net.peer.port": _SYSTEMS[system],
            "db.user": "app" if table else None,
        }
        return Site(f"{verb} {database}.{table}" if table else verb, CLIENT, attributes(told))

    def statement(self, system: str, text: str) -> str:
        """The statement of a query span, literals and all."""
        return attributes({"db.statement": text})

    def parameters(self, text: str) -> str:
        """Nothing: the statement has them."""
        return ""

    @cache  # noqa: B019
    def message(self, system: str, topic: str, broker: str, publish: bool) -> Site:
        """A message that is sent or processed."""
        told: Attributes = {
            "messaging.system": system,
            "messaging.destination": topic,
            "messaging.destination_kind": "queue",
            "messaging.operation": None if publish else "process",
            "net.peer.name": broker,
        }
        return Site(f"{topic} {'send' if publish else 'process'}", PRODUCER if publish else CONSUMER, attributes(told))

    def message_id(self, number: str, redelivered: bool) -> str:
        """What tells one message from another."""
        return attributes({"messaging.message_id": number})

    def message_key(self, key: str) -> str:
        """By what a message is kept in order with others."""
        return attributes({"messaging.kafka.message_key": key})

    @cache  # noqa: B019
    def inner(self, module: str, function: str) -> Site:
        """A function of the service's own."""
        return Site(
            f"{camel(module)}.{function}", INTERNAL, attributes({"code.namespace": module, "code.function": function})
        )

    def lock(self, function: str, key: str, owner: str, ttl_ms: int) -> Site:
        """The span that the application puts around its use of a lock."""
        told: Attributes = {"resource.name": key, "lease.holder": owner, "lease.duration": f"{ttl_ms}ms"}
        return Site(f"DistributedLock.{function}", INTERNAL, attributes(told))

    def business(self, key: str, value: Value) -> str:
        """An attribute of the application's own."""
        return attributes({key: value})

    def resource(self, who: dict[str, str]) -> str:
        """The resource of an instance."""
        told: Attributes = {
            "service.name": who["service"],
            "service.version": who["version"],
            "host.name": who["host"],
            "service.instance.id": who["instance"],
            "k8s.pod.name": who["pod"],
            "deployment.environment": "prod",
            "telemetry.sdk.name": "opentelemetry",
            "telemetry.sdk.language": who["language"],
            "telemetry.sdk.version": "1.15.0",
        }
        return attributes(told)


class Sparse:
    """Instrumented by hand and with little: own span names, no kinds, sanitised statements."""

    name = "sparse"
    kinds = False
    links = False

    @cache  # noqa: B019
    def server(self, method: str, route: str, status: int, host: str) -> Site:
        """A request that is served."""
        words = [word for word in route.split("/") if word and not word.startswith("{") and word != "api"]
        return Site(f"handle{camel(method.lower())}{camel('_'.join(words))}", 0, attributes({"status": status}))

    def path(self, path: str) -> str:
        """Nothing."""
        return ""

    @cache  # noqa: B019
    def client(self, target: str, method: str, route: str, status: int, resend: int) -> Site:
        """A request to another service."""
        return Site(f"call {target}", 0, attributes({"peer.service": target, "status": status or None}))

    @cache  # noqa: B019
    def rpc(self, target: str, service: str, method: str, status: int, server: bool) -> Site:
        """A gRPC call, from either side."""
        return Site(
            f"{method}" if server else f"call {target}", 0, attributes({"peer.service": None if server else target})
        )

    @cache  # noqa: B019
    def query(self, system: str, host: str, database: str, verb: str, table: str, repository: str) -> Site:
        """A statement; its text is added by `statement`."""
        name = f"{repository}.{verb.lower()}" if table else f"{system} {verb.lower()}"
        return Site(name, 0, attributes({"db": system}))

    def statement(self, system: str, text: str) -> str:
        """The statement as a sanitiser leaves it; of a command, the verb and the key."""
        if system in ("postgresql", "mysql"):
            return attributes({"db.statement": sanitised(text)})
        verb, *rest = text.split(" ")
        keys = [word for word in rest if ":" in word or "/" in word][:1]
        return attributes({"db.statement": " ".join([verb, *keys, *("?" for _ in rest[1:4])])})

    def parameters(self, text: str) -> str:
        """Nothing."""
        return ""

    @cache  # noqa: B019
    def message(self, system: str, topic: str, broker: str, publish: bool) -> Site:
        """A message that is sent or processed."""
        words = camel(topic)
        return Site(f"publish{words}" if publish else f"on{words}", 0, attributes({"queue": topic}))

    def message_id(self, number: str, redelivered: bool) -> str:
        """What tells one message from another."""
        return attributes({"message": number})

    def message_key(self, key: str) -> str:
        """By what a message is kept in order with others."""
        return attributes({"key": key})

    @cache  # noqa: B019
    def inner(self, module: str, function: str) -> Site:
        """A function of the service's own."""
        return Site(function, 0, "")

    def lock(self, function: str, key: str, owner: str, ttl_ms: int) -> Site:
        """The span that the application puts around its use of a lock."""
        return Site(f"{function} lock", 0, attributes({"key": key, "ttl": ttl_ms}))

    def business(self, key: str, value: Value) -> str:
        """An attribute of the application's own."""
        return attributes({key: value})

    def resource(self, who: dict[str, str]) -> str:
        """The resource of an instance."""
        return attributes({"service.name": who["service"], "host.name": who["host"], "k8s.pod.name": who["pod"]})


Style = Current | Older | Sparse
STYLES: dict[str, type[Current] | type[Older] | type[Sparse]] = {of.name: of for of in (Current, Older, Sparse)}
