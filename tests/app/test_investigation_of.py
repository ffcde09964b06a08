from __future__ import annotations

import shutil
from pathlib import Path

from deep_code_reasoning.app.investigate import investigation_of
from deep_code_reasoning.domain.case import CaseInfo, Source
from deep_code_reasoning.store import CaseWriter

from .conftest import Incident


def test_a_case_is_investigated_again_when_it_changed_and_not_when_the_question_did(
    incident: Incident, tmp_path: Path
) -> None:
    folder = tmp_path / "case"
    shutil.copytree(incident.folder, folder)
    first, asked = investigation_of(folder), investigation_of(folder, "why does stock fail?")
    assert asked.case.question == "why does stock fail?"
    assert asked.findings is first.findings
    with CaseWriter(folder) as writer:
        writer.add_source(Source(1, "other.json", str(folder / "other.json"), "test", "mixed", bytes=1))
        writer.commit(CaseInfo("incident"))
    assert investigation_of(folder).findings == ()
