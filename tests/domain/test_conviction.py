from __future__ import annotations

from dataclasses import replace

from deep_code_reasoning.domain.conviction import Conviction


def test_what_a_conviction_says_of_its_own_is_among_its_facts() -> None:
    change = Conviction(
        "changes.correlation", "n_plus_one", "api", "abc", 0.9, 0.8, {"line": "a.py:1"}, effect="call_in_loop"
    )
    assert (change.facts["line"], change.facts["effect"], change.facts["eliminated"]) == (
        "a.py:1",
        "call_in_loop",
        False,
    )
    assert "service" not in change.facts


def test_a_conviction_that_is_changed_tells_the_change() -> None:
    change = replace(Conviction("changes.correlation", "exception", "api", "abc", 0.9, 0.8), deployed_to="db")
    assert change.facts["deployed_to"] == change.deployed_to == "db"
