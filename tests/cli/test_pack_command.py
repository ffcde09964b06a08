"""`dcr pack`: a case by name or folder, packed, or the account of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from deep_code_reasoning.app.pack import PackRequest, pack_case
from deep_code_reasoning.cli.main import cli
from deep_code_reasoning.domain.case import CaseInfo, Source
from deep_code_reasoning.errors import CaseNotFoundError, UsageError
from deep_code_reasoning.store import CaseWriter
from deep_code_reasoning.store.library import case_folder
from scenery import System, Trouble


@pytest.fixture
def case() -> str:
    folder = case_folder("shop")
    folder.mkdir(parents=True)
    with CaseWriter(folder) as writer:
        writer.add_source(Source(1, "test", "test", "test", "mixed"))
        for table, rows in System(Trouble(stock_error="out of items")).tables().items():
            writer.rows(table, rows)
        writer.commit(CaseInfo("shop"))
    return "shop"


def test_the_command_prints_the_pack_or_its_manifest(case: str, tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "stock.py").write_text("def find(item):\n    return None\n")
    asked = ["--budget-tokens", "4000", "--file", "stock.py", "--file", ".env", "--repo", str(tmp_path / "code")]
    text = CliRunner().invoke(cli, ["pack", case, *asked]).output
    assert text.startswith("<evidence-")
    assert "def find(item)" in text
    manifest = CliRunner().invoke(cli, ["pack", case, *asked, "--manifest"]).output
    assert "of 4,000 tokens (estimate" in manifest
    assert "dropped" in manifest
    assert "code/.env" in manifest


def test_a_case_is_packed_by_its_folder_too(case: str) -> None:
    by_name = pack_case(case, PackRequest(budget_tokens=2_000))
    assert pack_case(str(case_folder(case)), PackRequest(budget_tokens=2_000)).text == by_name.text


@pytest.mark.parametrize(
    "request_", [PackRequest(analysis_type="guess"), PackRequest(depth=6), PackRequest(budget_tokens=0)]
)
def test_a_request_that_makes_no_sense_is_refused(case: str, request_: PackRequest) -> None:
    with pytest.raises(UsageError):
        pack_case(case, request_)


def test_a_case_that_is_not_there_is_said_so() -> None:
    with pytest.raises(CaseNotFoundError):
        pack_case("gone", PackRequest())
