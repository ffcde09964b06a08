"""Contracts are read at revisions out of git's objects, and once for all that has the same files."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from deep_code_reasoning.source import Roots
from deep_code_reasoning.source.code_files import Revised
from deep_code_reasoning.source.contracts import kept, read
from deep_code_reasoning.source.contracts.kept import KeptReadings
from deep_code_reasoning.source.contracts.read import Contracts, read_contracts
from source.conftest import Repository

APP = "from flask import Flask\napp = Flask(__name__)\n@app.get('/{}')\ndef items(): ...\n"
CART = "import os, requests\nrequests.get(os.environ['STOCK_URL'] + '/items')\n"
COMPOSE = "services:\n  cart:\n    environment:\n      STOCK_URL: http://{}\n"


@pytest.fixture
def stock(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "stock")


@pytest.fixture
def cart(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "cart")


@pytest.fixture
def readings(tmp_path: Path) -> Iterator[KeptReadings]:
    with KeptReadings(tmp_path / "index.db") as opened:
        yield opened


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that were parsed."""
    seen: list[str] = []
    parse = read.read_code

    def noting(file: read.SourceFile, service: str) -> read.CodeFile | None:
        seen.append(str(file.where))
        return parse(file, service)

    monkeypatch.setattr(read, "read_code", noting)
    return seen


def served(found: Contracts) -> list[str]:
    return [each.name for each in found.contracts if each.kind == "http" and each.side == "provided"]


def test_a_revision_is_read_and_the_folder_is_not(stock: Repository) -> None:
    first = stock.commit({"app.py": APP.format("old"), ".env.example": "A=b\n", "tests/test_app.py": "x = 1\n"})
    stock.commit({"app.py": APP.format("new")})
    stock.write({"app.py": APP.format("unsaved")})
    roots = Roots([stock.folder])
    at_first = read_contracts(Revised(roots, {"stock": first}))
    assert (served(at_first), at_first.commits, at_first.apart) == (["/old"], {"stock": first}, 1)
    assert served(read_contracts(Revised(roots, {"stock": "main"}))) == ["/new"]
    assert served(read_contracts(roots)) == ["/unsaved"]


def test_a_bare_repository_and_a_folder_inside_one_have_revisions(stock: Repository, tmp_path: Path) -> None:
    stock.commit({"services/api/app.py": APP.format("inside"), "app.py": APP.format("outside")})
    subprocess.run(["git", "clone", "--quiet", "--bare", stock.folder, tmp_path / "bare"], check=True)
    roots = Roots([tmp_path / "bare", stock.folder / "services" / "api"])
    found = read_contracts(Revised(roots, dict.fromkeys(roots.names, "HEAD")))
    assert sorted((each.repo, each.path, each.name) for each in found.contracts) == [
        ("api", "app.py", "/inside"), ("bare", "app.py", "/outside"), ("bare", "services/api/app.py", "/inside"),
    ]  # fmt: skip


def test_what_cannot_be_read_at_a_revision_is_said(stock: Repository) -> None:
    stock.commit({"app.py": APP.format("x"), "binary.py": b"\0\1", "key.py": "-----BEGIN RSA PRIVATE KEY-----\n"})
    (stock.folder / "link.py").symlink_to("app.py")
    stock.commit()
    found = read_contracts(Revised(Roots([stock.folder]), {"stock": "HEAD"}))
    assert {each.path: each.reason for each in found.skipped} == {
        "stock/binary.py": "no text", "stock/key.py": "a private key", "stock/link.py": "a link",
    }  # fmt: skip


def test_the_same_files_are_read_once_whatever_revision_or_folder_they_are_of(
    stock: Repository, readings: KeptReadings, parsed: list[str]
) -> None:
    first = stock.commit({"app.py": APP.format("items"), "huge.py": "x = 1\n" * 400_000})
    stock.commit({"README.md": "words\n"})
    roots = Roots([stock.folder])
    one = read_contracts(roots, kept=readings)
    assert parsed == ["stock/app.py"]
    again = read_contracts(roots, kept=readings)
    assert again == one
    for revision in (first, "HEAD"):
        assert served(read_contracts(Revised(roots, {"stock": revision}), kept=readings)) == ["/items"]
    assert parsed == ["stock/app.py"]


