"""What services promise and ask is read out of code and configuration, and both sides are joined."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from deep_code_reasoning.source import Roots
from deep_code_reasoning.source.contracts.read import Contracts, read_contracts
from deep_code_reasoning.source.contracts.sql import tables_of_sql

HERE = Path(__file__).parent
PROTO = """syntax = "proto3";
package helloworld;
// service Old { }
service Greeter {
  rpc SayHello (HelloRequest) returns (HelloReply) {}
}
"""


def cases(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.load((HERE / name).read_text("utf-8"), yaml.CSafeLoader)
    return found


def read(folder: Path, files: dict[str, str]) -> Contracts:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, "utf-8")
    return read_contracts(Roots(sorted(each for each in folder.iterdir() if each.is_dir())))


def plain(names: Iterable[str]) -> set[str]:
    return {re.sub(r"\{[^{}]*\}", "{}", name) if "${" not in name else name for name in names}


ROUTES = {
    **cases("routes.yaml"),
    **cases("more_routes.yaml"),
    **cases("third_routes.yaml"),
    **cases("fourth_routes.yaml"),
}


@pytest.mark.parametrize("name", ROUTES)
def test_routes_are_found_with_all_their_prefixes_and_no_others(name: str, tmp_path: Path) -> None:
    found = read(tmp_path, {f"shop/{path}": text for path, text in ROUTES[name]["files"].items()}).contracts
    served = {f"{c.method or 'ANY'} {c.name}" for c in found if c.kind == "http" and c.side == "provided"}
    assert plain(served) == plain(ROUTES[name]["provided"])


REQUESTS = cases("clients.yaml")


@pytest.mark.parametrize("name", REQUESTS)
def test_requests_are_found_with_whom_they_name(name: str, tmp_path: Path) -> None:
    found = read(tmp_path, {f"shop/{path}": text for path, text in REQUESTS[name]["files"].items()}).contracts
    asked = {
        " ".join(filter(None, (c.method, c.host, c.name))) for c in found if (c.kind, c.side) == ("http", "consumed")
    }
    assert plain(asked) == plain(REQUESTS[name]["consumed"])


FIFTH = cases("fifth_systems.yaml")


@pytest.mark.parametrize("name", FIFTH)
def test_less_usual_styles_are_followed_to_what_they_serve_ask_and_send(name: str, tmp_path: Path) -> None:
    found = read(tmp_path, {f"shop/{path}": text for path, text in FIFTH[name]["files"].items()}).contracts
    http = [c for c in found if c.kind == "http"]
    assert plain(f"{c.method or 'ANY'} {c.name}" for c in http if c.side == "provided") == plain(
        FIFTH[name].get("provided", ())
    )
    asked = {" ".join(filter(None, (c.method, c.host, c.name))) for c in http if c.side == "consumed"}
    assert plain(asked) == plain(FIFTH[name].get("consumed", ()))
    topics = {("+" if c.side == "provided" else "-") + c.name for c in found if c.kind == "topic"}
    assert topics == set(FIFTH[name].get("topics", ()))


SYSTEMS = {
    name: system
    for path in [
        *(HERE / f"{which}_systems.yaml" for which in ("sixth", "seventh")),
        *sorted((HERE / "systems").rglob("*.yaml")),
    ]
    for name, system in cases(str(path)).items()
}


def listed(found: Contracts) -> dict[str, set[str]]:
    """Contracts and edges as the lists of a system name them, without hosts."""
    lists: dict[str, set[str]] = {name: set() for name in ("provided", "consumed", "topics", "rpc", "tables", "edges")}
    for contract in found.contracts:
        sign = "+" if contract.side == "provided" else "-"
        if contract.kind == "http":
            lists[contract.side].add(f"{contract.method or 'ANY'} {contract.name}")
        elif contract.kind == "table":
            lists["tables"].add(contract.name.rpartition(".")[2])
        elif contract.kind in ("topic", "rpc"):
            lists["topics" if contract.kind == "topic" else "rpc"].add(sign + contract.name)
    edges = [edge for edge in found.edges if edge.source.kind != "table"]
    lists["edges"] = {f"{edge.source.service} -> {edge.callee} {edge.source.kind}" for edge in edges}
    return lists


def bare(names: Iterable[str]) -> set[str]:
    return {re.sub(r"\$?\{[^{}]*\}|\*\w*", "{}", str(name)).lower() for name in names}


@pytest.mark.parametrize("name", SYSTEMS)
def test_all_that_whole_systems_agree_on_is_found_and_nothing_else(name: str, tmp_path: Path) -> None:
    system = SYSTEMS[name]
    agreed = read(tmp_path, {f"system/{path}": text for path, text in system["files"].items()})
    for kind, found in listed(agreed).items():
        wanted = bare(system.get(kind) or ())
        optional = bare(system.get("optional_tables" if kind == "tables" else "optional") or ())
        assert bare(found) - (optional - wanted) == wanted, kind


def test_what_is_skipped_is_said_with_the_reason(tmp_path: Path) -> None:
    files = {
        "shop/app.py": "from flask import Flask\napp = Flask(__name__)\n@app.get('/x')\ndef x(): ...\n",
        "shop/tests/test_app.py": "client.get('/x')\n",
        "shop/data.yaml": "a: 1\n" * 300_000,
    }
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "huge.py").write_text("x = 1\n" * 400_000)
    (tmp_path / "shop" / "binary.js").write_bytes(b"\0\1\2")
    found = read(tmp_path, files)
    reasons = {each.path: each.reason for each in found.skipped}
    assert set(reasons) == {"shop/huge.py", "shop/binary.js", "shop/data.yaml"}
    assert "bytes" in reasons["shop/huge.py"]
    assert "no text" in reasons["shop/binary.js"]
    assert "characters" in reasons["shop/data.yaml"]
    assert found.apart == 1


RPC = cases("rpc.yaml")


@pytest.mark.parametrize("language", RPC)
def test_a_stub_leads_to_the_method_of_the_server(language: str, tmp_path: Path) -> None:
    files = {**RPC[language]["server"], **RPC[language]["stub"], "proto/greeter.proto": PROTO}
    found = read(tmp_path, files)
    (edge,) = [edge for edge in found.edges if edge.source.kind == "rpc"]
    assert (edge.source.service, edge.callee) == ("c", "s")
    assert edge.target is not None
    assert edge.target.name == "helloworld.Greeter/SayHello"
    if language != "elixir":  # no grammar: the call is known, its method is not
        assert edge.source.name == "helloworld.Greeter/SayHello"
        assert "ello" in (tmp_path / edge.target.repo / edge.target.path).read_text().split("\n")[edge.target.line - 1]


TOPICS = cases("topics.yaml")


@pytest.mark.parametrize("library", TOPICS)
def test_topics_are_found_with_who_sends_and_who_receives(library: str, tmp_path: Path) -> None:
    path, text, expected = TOPICS[library]
    found = read(tmp_path, {f"shop/{path}": text}).contracts
    topics = {("+" if c.side == "provided" else "-") + c.name for c in found if c.kind == "topic"}
    assert topics == set(expected)


def test_names_that_only_look_like_stubs_are_none(tmp_path: Path) -> None:
    text = "package a\nfunc f() {\n  c := s3.NewHTTPClient(x)\n  r := NewRegistryClient(y)\n}\n"
    assert not [c for c in read(tmp_path, {"a/a.go": text}).contracts if c.kind == "rpc"]


SHOP = cases("shop.yaml")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Contracts:
    folder = tmp_path_factory.mktemp("shops")
    return read(folder, {f"shop/{path}": text for path, text in SHOP.items()})


def test_services_are_told_by_folders_and_compose_files(shop: Contracts) -> None:
    assert {"cart", "stock-api", "pricing-service", "mail", "web", "billing", "offers"} <= set(shop.services)


def test_the_service_graph_is_drawn_from_code_alone(shop: Contracts) -> None:
    assert shop.graph == {
        ("cart", "billing"): ("topic",),
        ("cart", "mail"): ("topic",),
        ("cart", "pricing-service"): ("http",),
        ("cart", "stock-api"): ("http",),
        ("pricing-service", "stock-api"): ("table",),
        ("web", "cart"): ("http",),
        ("web", "offers"): ("graphql",),
    }


def test_an_edge_says_what_joined_it_and_where(shop: Contracts) -> None:
    by = {(e.source.service, e.callee): (e.by, e.target and e.target.place) for e in shop.edges}
    assert by["cart", "stock-api"] == ("host", "code:shop/stock/app.py#3")
    assert by["web", "cart"] == ("path", "code:shop/carts/src/main.js#3")
    assert by["cart", "mail"] == ("name", "code:shop/mail/worker.rb#2")


def test_written_contracts_count(shop: Contracts) -> None:
    (written,) = [c for c in shop.contracts if c.path == "billing/openapi.yaml"]
    assert (written.method, written.name, written.line, written.handler) == (
        "GET",
        "/v2/invoices/{id}",
        6,
        "getInvoice",
    )


def test_what_tests_do_is_nobodys_contract(shop: Contracts) -> None:
    assert not [c for c in shop.contracts if "tests/" in c.path]


def test_tables_of_a_statement_are_told_from_its_other_words() -> None:
    sql = 'WITH x AS (SELECT 1) INSERT INTO "orders" SELECT * FROM carts c LEFT JOIN public.users u ON u.id = c.user'
    assert tables_of_sql(sql) == [("orders", "write"), ("carts", "read"), ("users", "read")]


def test_a_statement_behind_a_docstring_is_found(tmp_path: Path) -> None:
    text = 'def f():\n    """Rows."""\n    with connection() as db:\n        db.execute("SELECT amount FROM price")\n'
    (found,) = read(tmp_path, {"shop/a.py": text}).contracts
    assert (found.name, found.method, found.line) == ("price", "read", 4)


def test_hostile_files_are_survived(tmp_path: Path) -> None:
    names = "abcdefghijklmnopqrst"
    laughs = "a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in pairwise(names))
    deep = "x = (" * 3_000 + "1" + ")" * 3_000 + "\n@app.get('/x'" + " + '/y'" * 3_000 + ")\ndef f(): ...\n"
    circle = "const a = b\nconst b = a\napp.get(a, handler)\nfetch(a + '/x')\n" + "router.use('/a', router)\n" * 30
    nameless = "module.exports = class { a(app) { this.b(app, '/x') } b(app, path) { app.get(path, (q, r) => r) } }\n"
    makers = (
        "package a\nfunc (a *A) Make(x X) *B { return a.b.Make(x) }\nfunc (b *B) Make(x X) *A { return b.a.Make(x) }\n"
        "func main() { one := two.Make(x); two := one.Make(x); two.Make(x).Make(x).Get(one.path, h) }\n"
    )
    files = {
        "shop/nameless.js": nameless,
        "shop/makers.go": makers,
        "shop/docker-compose.yml": laughs,
        "shop/openapi.yaml": "openapi: 3.0.0\npaths: {{ .Values.paths }}\n",
        "shop/a.py": "app = FastAPI()\n" + deep,
        "shop/b.js": circle,
    }
    found = read(tmp_path, files)
    assert {c.path for c in found.contracts} <= {"a.py", "b.js", "openapi.yaml", "nameless.js", "makers.go"}


def test_ways_that_multiply_at_every_step_come_to_an_end(tmp_path: Path) -> None:
    """What is bound in itself, four mounts at each of 18 levels, long blanks: without bounds there is no end of it."""
    crowd = "import org.http4k\nval a = routes(\n" + '"/x" bind a,\n' * 9 + '"/y" bind GET to h)\n'
    thrice = "fun Route.a() {\n" + 'route("/x") { a() }\n' * 3 + 'get("/y") { }\n}\n'
    tower = "const r0 = express()\n" + "".join(
        f"const r{n + 1} = express.Router()\n" + "".join(f"r{n}.use('/{m}', r{n + 1})\n" for m in "abcd")
        for n in range(18)
    )
    gap = 'var s = "SELECT a FROM b"\n/*' + " \n" * 15_000 + "*/\n"
    files = {
        "shop/crowd.kt": crowd,
        "shop/thrice.kt": thrice,
        "shop/tower.js": tower + "r18.get('/end', h)\n",
        "shop/gap.go": "package a\n" + gap,
        "shop/pages/api/blank.ts": "\n" * 100_000 + "// x\n",
    }
    found = read(tmp_path, files)
    ends = [contract.name for contract in found.contracts if contract.path == "tower.js"]
    assert 1_000 < len(ends) < 5_000
    assert all(name.endswith("/end") for name in ends)
    assert any(contract.name == "b" for contract in found.contracts if contract.path == "gap.go")


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("a.go", "type A struct {"),
        ("schema.prisma", "model A {"),
        ("mapper.xml", "<select>"),
        ("A.java", "@Entity"),
        ("A.cs", "[Table(A)]"),
        ("a.ts", "@Entity()"),
        ("a.php", "#[ORM\\Entity]"),
    ],
)
def test_a_file_of_nothing_but_beginnings_is_read_in_the_time_of_its_length(
    path: str, line: str, tmp_path: Path
) -> None:
    """Thousands of lines, each of which may begin what no later one ends: a look ahead from each takes long."""

    def seconds(lines: int) -> float:
        started = time.process_time()
        text = (f"<?php\n{line}\n" if path == "a.php" else f"{line}\n") * lines
        read(tmp_path / str(lines), {f"shop/{path}": text})
        return time.process_time() - started

    # Eight times as long; sixty-four times where each line is held against all.
    assert seconds(8_000) < 30 * max(seconds(1_000), 0.03)


def test_a_file_of_terraform_without_a_resource_promises_nothing(tmp_path: Path) -> None:
    files = {"infra/shop.tf": 'module "shop" {\n  source = "./modules/service"\n}\n', "infra/empty.tf": ""}
    assert not read(tmp_path, files).contracts


DEEP = {
    "base.py": "class A(" + "(" * 1_900 + "B" + ")" * 1_900 + "):\n  pass\n" + "x\n" * 300,
    "batch.ts": "import {Kafka} from 'kafkajs'\nproducer.sendBatch({ topicMessages: "
    + "[\n" * 1_500 + "{topic: 'deep'}" + "]\n" * 1_500 + "})\n",
    "made.ts": "import axios from 'axios'\nfunction f() {\n" + "if (a) {\n" * 1_500
    + "return axios.create({ baseURL: 'http://stock' })\n" + "}\n" * 1_500 + "}\nconst api = f()\napi.get('/deep')\n",
}  # fmt: skip


def test_what_is_nested_a_thousand_deep_is_read(tmp_path: Path) -> None:
    found = read(tmp_path, {f"shop/{path}": text for path, text in DEEP.items()})
    assert {(contract.path, contract.name) for contract in found.contracts} == {
        ("batch.ts", "deep"), ("made.ts", "/deep"),
    }  # fmt: skip


def each(text: str) -> str:
    return "".join(text.replace("#", str(n)) for n in range(1_000))


CROWDS = {
    "a.py": "import httpx\nclass A:\n" + each("  def m#(self):\n    return self.client.get('/x#')\n"),
    "b.py": "import httpx\n"
    + "".join(f"class A{n}({', '.join(f'A{m}' for m in range(60))}): ...\n" for n in range(60)),
    "A.java": "class A {\n"
    + each('@Bean RestClient r#() { return RestClient.create("http://h#"); }\nvoid m#() { r#.get().uri("/x#"); }\n')
    + "}\n",
    "A.cs": "using Wolverine;\n" + each("class A#Handler { public void Handle(M# m) { } }\n"),
    "B.cs": "[Table(A)][x\n" * 5_000,
    "a.tf": 'resource "aws_sns_topic" "a" {\n' + "\n" * 20_000 + "a = b" + " " * 20_000 + "c\n}\n",
}


@pytest.mark.parametrize("path", CROWDS)
def test_a_crowd_of_the_same_is_read_in_the_time_of_its_length(path: str, tmp_path: Path) -> None:
    """A thousand of one kind in one file: to look through all of them for each takes five times as long."""
    started = time.process_time()
    read(tmp_path, {f"shop/{path}": CROWDS[path]})
    assert time.process_time() - started < 2
