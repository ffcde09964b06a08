"""The business: which services there are, where they run, and what each request does."""

from __future__ import annotations

from typing import Any

from .backends import Broker, Cache, Database, LockStore
from .kernel import MS, Pool
from .leases import Locking, leased
from .messaging import publish
from .steps import (
    cached,
    call,
    fail,
    inner,
    partner,
    query,
    repeat,
    run,
    sometimes,
    transaction,
    work,
)
from .system import Failure, Frame, Host, Instance, Service, World
from .words import ROLES

DATABASES = {
    "catalog": "mysql",
    "orders": "postgresql",
    "payments": "postgresql",
    "ledger": "postgresql",
    "users": "postgresql",
    "stock": "mysql",
}
THREADS = 24
CONNECTIONS = 10


def build(world: World) -> Locking:
    """Put up hosts, services, databases and plans; returns how the system locks, for faults to change."""
    chance, words = world.chance, world.words
    instances = 2 if world.rate < 12 else 3
    prefix = chance.choice(("node", "ip-10-2-", "worker-", "vm"))
    for number in range(7 if instances == 2 else 9):
        offset = int(chance.gauss(0, 1.2) * MS)
        if chance.random() < 0.15:
            offset = int(chance.uniform(4, 12) * MS) * chance.choice((-1, 1))  # mild and harmless
        world.hosts.append(Host(f"{prefix}{chance.randint(10, 99)}-{number}", offset, chance.randint(-4000, 4000)))
    for role, system in DATABASES.items():
        name = words.services[role]
        address = f"{name}-db.internal"
        world.databases[role] = Database(world.simulation, system, name.replace("-", "_"), address, 16)
    for role in ("catalog", "users", "basket"):
        world.caches[role] = Cache(world.simulation, f"{words.services[role]}-cache.internal")
    world.broker = Broker(
        world.simulation,
        chance.choice(("rabbitmq", "kafka")),
        "broker.internal",
        (words.topic, f"{words.services['ledger']}.entries"),
    )
    world.consumers.update(dict.fromkeys(("notify", "ledger"), max(1, round(world.rate / 6))))
    place = 0
    for role in ROLES:
        service = world.services[role] = Service(world, role)
        for number in range(instances + (role == "payments")):
            host = world.hosts[place % len(world.hosts)]
            place += 1
            service.instances.append(_instance(world, service, host, number))
    locking = Locking(backend=chance.choice(("redis-pxat", "redis-script", "lease-table")))
    locking.prefix = chance.choice(("lock:", "locks/", "mutex:", "lease:"))
    world.locks = LockStore(world.simulation, chance.choice(("redis-locks", "coordination", "lockstore")) + ".internal")
    _plan(world, locking)
    return locking


def _instance(world: World, service: Service, host: Host, number: int) -> Instance:
    instance = Instance(service, host, world.chance.getrandbits(16) * 16 + number, THREADS)
    if service.role in world.databases:
        instance.connections[service.role] = Pool(world.simulation, CONNECTIONS)
    return instance


def _see(key: str) -> Any:
    def see(frame: Frame, db: Database) -> None:
        frame.request["seen"] = db.row(key.format_map(frame.request))[0]

    return see


def _write_if_unchanged(key: str) -> Any:
    def write(frame: Frame, db: Database) -> None:
        row = db.row(key.format_map(frame.request))
        if row[0] != frame.request["seen"]:
            name, seen = key.format_map(frame.request), frame.request["seen"]
            text = f"balance of {name} was changed by another transaction, expected version {seen}"
            frame.log("ERROR", f"{frame.service.error('conflict')}: {text}")
            raise Failure("conflict", text, 500)
        row[0] += 1

    return write