def test_only_the_repositories_that_a_change_is_about_are_read_again(
    stock: Repository, cart: Repository, readings: KeptReadings, parsed: list[str]
) -> None:
    stock.commit({"app.py": APP.format("items")})
    cart.commit({"main.py": CART, "compose.yaml": COMPOSE.format("stock")})
    folders = [cart.folder, stock.folder]
    before = read_contracts(Roots(folders), kept=readings)
    assert before.graph == {("cart", "stock"): ("http",)}
    parsed.clear()
    stock.write({"more.py": APP.format("more")})
    assert "/more" in served(read_contracts(Roots(folders), kept=readings))
    assert parsed == ["stock/app.py", "stock/more.py"]
    parsed.clear()
    cart.write({"compose.yaml": COMPOSE.format("elsewhere")})
    assert read_contracts(Roots(folders), kept=readings).graph == {}
    assert parsed == ["cart/main.py"]


def test_other_rules_read_anew_and_what_was_stopped_is_not_kept(
    stock: Repository, readings: KeptReadings, parsed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stock.commit({"app.py": APP.format("items")})
    roots = Roots([stock.folder])
    assert read_contracts(roots, stop=lambda: True, kept=readings).contracts == ()
    assert served(read_contracts(roots, kept=readings)) == ["/items"]
    monkeypatch.setattr(kept, "written_rules", lambda: "others")
    read_contracts(roots, kept=readings)
    assert parsed == ["stock/app.py"] * 2


def test_a_file_that_comes_or_goes_and_cannot_be_read_is_told_of(stock: Repository, readings: KeptReadings) -> None:
    stock.write({"app.py": APP.format("items"), "stock.proto": "service Stock { rpc Get (A) returns (B); }\n"})
    roots = [stock.folder]
    assert read_contracts(Roots(roots), kept=readings).skipped == ()
    stock.write({"binary.py": b"\0\1"})
    assert [each.path for each in read_contracts(Roots(roots), kept=readings).skipped] == ["stock/binary.py"]
    (stock.folder / "binary.py").unlink()
    assert read_contracts(Roots(roots), kept=readings).skipped == ()


def test_the_oldest_readings_make_room(
    stock: Repository, readings: KeptReadings, parsed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "MAX_KEPT", 1)
    revisions = [stock.commit({"app.py": APP.format(name)}) for name in ("a", "b")]
    roots = Roots([stock.folder])
    for revision in (*revisions, revisions[1], revisions[0]):
        read_contracts(Revised(roots, {"stock": revision}), kept=readings)
    assert len(parsed) == 3


def test_what_nobody_of_the_system_wrote_is_left_out_and_said(tmp_path: Path) -> None:
    route = "const app = require('express')();\napp.get('/{}', f);\n"
    files = {
        "web/package.json": "{}",
        "web/server.js": route.format("ours"),
        "web/dist/server.js": route.format("built"),
        "web/node_modules/x/index.js": route.format("vendored"),
        "web/bundle.js": route.format("minified") + "f(1);" * 1_000,
        "job/dist/plain.js": route.format("named-dist"),
        "job/target/Main.js": route.format("named-target"),
        "shop/pom.xml": "<project/>",
        "shop/target/classes/gen.js": route.format("compiled"),
    }
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    found = read_contracts(Roots([tmp_path / "job", tmp_path / "shop", tmp_path / "web"]))
    assert sorted(served(found)) == ["/named-dist", "/named-target", "/ours"]
    assert {each.path: each.reason for each in found.skipped} == {
        "shop/target": "a folder of what a build makes",
        "web/dist": "a folder of what a build makes",
        "web/node_modules": "a folder of what others wrote",
        "web/bundle.js": "its lines are too long to be written by people",
    }
    assert found.apart == 2


def test_a_root_that_holds_what_others_wrote_is_not_read(tmp_path: Path, parsed: list[str]) -> None:
    (tmp_path / "node_modules" / "x").mkdir(parents=True)
    (tmp_path / "node_modules" / "x" / "index.js").write_text("require('express')().get('/x', f);\n")
    found = read_contracts(Roots([tmp_path / "node_modules"]))
    assert (parsed, found.apart) == ([], 1)
    assert [(each.path, each.reason) for each in found.skipped] == [("node_modules", "a folder of what others wrote")]
