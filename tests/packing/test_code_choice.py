"""Real packs carry the functions that the evidence and the question lead to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from deep_code_reasoning.app.code_search import code_about
from deep_code_reasoning.app.localise import with_code
from deep_code_reasoning.app.pack import PackRequest, pack_case
from deep_code_reasoning.app.workbench import open_workbench
from deep_code_reasoning.domain.analysis import AnalysisRequest, CallerContext
from deep_code_reasoning.domain.pack import Scope
from deep_code_reasoning.packing.pack import pack
from deep_code_reasoning.source import Roots

from .conftest import Packable

FILLER = "".join(f"def step_{n}(cart):\n    return cart.advance({n})\n\n\n" for n in range(200))
FILES = {
    "ledger/money.py": f"{FILLER}def round_half_even(amount):\n    '''Rounding of voucher amounts.'''\n"
    "    return amount // 2\n",
    "ledger/holding.py": "def hold(item):\n    raise StockError('cannot reserve item')\n",
    "ledger/other.py": "def unrelated():\n    return 1\n",
    "tests/test_money.py": "def test_rounding_of_voucher_amounts():\n    round_half_even(1)\n",
}


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DCR_HOME", str(tmp_path / "home"))
    for path, text in FILES.items():
        (tmp_path / "shop" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "shop" / path).write_text(text)
    return tmp_path / "shop"


def test_a_question_about_code_alone_brings_its_functions(code: Path) -> None:
    request = AnalysisRequest(question="Why is the rounding of voucher amounts wrong?")
    with open_workbench(request, None, [code]) as bench:
        packed = bench.pack(1_000)
    assert "def round_half_even(amount):" in packed.text
    assert "def test_rounding" not in packed.text
    assert packed.tokens <= 1_000


def test_what_the_asker_tried_leads_to_code_too(code: Path) -> None:
    context = CallerContext(("rounding of voucher amounts by hand",), (), "")
    with open_workbench(AnalysisRequest(question="What is wrong?", context=context), None, [code]) as bench:
        assert "def round_half_even(amount):" in bench.pack(1_000).text


def test_of_a_file_that_is_asked_for_the_functions_that_fit_come_first(code: Path) -> None:
    scope = Scope(files=("ledger/money.py",))
    fitting = AnalysisRequest(question="Rounding of vouchers", scope=scope)
    other = AnalysisRequest(question="step_100 does not advance", scope=scope)
    texts = []
    for request in (fitting, other):
        with open_workbench(request, None, [code]) as bench:
            texts.append(bench.pack(700).text)
    assert "return amount // 2" in texts[0]
    assert "cart.advance(100)" not in texts[0]
    assert "cart.advance(100)" in texts[1]


def test_what_the_evidence_says_leads_to_code(shop: Packable, code: Path) -> None:
    packed = pack_case(str(shop.folder), PackRequest(roots=[code], budget_tokens=16_000))
    assert "raise StockError('cannot reserve item')" in packed.text
    assert any(str(cited).startswith("code:shop/ledger/holding.py#") for cited in packed.citations)


def test_what_the_evidence_leads_to_is_the_same_for_every_question(shop: Packable, code: Path) -> None:
    nonces = set()
    for question in ("", "Rounding of voucher amounts"):
        with shop.subject(question=question) as subject:
            led = with_code(replace(subject, roots=Roots([code])))
            nonces.add(pack(led, 16_000).nonce)
    assert len(nonces) == 1


def test_without_an_index_a_pack_is_made_all_the_same(shop: Packable, code: Path, tmp_path: Path) -> None:
    index = tmp_path / "home" / "cache" / "source-index.db"
    index.parent.mkdir(parents=True)
    index.write_text("no database, " * 1_000)
    assert pack_case(str(shop.folder), PackRequest(roots=[code], budget_tokens=16_000)).tokens > 0


def test_code_is_found_by_a_report_in_words(code: Path) -> None:
    money = code / "ledger" / "money.py"
    money.write_text(f"{money.read_text()}\n\nKEY = 'AKIAIOSFODNN7EXAMPLE'  # rounding voucher amount\n")
    found = code_about([code], "The rounding of voucher amounts is wrong", 600)
    assert found["files"][0] == "shop/ledger/money.py"
    assert "def round_half_even(amount):" in found["code"]
    assert "AKIAIOSFODNN7EXAMPLE" not in found["code"]