def _plan(world: World, locking: Locking) -> None:
    w = world.words
    _browse(world)
    _order(world)
    route = {
        "edge.list": ("GET", f"/api/{w.item}s"),
        "edge.show": ("GET", f"/api/{w.item}s/{{item}}"),
        "edge.history": ("GET", f"/api/me/{w.order}s"),
        "edge.basket": ("POST", f"/api/{w.basket}/items"),
        "edge.buy": ("POST", f"/api/{w.order}s"),
        "web.list": ("GET", f"/{w.item}s"),
        "web.show": ("GET", f"/{w.item}s/{{item}}"),
        "web.history": ("GET", f"/{w.order}s"),
        "catalog.list": ("GET", f"/v1/{w.item}s"),
        "catalog.show": ("GET", f"/v1/{w.item}s/{{item}}"),
        "catalog.price": ("GET", f"/v1/{w.item}s/{{item}}/price"),
        "basket.add": ("POST", f"/v1/{w.basket}s/{{user}}/items"),
        "orders.create": ("POST", f"/v2/{w.order}s"),
        "orders.history": ("GET", f"/v2/{w.user}s/{{user}}/{w.order}s"),
        "payments.charge": ("POST", "/charges"),
        "ledger.balance": ("GET", "/balances/{account}"),
        "users.verify": ("POST", "/verify"),
        "users.profile": ("GET", f"/{w.user}s/{{user}}"),
        "stock.reserve": ("POST", "/reserve"),
        "stock.check": ("GET", "/stock/{item}"),
    }
    world.routes.update(route)
    key = f"{w.account}:{{account}}"
    world.plans["payments.settle"] = {
        "read": query(
            "payments",
            "SELECT",
            w.account,
            f"SELECT id, balance, version FROM {w.account} WHERE id = {{account}}",
            then=_see(key),
        ),
        "partner": partner("/v1/authorizations"),
        "compute": work(4),
        "write": query(
            "payments",
            "UPDATE",
            w.account,
            f"UPDATE {w.account} SET balance = balance + {{amount}}, version = version + 1 "
            "WHERE id = {account} AND version = {seen}",
            then=_write_if_unchanged(key),
        ),
    }
    world.plans["payments.charge"] = {
        "validate": work(3),
        "settle": leased(locking, key, run("payments.settle")),
        "record": query(
            "payments",
            "INSERT",
            "payment",
            "INSERT INTO payment (id, order_id, amount) VALUES ('{order}', '{order}', {amount})",
        ),
        "publish": publish(f"{w.services['ledger']}.entries"),
    }
    world.plans["ledger.post"] = {
        "compute": work(5),
        "insert": transaction(
            "ledger",
            query(
                "ledger",
                "INSERT",
                w.entry,
                f"INSERT INTO {w.entry} (account, amount, ref) VALUES ({{account}}, {{amount}}, '{{order}}')",
            ),
            query(
                "ledger",
                "UPDATE",
                "balance",
                "UPDATE balance SET total = total + {amount} WHERE account = {account}",
                row="balance:{account}",
            ),
        ),
    }
    world.plans["ledger.report"] = {  # a chronic slow query, there from the beginning
        "sum": query(
            "ledger",
            "SELECT",
            w.entry,
            f"SELECT account, sum(amount) FROM {w.entry} WHERE created > '2026-01-01' GROUP BY account",
            850,
            spread=0.15,
        ),
    }
    world.plans["notify.deliver"] = {
        "render": inner("templates", "render", work(6)),
        "profile": call("users", "users.profile"),
        "send": partner("/mail/send", 0.3),
    }
    world.mix.update({"list": 0.24, "show": 0.22, "history": 0.14, "basket": 0.12, "buy": 0.28})


