"""A model's free text against what it was shown: what is nowhere in it is marked, ordinary words are left alone."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deep_code_reasoning.domain.asking import Message, Passage, ToolResult
from deep_code_reasoning.domain.pack import Piece
from deep_code_reasoning.packing.fence import fenced
from deep_code_reasoning.specialists.ground import Ground
from deep_code_reasoning.specialists.prose import Shown, checked_text, evidence_in

EVIDENCE = """
2026-01-31T14:05:00.250Z stock-service ERROR NullPointerException at StockService.reserve(StockService.java:34)
pool_size=20 waiting=143 p99 412.7 ms, 0.25 of 1,204 requests failed; GET /api/v1/stock took 1500000 ns
commit:shop@c0ffee1234567890 "Cache the shelf" v1.2.3 stock/reserve.py:34
"""
SHOWN = Shown([EVIDENCE])
NOWHERE = Ground()

HOLDS = [
    "The stock-service fails with NullPointerException since 14:05, and 143 callers wait for the pool of 20.",
    "p99 is 413 ms (412.7 ms to be exact); 25 % of the 1,204 requests failed.",
    "A query takes 1.5 ms. It began at 2026-01-31T14:05:00.250Z, on 2026-01-31.",
    "Roll back c0ffee1 first; see `reserve` in stock/reserve.py, and `pool_size`.",
    "This is a connection_pool_exhausted: long-running, back-to-back read/write calls and time-outs, e.g. I/O.",
    "Two or 3 services retry; first, restart them. 1) Then look at PostgreSQL and OpenTelemetry.",
    "It is O(n) in v1.2.3, i.e. n+1 calls.",
    "Nothing is known of it; run query_evidence again.",
    "",
]


@pytest.mark.parametrize("text", HOLDS)
def test_what_the_evidence_shows_and_ordinary_words_are_left_as_they_are(text: str) -> None:
    assert checked_text(text, "summary", SHOWN, NOWHERE) == (text, ())


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("The billing-service is down.", "'billing-service'"),
        ("It calls `chargeCard` twice.", "'chargeCard'"),
        ("PaymentController throws.", "'PaymentController'"),
        ("It calls chargeCard twice.", "'chargeCard'"),
        ("The setting max_open_files is too low.", "'max_open_files'"),
        ("See billing/charge.py for it.", "'billing/charge.py'"),
        ("It is commit deadbeef99.", "'deadbeef99'"),
        ("It began at 14:07.", "the time 14:07"),
        ("It began at 2026-02-01T14:05:00Z.", "the time 2026-02-01T14:05:00Z"),
        ("40 % of requests fail.", "the figure 40 %"),
        ("Its p99 rose to 950 ms.", "the figure 950 ms"),
        ("There are 17,000 locks.", "the figure 17,000"),
        ("See span:0000/none for it.", "span:0000/none cannot be looked up"),
    ],
)
def test_what_it_names_and_was_not_shown_is_marked(sentence: str, reason: str) -> None:
    text, (doubt,) = checked_text(f"Stock fails. {sentence} Roll it back.", "summary", SHOWN, NOWHERE)
    assert reason in doubt.reasons[0]
    assert (doubt.where, doubt.sentence) == ("summary", sentence)
    assert text.startswith(f"Stock fails. {sentence} [unverified: ")
    assert text.endswith("] Roll it back."), "the other sentences stay as they are"


def test_only_evidence_counts_as_shown_and_no_word_of_callers_or_models() -> None:
    nonce = "abcdefghijkl"
    pack = fenced(Piece("log/1", "logs", "alpha-service failed"), nonce)
    caller = fenced(Piece("caller/context", "said", "beta-service failed"), nonce)
    earlier = fenced(Piece("answer/earlier", "said", "gamma-service failed"), nonce)
    result = ToolResult("1", "query", fenced(Piece("query/rows", "rows", "delta-service failed"), nonce))
    told = (
        Message("user", (Passage("rules"), Passage(pack), Passage(caller), Passage(f"epsilon-service? {earlier}"))),
        Message("model", (Passage(fenced(Piece("log/2", "made up", "zeta-service"), nonce)),)),
        Message("tools", results=(result,)),
    )
    shown = evidence_in(told, nonce)
    named = "The {}-service failed."
    found = {
        name: not checked_text(named.format(name), "summary", shown, NOWHERE)[1]
        for name in ("alpha", "beta", "gamma", "delta", "epsilon", "zeta")
    }
    assert found == {"alpha": True, "delta": True, "beta": False, "gamma": False, "epsilon": False, "zeta": False}


@given(st.text(max_size=300))
def test_any_text_comes_out_whole_with_marks_alone_added(text: str) -> None:
    marked, doubts = checked_text(text, "summary", SHOWN, NOWHERE)
    for doubt in doubts:
        marked = marked.replace(f" [unverified: {'; '.join(doubt.reasons)}]", "", 1)
    assert marked == text


@given(st.floats(0.01, 9e5), st.integers(0, 3))
def test_a_figure_is_found_however_it_is_rounded(value: float, decimals: int) -> None:
    shown = Shown([f"it took {value:.4f} ms"])
    assert checked_text(f"It took {value:.{decimals}f} ms.", "summary", shown, NOWHERE)[1] == ()


def test_a_large_pack_is_looked_through_at_little_cost() -> None:
    shown = Shown([EVIDENCE * 2_000])  # about 0.6 MB: a pack of some 200,000 tokens
    began = time.process_time()
    checked_text(" ".join(HOLDS), "summary", shown, NOWHERE)
    assert time.process_time() - began < 2.0


@pytest.mark.parametrize("text", ["a" * 100_000, "a-" * 50_000, "a/b.c/" * 20_000, "1,111" * 20_000, ". A" * 30_000])
def test_no_text_takes_long(text: str) -> None:
    began = time.process_time()
    checked_text(text, "summary", SHOWN, NOWHERE)
    assert time.process_time() - began < 2.0
