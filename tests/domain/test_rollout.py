"""Environments are told apart by what they are called."""

from __future__ import annotations

import pytest

from deep_code_reasoning.domain.rollout import is_rehearsal


@pytest.mark.parametrize(
    "name", ["staging", "Preview - shop", "qa2", "dev-eu", "pre-prod", "pr-17", "review/fix-cart", "UAT"]
)
def test_one_that_serves_only_those_who_build_is_a_rehearsal(name: str) -> None:
    assert is_rehearsal(name)


@pytest.mark.parametrize(
    "name", ["", "production", "Production - shop", "eu-west-1", "live", "canary", "shop", "prod2"]
)
def test_any_other_may_serve_people(name: str) -> None:
    assert not is_rehearsal(name)
