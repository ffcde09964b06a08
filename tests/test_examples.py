"""Every example is investigated, and gives the answer that lies beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deep_code_reasoning.app.ingest import Evidence
from deep_code_reasoning.app.investigate import investigate
from deep_code_reasoning.report.answer import as_json

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*/answer.json"))


@pytest.mark.parametrize("answer", EXAMPLES, ids=lambda path: path.parent.name)
def test_an_example_gives_the_answer_beside_it(answer: Path) -> None:
    expected = json.loads(answer.read_text("utf-8"))
    given = as_json(investigate(Evidence((answer.parent / "evidence",))))
    told = {"verdict": given["verdict"], **given["causes"][0]}
    assert {name: told[name] for name in expected} == expected


def test_there_are_examples() -> None:
    assert EXAMPLES
