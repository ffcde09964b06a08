"""A random system a seed: six to fourteen services of several languages, their stores, queues and third parties."""

from __future__ import annotations

import random
from dataclasses import dataclass

from .engine import Slots
from .fleet import (
    Cached,
    Call,
    Fan,
    Node,
    Operation,
    Outside,
    Partner,
    Pod,
    Query,
    Send,
    Service,
    Step,
    Store,
    Topic,
    Work,
)
from .world import World

STYLES = ("java-old", "java-new", "go", "go", "python-old", "python-new", "node-old", "node-new", "dotnet")
# Words of five trades; a system is of one.
TRADES = {
    "freight": "berth manifest tariff customs container voyage crane yard pilot consignee weighbridge ledger tracking",
    "clinic": "patient triage ward dosage imaging referral roster claims consent lab vitals discharge pharmacy",
    "press": "article headline archive syndication paywall comment byline layout subscriber digest photo tagging feed",
    "rail": "seat fare platform delay carriage loyalty journey ticketing gate depot announcer refund timetable",
    "bank": "account transfer statement card limit fraud onboarding interest mandate fx notice dispute balance",
}
ENDINGS = ("{}-service", "{}-svc", "{}", "{}-api", "{}d", "{}Service", "{}-core")
NOUNS = "items records entries details summary quotes rules slots history status options".split()
COLUMNS = "owner_id ref code region batch_no status_code account_id parent_id".split()
PARTNERS = (
    ("api.fastpay.io", "/v1/charges"),
    ("rates.worldfx.com", "/latest"),
    ("hooks.mailroom.net", "/send"),
    ("geo.maplayer.org", "/v2/lookup"),
    ("verify.idcheck.eu", "/check"),
)
SQL = ("postgresql", "mysql", "postgresql")


@dataclass
class Plan:
    """What the builder carries along."""

    world: World
    dice: random.Random
    words: list[str]
    databases: list[Store]
    cache: Store
    topics: list[Topic]
    partners: list[Partner]


def build(seed: int) -> World:
    """The system of a seed, at rest."""
    world = World(seed)
    dice = random.Random(f"topology {seed}")
    trade = dice.choice(sorted(TRADES))
    words = TRADES[trade].split()
    dice.shuffle(words)
    zones = [f"eu-{dice.choice(['west', 'north'])}-1{letter}" for letter in "abc"[: dice.randint(2, 3)]]
    world.nodes = [
        Node(f"ip-10-{dice.randint(0, 9)}-{i}-{dice.randint(2, 250)}", zones[i % len(zones)], dice.uniform(0.2, 0.45))
        for i in range(dice.randint(4, 6))
    ]
    world.tenants = [
        f"{dice.choice(['acme', 'nord', 'blue', 'orca', 'zen'])}-{dice.randint(10, 99)}" for _ in range(12)
    ]
    plan = Plan(world, dice, words, [], _cache(world, dice, trade), [], [])
    for index in range(dice.randint(1, 3)):
        system = "mongodb" if index == 2 else SQL[(seed + index) % 3]
        host = f"{words[-1 - index]}-{dice.choice(['db', 'pg-primary', 'store', 'rds'])}"
        plan.databases.append(Store(host, system, host, dice.choice(world.nodes)))
    world.stores = [*plan.databases, plan.cache]
    world.partners = [Partner(host, path, dice.uniform(60, 180)) for host, path in dice.sample(PARTNERS, 2)]
    plan.partners = list(world.partners)
    _services(plan, dice.randint(6, 14))
    return world


def _cache(world: World, dice: random.Random, trade: str) -> Store:
    host = f"{trade}-{dice.choice(['redis', 'cache', 'redis-master'])}"
    return Store(host, "redis", host, dice.choice(world.nodes))