def _browse(world: World) -> None:
    w = world.words
    show = f"SELECT id, name, price, description FROM {w.item} WHERE id = {{item}}"
    world.plans.update(
        {
            "edge.list": {"route": work(0.6), "web": call("web", "web.list")},
            "edge.show": {"route": work(0.6), "web": call("web", "web.show")},
            "edge.history": {
                "route": work(0.6),
                "verify": call("users", "users.verify"),
                "web": call("web", "web.history"),
            },
            "edge.basket": {
                "route": work(0.6),
                "verify": call("users", "users.verify"),
                "basket": call("basket", "basket.add"),
            },
            "edge.buy": {
                "route": work(0.6),
                "verify": call("users", "users.verify"),
                "orders": call("orders", "orders.create"),
            },
            "web.list": {"list": call("catalog", "catalog.list"), "render": inner("views", "render_list", work(5))},
            "web.show": {
                "show": call("catalog", "catalog.show"),
                "stock": call("stock", "stock.check"),
                "render": inner("views", "render_page", work(4)),
            },
            "web.history": {
                "history": call("orders", "orders.history"),
                "render": inner("views", "render_history", work(4)),
            },
            "catalog.list": {
                "cache": cached(
                    "catalog",
                    f"{w.item}s:page:{{page}}",
                    40,
                    query(
                        "catalog", "SELECT", w.item, f"SELECT id, name, price FROM {w.item} ORDER BY rank LIMIT 24", 28
                    ),
                ),
                "sort": inner("ranking", "sort_results", work(3)),
            },
            "catalog.show": {
                "cache": cached("catalog", f"{w.item}:{{item}}", 60, query("catalog", "SELECT", w.item, show, 9)),
                "missing": fail(0.004, "value", f"{w.item} {{item}} does not exist", 404),
                "compute": work(2),
            },
            "catalog.price": {
                "cache": cached(
                    "catalog",
                    "price:{item}",
                    30,
                    query("catalog", "SELECT", "price", "SELECT amount FROM price WHERE item_id = {item}", 5),
                ),
            },
            "basket.add": {
                "limit": fail(0.008, "value", "quantity of {item} is out of range"),  # a chronic error of no importance
                "price": call("catalog", "catalog.price"),
                "stock": call("stock", "stock.check"),
                "store": cached("basket", f"{w.basket}:{{user}}", 300, work(1)),
            },
            "orders.history": {
                "orders": query(
                    "orders",
                    "SELECT",
                    w.order,
                    f"SELECT id, total, state FROM {w.order} WHERE user_id = {{user}} ORDER BY id DESC LIMIT 10",
                    6,
                ),
                "lines": repeat(
                    lambda frame: 2 + int(frame.request["user"]) % 3,
                    lambda turn: query(
                        "orders", "SELECT", w.line, f"SELECT * FROM {w.line} WHERE order_id = {{past{turn}}}", 2
                    ),
                ),
                "compute": work(2),
            },
            "users.verify": {
                "token": cached(
                    "users",
                    "session:{user}",
                    120,
                    query(
                        "users", "SELECT", "session", "SELECT user_id, expires FROM session WHERE user_id = {user}", 4
                    ),
                ),
                "compute": work(1),
            },
            "users.profile": {
                "select": query(
                    "users", "SELECT", w.user, f"SELECT id, name, mail FROM {w.user} WHERE id = {{user}}", 3
                )
            },
            "stock.check": {
                "select": query(
                    "stock", "SELECT", w.stock, f"SELECT on_hand FROM {w.stock} WHERE item_id = {{item}}", 3
                )
            },
        }
    )


def _order(world: World) -> None:
    w = world.words
    world.plans["stock.reserve"] = {
        "reserve": transaction(
            "stock",
            query(
                "stock",
                "SELECT",
                w.stock,
                f"SELECT on_hand FROM {w.stock} WHERE item_id = {{item}} FOR UPDATE",
                3,
                row="stock:{item}",
            ),
            query(
                "stock",
                "UPDATE",
                w.stock,
                f"UPDATE {w.stock} SET on_hand = on_hand - 1 WHERE item_id = {{item}}",
                3,
                row="stock:{item}",
            ),
        ),
    }
    world.plans["orders.create"] = {
        "validate": inner("checkout", "validate", work(4)),
        "price": call("catalog", "catalog.price"),
        "reserve": call("stock", "stock.reserve"),
        "pay": call("payments", "payments.charge"),
        "save": transaction(
            "orders",
            query(
                "orders",
                "INSERT",
                w.order,
                f"INSERT INTO {w.order} (id, user_id, total) VALUES ('{{order}}', {{user}}, {{amount}})",
            ),
            query(
                "orders",
                "INSERT",
                w.line,
                f"INSERT INTO {w.line} (order_id, item_id, quantity) VALUES ('{{order}}', {{item}}, 1)",
            ),
        ),
        "publish": publish(w.topic),
        "declined": sometimes(0.012, fail(1.0, "value", "card of {user} was declined", 402)),
    }


class Request(dict[str, Any]):
    """What a request is about. `past0`, `past1`, ... are things that the user had before."""

    def __missing__(self, key: str) -> int:
        if not key.startswith("past"):
            raise KeyError(key)
        return int(self["user"]) * 31 + 7 * int(key[4:])

    def copy(self) -> Request:
        """Another of the same."""
        return Request(self)


def new_request(world: World) -> Request:
    """What a user asks about: popular things are asked for more often."""
    chance = world.chance
    item = int(chance.paretovariate(0.9)) % 400 + 1000
    return Request(
        {
            "item": item,
            "user": chance.randint(20000, 20000 + int(world.rate * 400)),
            "page": int(chance.paretovariate(1.2)) % 9 + 1,
            "account": int(world.accounts * chance.random() ** 1.6) + 71,
            "amount": chance.randint(5, 900),
            "order": f"{world.ids.getrandbits(40):010x}",
        }
    )
