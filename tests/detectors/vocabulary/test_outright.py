"""Sentences that state a mechanism, and their neighbours that do not."""

from __future__ import annotations

import pytest

from deep_code_reasoning.detectors.vocabulary.outright import is_cycle, may_say_outright, said_outright


@pytest.mark.parametrize(
    ("text", "mechanism"),
    [
        ("lease renewal for shard-7 rejected: not the owner, node-b holds it", "lock_lease_expired"),
        ("lost leadership of shard 4", "lock_lease_expired"),
        ("lease renewed, still the owner", ""),
        ("token refresh rejected: refresh token expired", ""),
        ("seat 12 sold twice", "race_condition"),
        ("seat 12 sold twice, second sale ignored", ""),
        ("seat 12 sold", ""),
        ("3 invoices exist for order=7", ""),
        ("two invoices exist for order=7", "race_condition"),
        ("applied update #41 after update #44", "race_condition"),
        ("applied update #44 after update #41", ""),
        ("invoice total differs: 12.50 from ledger, 13.00 computed here", "wrong_result"),
        ("invoice total agrees: 12.50 from ledger, 12.50 computed here", ""),
        ("Pod api-0: OOMKilled", "memory_saturation"),
        ("Pod api-0: Completed", ""),
        ("GC(41) Pause Full (Allocation Failure) 2011M->1990M(2048M) 812.3ms", "memory_saturation"),
        ("GC(41) Pause Young (Normal) 811M->290M(2048M) 8.3ms", ""),
    ],
)
def test_a_sentence_states_one_mechanism_or_none(text: str, mechanism: str) -> None:
    assert said_outright(text) == mechanism


def test_records_that_differ_by_numbers_alone_are_read_one_by_one() -> None:
    assert may_say_outright("applied update #44 after update #41")


def link(wanted: str, wants: str) -> str:
    return f'"w-3" is waiting to lock {wanted}, held by "w-7" which is waiting to lock {wants}'


@pytest.mark.parametrize(
    ("texts", "circle"),
    [
        ([link("a", "b"), link("b", "a")], True),
        ([link("a", "b"), link("b", "c"), link("c", "a")], True),
        ([link("a", "b"), link("b", "c")], False),
        ([link("a", "b"), link("a", "b")], False),
    ],
)
def test_a_deadlock_is_a_circle_of_waits(texts: list[str], circle: bool) -> None:
    assert all(said_outright(text) == "deadlock" for text in texts)
    assert is_cycle(texts) is circle
