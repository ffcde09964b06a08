"""`dcr locate` end to end: folders and revisions in, places out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from deep_code_reasoning.cli.main import cli
from deep_code_reasoning.errors import SourceNotFoundError, UsageError
from source.conftest import Repository

TRACE = 'ValueError: no voucher\n  File "/app/shop/cart.py", line 3, in total\n'


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "shop")
    made.commit(
        {
            "shop/cart.py": "class Cart:\n    def total(self):\n        return self.voucher\n",
            "shop/stock.py": "def reserve():\n    pass\n",
            "app.bundle.js": "function a(){return 1};" * 1_000,
        }
    )
    return made


def run(*arguments: str | Path, text: str | None = None) -> Result:
    return CliRunner().invoke(cli, ["locate", *map(str, arguments)], input=text)


def answer(*arguments: str | Path, text: str | None = None) -> dict[str, Any]:
    done = run(*arguments, "--format", "json", text=text)
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_trace_leads_to_its_line(repository: Repository) -> None:
    found = answer("-", "--repo", repository.folder, text=TRACE)
    assert found["places"][0] == {
        "rank": 1,
        "repo": "shop",
        "path": "shop/cart.py",
        "lines": [3],
        "lines_now": [3],
        "units": [
            {"kind": "function", "name": "Cart.total", "lines": [2, 3]},
            {"kind": "class", "name": "Cart", "lines": [1, 3]},
        ],
        "reasons": ["a frame of a stack trace is in it"],
        "citation": "code:shop/shop/cart.py#3",
    }
    assert found["searched"] == [
        {
            "repo": "shop",
            "files": 3,
            "new_files": 3,
            "by_name_only": 0,
            "left_out": [{"path": "app.bundle.js", "reason": "its lines are too long to be written by people"}],
        }
    ]
    assert answer("-", "--repo", repository.folder, text=TRACE)["searched"][0]["new_files"] == 0


def test_the_text_says_where_and_why(repository: Repository) -> None:
    lines = run("-", "--repo", repository.folder, text=TRACE).stdout.splitlines()
    assert lines[:2] == [
        "  1  shop/shop/cart.py:3  (a frame of a stack trace is in it)",
        "       2-3  Cart.total",
    ]
    assert lines[-1] == "searched shop: 3 files, 3 new, 1 left out"


def test_a_log_line_leads_to_the_statement_that_wrote_it(repository: Repository) -> None:
    repository.commit({"shop/pay.py": 'def pay(cart):\n    log.warning("payment of cart %s was refused", cart)\n'})
    line = "2026-11-25 10:00:00 WARNING shop payment of cart 17 was refused"
    assert answer(line, "--repo", repository.folder)["written_by"] == [
        {"log_line": line, "citation": "code:shop/shop/pay.py#2", "line_now": 2}
    ]
    assert f"shop/shop/pay.py:2 writes: {line}" in run(line, "--repo", repository.folder).stdout


def test_lines_of_what_ran_are_told_as_of_now_too(repository: Repository) -> None:
    pay = 'def pay(cart):\n    log.warning("payment of cart %s was refused", cart)\n'
    refund = 'def refund(cart):\n    log.warning("no refund of cart %s at all", cart)\n'
    ran = repository.commit({"shop/pay.py": pay, "shop/refund.py": refund})
    cart = (repository.folder / "shop/cart.py").read_text()
    repository.write({"shop/pay.py": f"import os\n\n{pay}", "shop/cart.py": f"import os\n{cart}"})
    (repository.folder / "shop/refund.py").unlink()
    report = f"{TRACE}payment of cart 17 was refused\nno refund of cart 17 at all\n"
    found = answer("-", "--repo", repository.folder, "--revision", ran, text=report)
    assert {said["citation"]: said["line_now"] for said in found["written_by"]} == {
        "code:shop/shop/pay.py#2": 4, "code:shop/shop/refund.py#2": None,
    }  # fmt: skip
    (place,) = (place for place in found["places"] if place["path"] == "shop/cart.py")
    assert (place["lines"], place["lines_now"]) == ([3], [4])
    shown = run("-", "--repo", repository.folder, "--revision", ran, text=report).stdout
    assert "shop/shop/pay.py:2 (now line 4) writes: payment" in shown
    assert "shop/shop/refund.py:2 (now gone) writes: no refund" in shown


def test_a_revision_is_searched_as_it_was(repository: Repository) -> None:
    repository.git("rm", "--quiet", "shop/cart.py")
    repository.commit()
    now = answer("voucher", "--repo", repository.folder)
    before = answer("voucher", "--repo", repository.folder, "--revision", "HEAD~1")
    assert now["places"] == []
    assert [place["path"] for place in before["places"]] == ["shop/cart.py"]


def test_folders_of_the_same_name_are_kept_apart(tmp_path: Path) -> None:
    for parent, name in (("a", "cart"), ("b", "stock")):
        Repository(tmp_path / parent / "shop").commit({f"{name}.py": "voucher = 1\n"})
    first, second, first_again = (
        answer("voucher", "--repo", tmp_path / parent / "shop")["places"] for parent in ("a", "b", "a")
    )
    assert [place["path"] for place in first] == ["cart.py"]
    assert [place["path"] for place in second] == ["stock.py"]
    assert first_again == first
    both = answer("voucher", "--repo", tmp_path / "a" / "shop", "--repo", tmp_path / "b" / "shop")["places"]
    assert {(place["repo"], place["path"]) for place in both} == {("a/shop", "cart.py"), ("b/shop", "stock.py")}


def test_nothing_to_look_for_or_in_is_wrong_usage(repository: Repository, tmp_path: Path) -> None:
    assert isinstance(run(" ", "--repo", repository.folder).exception, UsageError)
    assert isinstance(run("x" * 200_001, "--repo", repository.folder).exception, UsageError)
    assert isinstance(run("x", "--repo", tmp_path / "none").exception, SourceNotFoundError)
    assert isinstance(run("x", "--repo", repository.folder, "--revision", "none").exception, SourceNotFoundError)
    assert run("x").exit_code == 2


def test_a_failing_test_is_read_as_it_was_at_the_revision(repository: Repository) -> None:
    test = "def test_all_is_well():\n    assert reserve(1)\n"
    then = repository.commit({"tests/test_round_trip.py": test})
    repository.write({"tests/test_round_trip.py": "def test_all_is_well():\n    assert Cart().total()\n"})
    trace = '  File "/ci/tests/test_round_trip.py", line 2, in test_all_is_well\nAssertionError\n'
    options = ("-", "--repo", repository.folder)
    assert answer(*options, text=trace)["places"][0]["path"] == "shop/cart.py"
    assert answer(*options, "--revision", then, text=trace)["places"][0]["path"] == "shop/stock.py"
