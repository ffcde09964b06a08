"""Operations of a case lead to code, and a cause gets the place of its own."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from deep_code_reasoning.app.code_references import references
from deep_code_reasoning.app.code_telemetry import frames_of_exceptions
from deep_code_reasoning.app.ingest import Evidence
from deep_code_reasoning.app.investigate import folder_of, investigate
from deep_code_reasoning.app.operation_code import deployed, operations, what_ran, with_code
from deep_code_reasoning.domain.investigation import Investigation
from deep_code_reasoning.source import Roots
from deep_code_reasoning.source.contracts.read import read_contracts
from deep_code_reasoning.source.roots import SourcePath
from deep_code_reasoning.store import CaseStore, open_case
from server.conftest import stamp, write_evidence
from source.conftest import Repository

TRACE = 'Traceback:\n  File "/srv/app/stock.py", line 3, in reserve\n  File "/srv/gone.py", line 1, in f\nKeyError\n'
STOCK = "class Stock:\n    def reserve(self, order):\n        return order.sku\n"


@pytest.fixture(scope="module")
def investigated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Evidence, Investigation]:
    folder = tmp_path_factory.mktemp("incident")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DCR_HOME", str(folder / "home"))
        write_evidence(folder / "evidence")
        raised = {
            "trace_id": "f" * 32, "span_id": "c", "parent_id": None, "service": "stock", "name": "tick",
            "start": stamp(5), "duration_ms": 1, "status": "ERROR",
            "events": [{"name": "exception", "time": stamp(5), "attributes": {"exception.stacktrace": TRACE}}],
            "resource": {"service.name": "stock", "vcs.repository.name": "stock", "vcs.ref.head.revision": "abc123"},
        }  # fmt: skip
        spans = json.loads((folder / "evidence" / "traces.json").read_text())
        (folder / "evidence" / "traces.json").write_text(json.dumps([*spans, raised]))
        repository = Repository(folder / "stock")
        repository.commit({"app/stock.py": STOCK})
        evidence = Evidence((folder / "evidence",), repositories=(repository.folder,), case_name="placed")
        answer = investigate(evidence)
        yield_folder = folder_of(evidence, answer)
    return replace(evidence, paths=(yield_folder,)), answer


def opened(evidence: Evidence) -> CaseStore:
    return open_case(evidence.paths[0])


def test_a_cause_gets_the_place_of_its_operation(investigated: tuple[Evidence, Investigation]) -> None:
    cause = investigated[1].causes[0]
    assert (cause.service, cause.operation) == ("stock", "Stock.reserve")
    assert cause.code_region == "stock/app/stock.py:2"


def test_a_place_that_was_known_before_stays(
    investigated: tuple[Evidence, Investigation], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DCR_HOME", str(tmp_path))
    evidence, answer = investigated
    known = replace(answer.causes[0], code_region="elsewhere.py:1")
    unknown = replace(answer.causes[0], operation="nobody's", code_region=None)
    with opened(evidence) as store:
        causes, given_up = with_code(store, [known, unknown])
    assert [cause.code_region for cause in causes] == ["elsewhere.py:1", None]
    assert given_up == ()


@pytest.mark.parametrize(
    ("limit", "reason"),
    [("MAX_WAIT_S", "1 files, not read within 0 s"), ("MAX_FILES", "1 files, more than 0")],
)
def test_what_takes_too_long_is_given_up_and_said(
    investigated: tuple[Evidence, Investigation],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    limit: str,
    reason: str,
) -> None:
    monkeypatch.setenv("DCR_HOME", str(tmp_path))
    monkeypatch.setattr(f"deep_code_reasoning.app.operation_code.{limit}", 0)
    evidence, answer = investigated
    assert "code_places" not in {check.detector for check in answer.checks}
    with opened(evidence) as store:
        (cause,), (check,) = with_code(store, [replace(answer.causes[0], code_region=None)])
    assert cause.code_region is None
    assert (check.detector, check.verdict) == ("code_places", "skipped")
    assert check.reason == f"the repositories of the causes' services have {reason}"


def test_operations_are_told_with_their_spans_and_code(
    investigated: tuple[Evidence, Investigation], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DCR_HOME", str(tmp_path))
    evidence = investigated[0]
    roots = Roots(evidence.repositories)
    with opened(evidence) as store, references(roots) as names:
        ran = what_ran(store, operations(store, read_contracts(roots), names, roots), ["stock"])
        assert frames_of_exceptions(store, roots) == [(SourcePath("stock", "app/stock.py"), 3)]
        assert deployed(store) == {"stock": {"repository": "stock", "revision": "abc123"}}
    reserve = next(each for each in ran if each.operation.name == "Stock.reserve")
    assert [str(place) for place in reserve.places] == ["stock/app/stock.py:2"]
    assert (reserve.spans, reserve.failed, reserve.p50_ms) == (200, 80, 20.0)
    assert {each.operation.service for each in ran} == {"stock"}