def _services(plan: Plan, n: int) -> None:
    """From the leaves up, so that each tier finds what it calls."""
    dice, words = plan.dice, plan.words
    entries = 1 if n < 9 else 2
    consumers = 1 if n < 10 else 2
    inner = n - entries - consumers
    leaves = max(2, inner // 2)
    below: list[Service] = []
    for index in range(consumers):
        service = _service(plan, words[index])
        word = words[index]
        topic = Topic(
            dice.choice([f"{word}.events", f"{word}s.v1", f"{word}-requested"]),
            dice.choice(["kafka", "kafka", "rabbitmq"]),
            f"{word}-{dice.choice(['workers', 'cg', 'consumers'])}",
            service,
        )
        topic.handler = Operation(
            "POST",
            f"/{word}",
            [Work(6), _query(plan, "SELECT"), Work(3), _query(plan, "INSERT")],
            f"handling {word} of record {{c.item}}",
            f"{word} of record {{c.item}} done",
        )
        service.operations.append(topic.handler)
        plan.topics.append(topic)
    plan.world.topics = plan.topics
    for index in range(leaves):
        service = _service(plan, words[consumers + index])
        for _ in range(dice.randint(1, 3)):
            _operation(plan, service, _leaf_steps(plan))
        below.append(service)
    for index in range(inner - leaves):
        service = _service(plan, words[consumers + leaves + index])
        for _ in range(dice.randint(1, 2)):
            _operation(plan, service, _middle_steps(plan, below[-5:]))
        below.append(service)
    for topic in plan.topics:
        sender = dice.choice([s for s in below if s.operations])
        dice.choice(sender.operations).steps.append(Send(topic))
    for index, partner in enumerate(plan.partners):
        dice.choice(below[index::2]).operations[0].steps.insert(1, Outside(partner))
    slow = dice.choice(below[:leaves])
    slow.operations[-1].steps.insert(0, Work(dice.uniform(180, 320)))
    _entries(plan, entries, below)


def _entries(plan: Plan, n: int, below: list[Service]) -> None:
    dice, world = plan.dice, plan.world
    names = dice.sample(["edge", "web-bff", "mobile-gateway", "public-api", "ingress-router", "portal"], n)
    called: set[str] = {
        step.service.name for s in below for o in s.operations for step in _flat(o.steps) if isinstance(step, Call)
    }
    roots = [s for s in below if s.name not in called] or below[-2:]
    for gateway in range(n):
        service = _service(plan, names[gateway], plain=True)
        service.protocol = "http"
        service.timeout_s = 15.0
        mine = roots[gateway::n] or roots
        for target in mine + dice.sample(below, min(2, len(below))):
            for operation in target.operations:
                steps: list[Step] = [Work(dice.uniform(1, 4)), Call(target, operation)]
                other = dice.choice(below)
                if dice.random() < 0.3 and other is not target:
                    steps.append(Call(other, dice.choice(other.operations)))
                if any(o.route == "/api" + operation.route for o in service.operations):
                    continue
                _operation(plan, service, steps, "/api" + operation.route, operation.method)
                world.entries.append((service, len(service.operations) - 1, dice.uniform(0.4, 2.0)))


def _flat(steps: list[Step]) -> list[Step]:
    return [inner for step in steps for inner in (step.steps if isinstance(step, Fan) else [step])]


def _service(plan: Plan, word: str, *, plain: bool = False) -> Service:
    dice, world = plan.dice, plan.world
    service = Service(
        word if plain else dice.choice(ENDINGS).format(word),
        dice.choice(STYLES),
        "grpc" if dice.random() < 0.3 else "http",
        timeout_s=dice.choice([3.0, 5.0, 10.0]),
        retries=dice.choice([0, 0, 1, 2]),
        kinds=dice.random() > 0.15,
        k8s=dice.random() > 0.2,
        team=dice.choice(["atlas", "borealis", "cygnus", "delta"]),
        repo=f"{word}-{dice.choice(['app', 'backend', 'repo'])}",
    )
    version = f"{dice.randint(1, 9)}.{dice.randint(0, 40)}.{dice.randint(0, 9)}"
    for _ in range(dice.randint(2, 3)):
        add_pod(world, service, version, dice)
    world.services.append(service)
    return service


def add_pod(world: World, service: Service, version: str, dice: random.Random) -> Pod:
    """One more copy of a service, somewhere."""
    letters = "bcdfghjklmnpqrstvwxz2456789"
    suffix = "".join(dice.choice(letters) for _ in range(9)) + "-" + "".join(dice.choice(letters) for _ in range(5))
    pod = Pod(
        f"{service.name.lower()}-{suffix}",
        service,
        dice.choice(world.nodes),
        Slots(dice.choice([16, 24, 32])),
        version,
        memory_mb=dice.uniform(220, 420),
        limit_mb=dice.choice([768.0, 1024.0]),
        disk_used=dice.uniform(0.2, 0.5),
    )
    pod.pools = {store.name: Slots(dice.choice([8, 10, 12])) for store in world.stores if store.system != "redis"}
    service.pods.append(pod)
    return pod


def _operation(plan: Plan, service: Service, steps: list[Step], route: str = "", method: str = "") -> Operation:
    dice = plan.dice
    noun = dice.choice(NOUNS)
    taken = {o.route for o in service.operations}
    while not route or route in taken:
        noun = dice.choice(NOUNS)
        route = dice.choice([f"/{noun}/{{id}}", f"/v1/{noun}", f"/{noun}"])
    method = method or dice.choice(["GET", "GET", "POST", "PUT"])
    word = route.strip("/").split("/")[-1 if "{" not in route else -2]
    operation = Operation(
        method,
        route,
        steps,
        dice.choice([f"received {word} request for {{c.item}} from user {{c.user}}", f"loading {word} {{c.item}}"]),
        dice.choice([f"{word} {{c.item}} served", f"finished {word} for user {{c.user}}", f"{word} ok id={{c.item}}"]),
        errors=dice.uniform(0.001, 0.007),
    )
    service.operations.append(operation)
    return operation


def _query(plan: Plan, verb: str) -> Query:
    dice = plan.dice
    table = dice.choice(plan.words) + dice.choice(["s", "_lines", "_index", ""])
    return Query(dice.choice(plan.databases), verb, table, dice.choice(COLUMNS), dice.uniform(2, 9))


def _leaf_steps(plan: Plan) -> list[Step]:
    dice = plan.dice
    steps: list[Step] = [Work(dice.uniform(3, 14))]
    if dice.random() < 0.45:
        steps.append(Cached(plan.cache, dice.choice(plan.words), dice.uniform(0.85, 0.95), _query(plan, "SELECT")))
    else:
        steps.append(_query(plan, "SELECT"))
    if dice.random() < 0.4:
        steps.append(_query(plan, dice.choice(["INSERT", "UPDATE"])))
    steps.append(Work(dice.uniform(1, 6)))
    return steps


def _middle_steps(plan: Plan, below: list[Service]) -> list[Step]:
    dice = plan.dice
    calls: list[Step] = []
    for target in dice.sample(below, min(len(below), dice.randint(1, 3))):
        calls.append(Call(target, dice.choice(target.operations)))
    steps: list[Step] = [Work(dice.uniform(2, 10))]
    if dice.random() < 0.4:
        steps.append(_query(plan, "SELECT"))
    steps += [Fan(calls)] if len(calls) > 1 and dice.random() < 0.35 else calls
    steps.append(Work(dice.uniform(1, 5)))
    return steps
