"""No secret leaves, and evidence comes through."""

from __future__ import annotations

import time

import pytest

from deep_code_reasoning.packing.draft import Draft, Line
from deep_code_reasoning.packing.redaction import redact

from .planted import ORDINARY, PLANTED


def parts(secret: str) -> list[str]:
    """Pieces of a secret of which none may be left: of a long one any half of it."""
    half = max(8, len(secret) // 2)
    return [secret] if len(secret) < 16 else [secret[:half], secret[-half:]]


@pytest.mark.parametrize("kind", PLANTED)
@pytest.mark.parametrize(
    "around",
    ["{}", "2026-11-25T10:00:00Z ERROR orders: {} (attempt 3)", "+    {}\n-    old = 1"],
    ids=["alone", "in a log line", "in a diff"],
)
def test_a_planted_secret_is_taken_out(kind: str, around: str) -> None:
    text, secret = PLANTED[kind]
    redacted = redact(around.replace("{}", text))
    assert [part for part in parts(secret) if part in redacted.text] == []
    assert redacted.counts


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_evidence_comes_through(text: str) -> None:
    assert redact(text).text == text


def test_lines_stay_as_many_as_before() -> None:
    text = "before\n" + PLANTED["rsa key"][0] + "\nafter"
    redacted = redact(text).text
    assert redacted.count("\n") == text.count("\n")
    assert redacted.startswith("before\n")
    assert redacted.endswith("\nafter")


def test_what_is_left_of_a_key_whose_end_was_cut_off_goes_too() -> None:
    text = PLANTED["rsa key"][0].rpartition("\n")[0]
    assert "MIIEvQ" not in redact(text).text


def test_a_secret_beside_other_alphabets_is_found_where_it_stands() -> None:
    secret = PLANTED["github pat"][1]
    assert redact(f"Schlüssel für 注文サービス 🔑: {secret} — fertig").text.endswith(" — fertig")
    assert secret not in redact(f"注文 {secret} 終").text


def test_a_secret_hidden_in_base64_is_taken_out() -> None:
    import base64

    hidden = base64.b64encode(f"token: {PLANTED['github pat'][1]} and more".encode()).decode()
    assert hidden not in redact(f"payload {hidden} received").text


def test_an_excuse_in_the_text_does_not_excuse_a_secret() -> None:
    secret = PLANTED["stripe live"][1]
    for excuse in ("# gitleaks:allow", "// kingfisher:ignore", "# pragma: allowlist secret", "nosecret"):
        assert secret not in redact(f"key = '{secret}'  {excuse}").text


def test_shortening_does_not_cut_a_secret_out_of_sight_of_the_rules() -> None:
    lines = PLANTED["openssh key"][0].split("\n")
    draft = Draft("code/a", "a", tuple(Line(line, weight=float(n)) for n, line in enumerate(lines)))
    assert "MIIEvQ" not in draft.piece(60).text  # the lines of the middle and the end weigh more than the first


def test_a_second_pass_changes_nothing() -> None:
    once = redact("\n".join(text for text, _ in PLANTED.values())).text
    assert redact(once).text == once


def test_a_pack_of_logs_is_searched_in_a_fraction_of_a_second() -> None:
    line = (
        "16:42:54.493 INFO a.s.OrderService#65 TraceID: 9bd72d837371fe1b33bd1ab5c2e51e85 [create][key: 17, token ok]\n"
    )
    redact(line)
    started = time.process_time()
    redact(line * 1_000)
    assert time.process_time() - started < 1.0
    hostile = "a" * 50_000 + "://" + "x:" * 20_000 + "password" * 5_000 + "-----BEGIN RSA PRIVATE KEY-----" * 200
    started = time.process_time()
    redact(hostile)
    assert time.process_time() - started < 3.0
