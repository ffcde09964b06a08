"""Changes as YAML: what costs an item, and no other."""

from __future__ import annotations

from typing import Any

import pytest

from deep_code_reasoning.readers import changes_yaml


def test_an_item_that_is_too_long_is_rejected_whole(read_evidence: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut, it would have half a diff, and nobody would know."""
    monkeypatch.setattr(changes_yaml, "MAX_CHARACTERS", 400)
    item = "- sha: {sha}\n  date: 2026-06-18T14:00:00Z\n  message: Fix\n  diff: |\n{diff}\n"
    short, long = "    +a = 1", "\n".join(f"    +a{number} = {number}" for number in range(100))
    text = item.format(sha="a" * 40, diff=long) + item.format(sha="b" * 40, diff=short)
    outcome = read_evidence("changes-yaml", {"history.yaml": text.encode()})["history.yaml"]
    assert [row["commit_sha"] for row in outcome.tables["changes"]] == ["b" * 40]
    (lost,) = outcome.rejected
    assert (lost["line"], lost["reason"]) == (1, "an item of more than 400 characters")
