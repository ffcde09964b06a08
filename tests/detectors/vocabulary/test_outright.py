"""Sentences that state a mechanism, and their neighbours that do not."""

from __future__ import annotations

import pytest

from deep_code_reasoning.detectors.vocabulary.outright import may_say_outright, said_outright, waits_in


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
        ("price of shop is 12.50, the check says 13.00", ""),
        ("prices returned 12.50, the recount says 13.00", "wrong_result"),
        ("prices returned 12.50, the recount says 12.50", ""),
        ("stored points 120 but history adds up to 118", "wrong_result"),
        ("GET /x returned 200 in 12 ms, cache shows 3 hits", ""),
        ("draft 6 overwrote draft 7", "race_condition"),
        ("draft 7 overwrote draft 6", ""),
        ("another worker (w-7) wrote within our section", ""),
        ("another writer (w-7) entered within our section", "race_condition"),
        ("heartbeat for lease:shard-7 unanswered: lease lapsed 41 ms ago", "lock_lease_expired"),
        ("lease lasts 41 ms", ""),
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
    assert may_say_outright("draft 7 overwrote draft 6")
    assert may_say_outright("prices returned 12.50, the recount says 12.50")


@pytest.mark.parametrize(
    "text",
    [
        '"w-3" is waiting to lock a, held by "w-7" which is waiting to lock b',
        "fiber 3 parked 9000 ms at a; holder fiber 7 parked at b",
        "w-3 BLOCKED on a, owned by w-7 which waits for b",
    ],
)
def test_who_waits_for_one_who_waits_is_told_with_both_locks(text: str) -> None:
    assert said_outright(text) == "deadlock"
    assert waits_in(text) == [("a", "b")]
