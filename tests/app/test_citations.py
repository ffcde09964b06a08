"""Every citation of an answer leads back to a row of its case."""

from __future__ import annotations

import json
from pathlib import Path

from examples.regression.incident import Wish, make

from deep_code_reasoning.app.cases import show_citation
from deep_code_reasoning.app.ingest import Evidence, ingest
from deep_code_reasoning.app.investigate import folder_of, investigate
from deep_code_reasoning.store import open_case
from deep_code_reasoning.store.resolve import resolve

REGRESSION_BYTES = 1_000_000


def cited(evidence: Evidence) -> int:
    """Investigate, resolve every citation of every finding and cause (an unresolved one raises), and count them."""
    answer = investigate(evidence)
    citations = {citation for told in (*answer.findings, *answer.causes) for citation in told.citations}
    with open_case(folder_of(evidence, answer)) as store:
        for citation in citations:
            assert resolve(store, citation)
    return len(citations)


def test_citations_of_labelled_incidents_resolve(labelled_data: Path) -> None:
    for folder in sorted((labelled_data / "rootcausebench").glob("case-*"))[::4]:
        assert cited(Evidence((folder,)))


def test_citations_of_a_regression_resolve(tmp_path: Path) -> None:
    make(Wish("contract", 2, REGRESSION_BYTES), tmp_path)
    repositories = tuple(sorted((tmp_path / "repos").iterdir()))
    assert cited(Evidence((tmp_path / "evidence",), repositories=repositories))


def test_of_a_document_in_one_line_the_record_is_told_and_not_the_beginning(tmp_path: Path) -> None:
    span = {"traceId": "a" * 32, "kind": "SERVER", "timestamp": 1_772_451_000_000_000, "duration": 1_000}
    spans = [{**span, "id": f"{number:016x}", "name": "x" * 200} for number in range(1, 400)]
    (tmp_path / "zipkin.json").write_text(json.dumps(spans))
    folder = ingest(Evidence((tmp_path,)))
    (shown,) = show_citation(folder.name, f"span:{'a' * 32}/{300:016x}")
    assert shown.source_line is not None
    assert shown.source_line.startswith("(record 300 of a line of ")
