"""How each language's instrumentation writes spans: names and attributes, older and newer conventions side by side."""

from __future__ import annotations

from .fleet import Operation, Partner, Query, Service, Store, Topic
from .world import Attributes, Context

NEW = {"java-new", "python-new", "node-new", "dotnet"}


def served(service: Service, operation: Operation, context: Context) -> tuple[str, Attributes]:
    """A server span: name and attributes."""
    if service.protocol == "grpc":
        return _rpc(service, operation, service.name)
    path = operation.route.replace("{id}", str(context.item))
    new = service.style in NEW
    if new:
        name = f"{operation.method} {operation.route}"
        attributes: Attributes = {
            "http.request.method": operation.method,
            "http.route": operation.route,
            "url.path": path,
            "url.scheme": "http",
            "server.address": service.name,
            "network.protocol.version": "1.1",
        }
    else:
        name = {
            "java-old": f"{operation.method} {operation.route}",
            "go": operation.route,
            "python-old": f"{operation.method} {operation.route.replace('{id}', '<id>')}",
            "node-old": f"{operation.method} {operation.route.replace('{id}', ':id')}",
        }[service.style]
        attributes = {"http.method": operation.method, "http.target": path, "http.scheme": "http"}
        if service.style != "go":
            attributes |= {"http.route": operation.route, "net.host.name": service.name}
    if context.tenant and service.style in ("java-new", "go", "node-old"):
        attributes["tenant.id" if service.style == "java-new" else "app.tenant"] = context.tenant
    return name, attributes


def answered(service: Service, status: int) -> Attributes:
    """What a server or a client span has once the answer is there."""
    if service.style in NEW:
        more: Attributes = {"http.response.status_code": status}
        return more | ({"error.type": str(status)} if status >= 500 else {})
    return {"http.status_code": status}


def called(caller: Service, callee: Service, operation: Operation, context: Context) -> tuple[str, Attributes]:
    """A client span for a request to another service."""
    if callee.protocol == "grpc":
        return _rpc(callee, operation, callee.name)
    path = operation.route.replace("{id}", str(context.item))
    return _requested(caller, operation.method, callee.name, 8080, path)


def outside(caller: Service, partner: Partner) -> tuple[str, Attributes]:
    """A client span for a request to a third party."""
    return _requested(caller, "POST", partner.host, 443, partner.path)


def _requested(caller: Service, method: str, host: str, port: int, path: str) -> tuple[str, Attributes]:
    scheme = "https" if port == 443 else "http"
    url = f"{scheme}://{host}{'' if port == 443 else f':{port}'}{path}"
    if caller.style in NEW:
        return method, {
            "http.request.method": method,
            "url.full": url,
            "server.address": host,
            "server.port": port,
        }
    name = {
        "java-old": f"HTTP {method}",
        "go": f"HTTP {method}",
        "python-old": method,
        "node-old": method,
    }[caller.style]
    attributes: Attributes = {"http.method": method, "http.url": url}
    if caller.style == "java-old":
        attributes |= {"net.peer.name": host, "net.peer.port": port}
    if caller.style == "node-old":
        attributes |= {"http.host": f"{host}:{port}", "net.peer.name": host, "http.target": path}
    return name, attributes


def _rpc(callee: Service, operation: Operation, host: str) -> tuple[str, Attributes]:
    package = callee.name.replace("-", "").lower()
    verb = {"GET": "Get", "POST": "Create", "PUT": "Update", "DELETE": "Delete"}[operation.method]
    noun = "".join(part.title() for part in operation.route.strip("/").split("/") if "{" not in part)
    service, method = f"{package}.v1.{package.title()}", f"{verb}{noun}"
    return f"{service}/{method}", {
        "rpc.system": "grpc",
        "rpc.service": service,
        "rpc.method": method,
        "server.address": host,
    }


def rpc_answered(status: int) -> Attributes:
    """The status of a gRPC call."""
    return {"rpc.grpc.status_code": {200: 0, 404: 5, 503: 14, 504: 4, 429: 8}.get(status, 13)}


