"""What single diffs do: `effects.yaml`, by kinds and languages `kinds.yaml`, by what stays and goes the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from deep_code_reasoning.detectors.changes.compatibility import capabilities
from deep_code_reasoning.detectors.changes.diff import parse_diff
from deep_code_reasoning.detectors.changes.effects import effects_of
from deep_code_reasoning.domain.mechanisms import MECHANISMS

CASES = [
    pytest.param(case, id=case["name"])
    for file in ("effects.yaml", "kinds.yaml", "rewrites.yaml", "losses.yaml", "alike.yaml", "coarser.yaml")
    for case in yaml.load((Path(__file__).parent / file).read_text(), yaml.CSafeLoader)
]
# Literals that come and go are told of every diff; they weigh only where an error quotes them: asked for by name.
QUIET = {"name_gone", "name_new"}


@pytest.mark.parametrize("case", CASES)
def test_a_diff_has_its_effects_and_an_innocent_one_has_none(case: dict[str, Any]) -> None:
    told = {*case["effects"], *case.get("not", ())}
    found = {e.kind for e in effects_of(parse_diff("@@ -1 +1 @@\n" + case["diff"], [case["path"]]))} - (QUIET - told)
    if case["effects"] or "not" in case:
        assert set(case["effects"]) <= found
        assert not found & set(case.get("not", ()))
    else:
        assert found == set()


def test_a_member_of_another_type_is_told_once_by_its_name_on_the_wire() -> None:
    diff = (
        '@@ -1 +1 @@\n-  @JsonProperty("total") private long amount;\n+  @JsonProperty("total") private String amount;'
    )
    told = [effect.subjects for effect in effects_of(parse_diff(diff, ["A.java"])) if effect.kind == "type_changed"]
    assert told == [("total", "amount", "long", "String")]


@pytest.mark.parametrize("case", CASES)
def test_every_effect_is_in_the_table_of_what_effects_can_do(case: dict[str, Any]) -> None:
    for effect in effects_of(parse_diff("@@ -1 +1 @@\n" + case["diff"], [case["path"]])):
        assert effect.kind in capabilities()
        assert 0 < effect.sureness <= 1


def test_the_table_names_known_mechanisms_and_likely_strengths() -> None:
    for capability in capabilities().values():
        assert {capability.mechanism, *capability.mechanisms.values()} <= set(MECHANISMS)
        assert all(0 < strength <= 1 for strength in capability.symptoms.values())
        assert set(capability.mechanisms) <= set(capability.symptoms)
