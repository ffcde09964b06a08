"""Claims against a case: what holds, what cannot be shown, what the evidence contradicts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from deep_code_reasoning.domain.case import CaseInfo, Source
from deep_code_reasoning.domain.claim import Claim, Figure, Proof
from deep_code_reasoning.domain.experiment import ExperimentResult
from deep_code_reasoning.domain.instant import NS_PER_S
from deep_code_reasoning.domain.window import Window, Windows
from deep_code_reasoning.source import Roots
from deep_code_reasoning.specialists.ground import Ground
from deep_code_reasoning.specialists.verification import UNPROVEN_CONFIDENCE, overall, verify, verify_claim
from deep_code_reasoning.store import CaseWriter, open_case
from scenery import START_NS, System, Trouble

ONSET_NS = START_NS + 60 * NS_PER_S
WINDOWS = Windows(
    Window(START_NS, ONSET_NS),
    Window(ONSET_NS, START_NS + 120 * NS_PER_S),
    ONSET_NS,
    Window(ONSET_NS, ONSET_NS + NS_PER_S),
    None,
    "test",
    changed=True,
)
SPAN = Proof("span:00000050/s1")
FAILED = "SELECT count() FROM spans WHERE status = 'error' AND service = 'stock'"
EARLY = Window(START_NS, START_NS + 30 * NS_PER_S)
LATE = Window(ONSET_NS, START_NS + 120 * NS_PER_S)


def changes() -> list[dict[str, object]]:
    def change(kind: str, change_id: str, at_s: int, **more: object) -> dict[str, object]:
        return {"kind": kind, "id": change_id, "time_ns": START_NS + at_s * NS_PER_S, "source_id": 1, "line": 1, **more}

    return [
        change("commit", "aaa1111", 10, repo="shop", message="early"),
        change("commit", "bbb2222", 90, repo="shop", message="late"),
        change("commit", "ccc3333", 10, repo="shop", message="early, deployed late"),
        change("deploy", "d1", 95, service="stock", commit_sha="ccc3333"),
    ]


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    folder = tmp_path_factory.mktemp("verification")
    system = System(Trouble(stock_error="stock is down", stock_fails="token=hunter2secret stock is down"))
    with CaseWriter(folder / "case") as writer:
        writer.add_source(Source(1, "test", str(folder / "test"), "test", "mixed"))
        for table, rows in system.tables(changes=changes()).items():
            writer.rows(table, rows)
        writer.commit(CaseInfo("test"))
    (folder / "shop").mkdir()
    (folder / "shop" / "cart.py").write_text("def total(prices):\n    return sum(prices)\n")
    runs = {"1": ExperimentResult("test", "finished", "the sum is 3\n", "", 0.1)}
    with open_case(folder / "case") as store:
        yield Ground(store, Roots((folder / "shop",)), WINDOWS, runs)


def claim(*proofs: Proof, **fields: object) -> Claim:
    return Claim("cause", "stock fails", **{"service": "stock", "confidence": 0.8, "proofs": proofs, **fields})  # type: ignore[arg-type]


def test_what_is_there_and_is_not_contradicted_is_verified(ground: Ground) -> None:
    checked = verify_claim(claim(SPAN), ground)
    assert (checked.verdict, checked.confidence, checked.resolved) == ("verified", 0.8, ("span:00000050/s1",))


@pytest.mark.parametrize(
    "proof",
    [
        Proof("code:shop/cart.py#2", "return sum(prices)"),
        Proof("code:shop/cart.py#1-2"),
        Proof("commit:shop@aaa1111", "early"),
        Proof("experiment:1", "The sum  is 3"),
        Proof("span:00000050/s1", "[redacted:assigned secret] stock is down"),
    ],
)
def test_every_kind_of_proof_resolves(proof: Proof, ground: Ground) -> None:
    checked = verify_claim(claim(proof, service=None), ground)
    assert checked.verdict == "verified", checked.reasons


@pytest.mark.parametrize(
    "proof",
    [
        Proof("span:00000050/nope"),
        Proof("log:other.log@1"),
        Proof("code:shop/cart.py#99"),
        Proof("code:shop/../../secret#1"),
        Proof("commit:shop@0000000"),
        Proof("experiment:2"),
        Proof("Lock released at 10:42:31"),
        Proof("span:00000050/s1", "stock is fine"),
    ],
)
def test_what_does_not_resolve_is_unverified_and_worth_less(proof: Proof, ground: Ground) -> None:
    checked = verify_claim(claim(SPAN, proof), ground)
    assert (checked.verdict, checked.confidence) == ("unverified", 0.4)
    assert checked.reasons


def test_a_claim_that_cites_nothing_never_counts_as_found(ground: Ground) -> None:
    checked = verify_claim(claim(), ground)
    assert (checked.verdict, checked.confidence) == ("unverified", UNPROVEN_CONFIDENCE)


def test_an_unknown_confidence_stays_unknown(ground: Ground) -> None:
    assert verify_claim(claim(SPAN, confidence=None), ground).confidence is None


def test_citations_inside_a_sentence_are_checked_too(ground: Ground) -> None:
    said = Claim("cause", "It began with span:00000050/nope, as log:x@1 shows.", proofs=(SPAN,))
    assert verify_claim(said, ground).unresolved == ("span:00000050/nope", "log:x@1")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"service": "billing"}, "no row of the case is of, or names, a service 'billing'"),
        ({"change": "commit:shop@bbb2222"}, "after it began"),
        ({"change": "commit:shop@ccc3333"}, "after it began"),
        ({"errors_in": EARLY}, "no error of stock is recorded between"),
        (
            {"figures": (Figure("failed spans", 12, FAILED),)},
            "is 60 by its own query, not 12",
        ),
    ],
)
def test_what_the_evidence_contradicts_is_refuted_and_said_so(
    fields: dict[str, object], reason: str, ground: Ground
) -> None:
    checked = verify_claim(claim(SPAN, **fields), ground)
    assert (checked.verdict, checked.confidence) == ("refuted", 0.0)
    assert any(reason in said for said in checked.reasons), checked.reasons


@pytest.mark.parametrize(
    "fields",
    [
        {"change": "commit:shop@aaa1111"},
        {"errors_in": LATE},
        {"figures": (Figure("failed spans", 61, FAILED),)},
    ],
)
def test_what_the_evidence_bears_out_is_not_refuted(fields: dict[str, object], ground: Ground) -> None:
    assert verify_claim(claim(SPAN, **fields), ground).verdict == "verified"


@pytest.mark.parametrize(
    "sql", ["", "SELECT 1 FROM system.tables", "SELECT service FROM spans LIMIT 1", "DROP TABLE spans"]
)
def test_a_figure_that_no_query_gives_is_unverified(sql: str, ground: Ground) -> None:
    assert verify_claim(claim(SPAN, figures=(Figure("n", 1, sql),)), ground).verdict == "unverified"


def test_rows_of_another_service_prove_nothing(ground: Ground) -> None:
    checked = verify_claim(claim(Proof("span:00000050/f1"), service="stock"), ground)
    assert checked.verdict == "verified", "its message names the service"
    checked = verify_claim(claim(Proof("span:00000010/f1"), service="stock"), ground)
    assert (checked.verdict, checked.reasons) == ("unverified", ("none of the rows that it cites is of 'stock'",))


def test_the_first_explanation_decides_over_the_whole_answer(ground: Ground) -> None:
    good, bad, vague = claim(SPAN), claim(SPAN, service="billing"), claim()
    results = [overall(verify(claims, ground)).result for claims in ([good], [bad, good], [good, bad], [vague], [])]
    assert results == ["verified", "refuted", "partly", "unverified", "unverified"]


def test_without_a_case_only_code_and_experiments_can_be_shown(tmp_path: Path) -> None:
    nothing = Ground()
    assert verify_claim(claim(SPAN), nothing).verdict == "unverified"
    assert verify_claim(claim(Proof("code:shop/cart.py#1")), nothing).verdict == "unverified"