def queried(caller: Service, step: Query, key: str) -> tuple[str, Attributes]:
    """A client span for a statement against a data store."""
    store = step.store
    if store.system == "redis":
        return _redis(caller, store, step.verb, key)
    if store.system == "mongodb":
        verb = {"SELECT": "find", "INSERT": "insert", "UPDATE": "update", "DELETE": "delete"}[step.verb]
        attributes: Attributes = {"db.system": "mongodb", "db.name": "main", "db.operation": verb}
        attributes |= {"db.mongodb.collection": step.table, "net.peer.name": store.host}
        if caller.style in NEW:
            attributes = {"db.system.name": "mongodb", "db.operation.name": verb, "db.collection.name": step.table}
            attributes["server.address"] = store.host
        return f"mongodb.{verb}" if caller.style == "node-old" else f"{verb} {step.table}", attributes
    statement = sql(step, key if caller.style in ("go", "python-old") and step.verb == "SELECT" else "?")
    if caller.style in NEW:
        return f"{step.verb} {step.table}", {
            "db.system.name": store.system,
            "db.namespace": "main",
            "db.query.text": statement,
            "db.operation.name": step.verb,
            "db.collection.name": step.table,
            "server.address": store.host,
        }
    name = {
        "java-old": f"{step.verb} main.{step.table}",
        "go": "sql.conn.query" if step.verb == "SELECT" else "sql.conn.exec",
        "python-old": step.verb,
        "node-old": f"pg.query:{step.verb} main",
    }[caller.style]
    return name, {
        "db.system": store.system,
        "db.name": "main",
        "db.statement": statement,
        "net.peer.name": store.host,
    }


def sql(step: Query, value: str) -> str:
    """A statement's text."""
    table, column = step.table, step.column
    match step.verb:
        case "INSERT":
            return f"INSERT INTO {table} (id, {column}, created_at) VALUES (?, ?, ?)"
        case "UPDATE":
            return f"UPDATE {table} SET {column} = ?, updated_at = ? WHERE id = ?"
        case "DELETE":
            return f"DELETE FROM {table} WHERE id = ?"
        case "LOCK":
            return f"SELECT * FROM {table} WHERE id = ? FOR UPDATE"
        case _:
            return f"SELECT id, {column}, status FROM {table} WHERE {column} = {value}"


def _redis(caller: Service, store: Store, verb: str, key: str) -> tuple[str, Attributes]:
    words = {"SELECT": f"GET {key}", "INSERT": f"SET {key} ? EX 300", "UPDATE": f"SET {key} ?", "DELETE": f"DEL {key}"}
    text = words.get(verb, f"{verb} {key}")
    operation = text.split()[0]
    if caller.style in NEW:
        return operation, {
            "db.system.name": "redis",
            "db.operation.name": operation,
            "db.query.text": text,
            "server.address": store.host,
        }
    name = {"node-old": f"redis-{operation}", "go": operation.lower()}.get(caller.style, operation)
    return name, {"db.system": "redis", "db.statement": text, "net.peer.name": store.host}


def messaged(service: Service, topic: Topic, verb: str) -> tuple[str, Attributes]:
    """A span of sending (`publish`) or handling (`process`) a message."""
    if service.style in NEW:
        kind = {"publish": "send", "process": "process"}[verb]
        return f"{kind} {topic.name}", {
            "messaging.system": topic.system,
            "messaging.destination.name": topic.name,
            "messaging.operation.type": kind,
            "messaging.operation.name": kind,
        } | ({"messaging.consumer.group.name": topic.group} if verb == "process" else {})
    word = "send" if service.style == "java-old" and verb == "publish" else verb
    attributes: Attributes = {"messaging.system": topic.system, "messaging.destination": topic.name}
    attributes |= {"messaging.destination_kind": "topic"}
    if verb == "process":
        attributes |= {"messaging.operation": "process", "messaging.kafka.consumer_group": topic.group}
    return f"{topic.name} {word}", attributes
