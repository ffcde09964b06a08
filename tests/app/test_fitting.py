"""Packs and histories near the window are counted by the provider where it can; which it was is said."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from deep_code_reasoning.app.converse import continue_conversation, start_conversation
from deep_code_reasoning.app.escalate import escalate
from deep_code_reasoning.app.ledger import open_ledger
from deep_code_reasoning.app.terms import Terms
from deep_code_reasoning.app.tournament import TournamentConfig, run_tournament
from deep_code_reasoning.domain.analysis import AnalysisRequest
from deep_code_reasoning.domain.tokens import ESTIMATE_METHOD, estimate_tokens
from wire.script import Typed
from wire.server import WIRES, Seen, Stub

from .conftest import Incident, answer

UseStub = Callable[..., Stub]
REQUEST = AnalysisRequest("why does stock fail?", depth=1)
# An answer may take half of it, and six tenths of the other half are for a pack.
SMALL = 7_000
LIMIT = 2_100


def twice(seen: Seen) -> int:
    """A model whose vocabulary makes two tokens of one."""
    return 2 * sum(map(estimate_tokens, seen.texts))


def ask(incident: Incident) -> dict[str, Any]:
    found = asyncio.run(escalate(REQUEST, case=incident.folder, model="deep"))
    assert found.status == "answered", found.failures
    with open_ledger() as ledger:
        assert ledger.escalations.get(found.escalation_id or "").pack == found.pack.size
    account: dict[str, Any] = found.as_json()["metadata"]["pack"]
    return account


@pytest.mark.parametrize("wire", WIRES)
def test_a_pack_near_the_window_is_counted_by_the_provider_and_made_to_fit(
    wire: str, incident: Incident, use_stub: UseStub
) -> None:
    stub = use_stub(wire, context_window_tokens=SMALL)
    stub.script(Typed(answer(incident)))
    stub.tokens = twice
    pack = ask(incident)
    sent = "".join(text for text in stub.requests[0].texts if "<evidence-" in text)
    if wire == "openai-chat":
        assert (pack["counted"], len(stub.counted)) == (ESTIMATE_METHOD, 0)
        assert pack["tokens"] <= LIMIT
        return
    assert (pack["counted"], len(stub.counted)) == ("counted by the provider", 2)
    assert pack["tokens"] == pack["sent"]["tokens"] == twice(stub.counted[-1])
    assert LIMIT / 2 < pack["tokens"] <= LIMIT * 1.05
    assert estimate_tokens(sent) < LIMIT * 0.75


def test_far_from_the_window_nobody_counts(incident: Incident, use_stub: UseStub) -> None:
    stub = use_stub("anthropic", context_window_tokens=1_000_000)
    stub.script(Typed(answer(incident)))
    assert ask(incident)["counted"] == ESTIMATE_METHOD
    assert stub.counted == []


def test_a_count_that_fits_changes_nothing_but_the_figure(incident: Incident, use_stub: UseStub) -> None:
    stub = use_stub("gemini", context_window_tokens=SMALL)
    stub.script(Typed(answer(incident)))
    stub.tokens = 1_700
    pack = ask(incident)
    assert (pack["tokens"], pack["counted"], len(stub.counted)) == (1_700, "counted by the provider", 1)


def test_conversations_and_tournaments_send_what_fits_too(incident: Incident, use_stub: UseStub) -> None:
    stub = use_stub("openai-responses", context_window_tokens=SMALL)
    stub.tokens = twice
    stub.script(Typed(answer(incident, summary="Stock fails. " * 300)), Typed(answer(incident)))
    reply = asyncio.run(start_conversation(REQUEST, Terms(incident.folder, model="deep")))
    assert reply.account is not None
    assert reply.account["counted"] == "counted by the provider"
    counted, stub.tokens = len(stub.counted), 10_000
    again = asyncio.run(continue_conversation(reply.status.conversation.id, "sure?"))
    assert len(stub.counted) == counted + 1, "the history is near its limit"
    assert again.compacted
    tested = {"summary": "tested", "verdict": "inconclusive", "predictions": []}
    stub.script(Typed(answer(incident)), *[Typed(tested)] * 2)
    counted, stub.tokens = len(stub.counted), twice
    config = TournamentConfig(max_hypotheses=2, max_rounds=1, parallel_sessions=1)
    found = asyncio.run(run_tournament(REQUEST, Terms(incident.folder, model="deep"), config=config))
    assert found.failures == ()
    assert len(stub.counted) == counted + 2
