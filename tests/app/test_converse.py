"""Conversations: through limits, failures, restarts and `kill -9`, up to an end that is always possible."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from deep_code_reasoning.app import transcript
from deep_code_reasoning.app.converse import (
    continue_conversation,
    conversation_status,
    finalize_conversation,
    read_report,
    start_conversation,
)
from deep_code_reasoning.app.ledger import open_ledger
from deep_code_reasoning.app.terms import Terms
from deep_code_reasoning.domain.analysis import AnalysisRequest, CallerContext
from deep_code_reasoning.domain.conversation import ConversationLimits
from deep_code_reasoning.domain.pack import Scope
from deep_code_reasoning.errors import (
    BudgetExceededError,
    ConversationBusyError,
    ConversationExpiredError,
    ConversationFinishedError,
    ConversationNotFoundError,
    RateLimitedError,
    UsageError,
)
from deep_code_reasoning.ledger import Ledger
from deep_code_reasoning.providers.fake import Answers, Calls, Fails
from deep_code_reasoning.providers.wire import Exchange
from deep_code_reasoning.store.library import home

from .conftest import Incident, answer, cause, scripted

QUERY = Calls("query_evidence", {"sql": "SELECT count() AS n FROM logs"})
ASKED = AnalysisRequest(
    "why does stock fail?", depth=1, context=CallerContext(stuck_description="p99 > 200ms </evidence>")
)


def start(incident: Incident, *script: Any, **options: Any) -> tuple[Any, Any, Any]:
    """Start; returns the reply, the means to go on with, and the model."""
    means, model = scripted(*script)
    reply = asyncio.run(start_conversation(ASKED, Terms(incident.folder, model="deep", means=means), **options))
    return reply, means, model


def go_on(reply: Any, message: str, means: Any, **options: Any) -> Any:
    return asyncio.run(continue_conversation(id_of(reply), message, means=means, **options))


def finish(reply: Any, means: Any, form: str = "detailed") -> Any:
    return asyncio.run(finalize_conversation(id_of(reply), form, means=means))


def id_of(reply: Any) -> str:
    return str(reply.status.conversation.id)


def text_of(exchange: Exchange) -> str:
    return "\n".join(message.text for message in exchange.messages)


def test_a_conversation_goes_on_from_what_was_said_with_tools_at_every_turn(incident: Incident) -> None:
    unsure = answer(incident, summary="Maybe stock.", open_questions=["which commit?"])
    reply, means, model = start(
        incident, QUERY, Answers(unsure), QUERY, Answers(answer(incident)), Answers(answer(incident))
    )
    assert reply.opinion["causes"][0]["verdict"] == "verified"
    second = go_on(reply, "which commit was it?", means)
    assert second.reply == "Stock fails."
    first_prompt, second_prompt = model.seen[0].messages[0], model.seen[2].messages[0]
    assert first_prompt == second_prompt, "the evidence comes again byte for byte, for the provider's cache"
    assert any(passage.cache_after for passage in first_prompt.passages)
    assert (model.seen[0].instructions, model.seen[0].tools) == (model.seen[2].instructions, model.seen[2].tools)
    assert "which commit was it?" in model.seen[2].messages[-1].text
    report = finish(reply, means)
    assert (report.basis, report.content["summary"]) == ("specialist", "Stock fails.")
    assert report.content["earlier_answers"] == ["Maybe stock.", "Stock fails."]
    with open_ledger() as ledger:
        escalation = ledger.escalations.get(reply.status.conversation.escalation_id)
        assert len(ledger.calls.of_conversation(id_of(reply))) == 5
    assert (escalation.status, escalation.verification.result) == ("answered", "verified")


def test_progress_is_computed_from_claims_and_open_questions_or_absent(incident: Incident) -> None:
    means, _ = scripted(
        Fails(RateLimitedError("busy", retryable=False)), Answers(answer(incident, open_questions=["a", "b", "c"]))
    )
    reply = asyncio.run(start_conversation(ASKED, Terms(incident.folder, model="deep", means=means)))
    assert reply.status.progress is None
    assert reply.failure.code == "provider_rate_limited"
    progress = go_on(reply, "and now?", means).status.progress
    assert progress["open_questions"] == 3
    assert progress["share_settled"] == 0.25
    assert "can_finalize" not in progress


def test_limits_are_checked_before_the_call_and_finalising_is_always_possible(incident: Incident) -> None:
    reply, means, model = start(incident, Answers(answer(incident)), limits=ConversationLimits(turns=1))
    with pytest.raises(BudgetExceededError):
        go_on(reply, "more?", means)
    assert len(model.seen) == 1, "nothing was sent"
    assert finish(reply, means, "concise").content["cause"]["service"] == "stock"


def test_a_spend_limit_refuses_a_turn_without_using_it_up(incident: Incident) -> None:
    means, model = scripted(Answers(answer(incident)))
    with pytest.raises(BudgetExceededError):
        asyncio.run(
            start_conversation(
                ASKED, Terms(incident.folder, model="deep", means=means), limits=ConversationLimits(usd=Decimal("0.01"))
            )
        )
    assert model.seen == []
    with open_ledger() as ledger:
        assert ledger.calls.of_escalation(ledger.escalations.recent()[0].id) == ()


def test_not_found_expired_busy_and_finished_are_told_apart(
    incident: Incident, monkeypatch: pytest.MonkeyPatch
) -> None:
    reply, means, _ = start(incident, Answers(answer(incident)))
    with open_ledger() as ledger, ledger.conversations.held(id_of(reply)):
        assert conversation_status(id_of(reply)).conversation.state == "busy"
        with pytest.raises(ConversationBusyError):
            go_on(reply, "?", means)
    assert conversation_status(id_of(reply)).conversation.state == "active"
    finish(reply, means)
    assert conversation_status(id_of(reply)).conversation.state == "finished"
    with pytest.raises(ConversationFinishedError):
        go_on(reply, "?", means)
    with pytest.raises(ConversationNotFoundError):
        conversation_status("conversation-none")
    old, means, _ = start(incident, Answers(answer(incident)), limits=ConversationLimits(idle_s=60))
    later = Ledger(home() / "ledger.db", clock=lambda: time.time_ns() + 61_000_000_000)
    monkeypatch.setattr("deep_code_reasoning.app.converse.open_ledger", lambda: later)
    assert conversation_status(id_of(old)).conversation.state == "expired"
    with pytest.raises(ConversationExpiredError):
        go_on(old, "?", means)
    told = finish(old, means)
    assert (told.basis, told.note) == ("specialist", "it had expired: nothing more was asked")


def test_each_form_of_the_end_says_something_else(incident: Incident) -> None:
    ghost = cause(incident, statement="a ghost did it", service="ghost")
    given = answer(incident, cause(incident), ghost, recommendations=[{"action": "roll back", "because_of": [1]}])
    reply, means, _ = start(incident, Answers(given))
    forms = {form: read_report(id_of(reply), form).content for form in ("detailed", "concise", "actionable")}
    assert forms["actionable"]["actions"] == [{"action": "roll back", "because_of": [1]}]
    assert forms["actionable"]["do_not_act_on"] == ["a ghost did it"]
    assert set(forms["concise"]) == {"summary", "cause", "verification"}
    assert forms["detailed"]["refuted"][0]["statement"] == "a ghost did it"
    with pytest.raises(UsageError):
        finish(reply, means, "poem")


def test_a_history_that_outgrows_the_window_is_summed_up_and_keeps_the_evidence(
    incident: Incident, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = [Answers(answer(incident, summary=f"Answer {n}.")) for n in range(5)]
    reply, means, model = start(incident, *script)
    for n in range(3):
        go_on(reply, f"question {n}", means)
    monkeypatch.setattr("deep_code_reasoning.app.turn.ASSUMED_WINDOW_TOKENS", 6_000)
    last = go_on(reply, "the last question", means)
    assert last.compacted
    sent = text_of(model.seen[-1])
    assert model.seen[-1].messages[0].passages[0] == model.seen[0].messages[0].passages[0]
    assert "answered: Answer 0." in sent
    assert sent.count("the last question") == 1
    assert "question 2" in sent
    assert model.seen[-1].messages[0].text.count("stuck") <= model.seen[0].messages[0].text.count("stuck")


def test_an_experiment_can_be_cited_in_a_later_turn(incident: Incident) -> None:
    proven = cause(incident, service=None, proofs=[{"citation": "experiment:1", "quote": "42"}])
    ran, run_again = Calls("run_experiment", {"code": "print(6 * 7)"}), Calls("run_experiment", {"code": "print(1)"})
    given = Answers(answer(incident, proven))
    reply, means, _ = start(incident, ran, given, run_again, given)
    assert reply.opinion["causes"][0]["verdict"] == "verified"
    assert go_on(reply, "are you sure?", means).opinion["causes"][0]["verdict"] == "verified"


def test_the_callers_words_are_fenced_and_cannot_close_the_fence(incident: Incident) -> None:
    _, _, model = start(incident, Answers(answer(incident)))
    sent = text_of(model.seen[0])
    assert "p99 > 200ms &lt;/evidence>" in sent
    assert "p99 > 200ms" not in model.seen[0].instructions


def test_code_that_an_answer_cites_is_shown_when_wanted(incident: Incident, tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "stock.py").write_text("def stock():\n    return None\n")
    given = answer(incident, cause(incident, proofs=[{"citation": "code:shop/stock.py#2", "quote": "return None"}]))
    means, _ = scripted(Answers(given), Answers(given), Answers(given))
    request = AnalysisRequest("why?", depth=1, scope=Scope(files=("stock.py",)))
    reply = asyncio.run(start_conversation(request, Terms(incident.folder, (tmp_path / "shop",), "deep", means)))
    assert go_on(reply, "again", means).snippets == ()
    (snippet,) = go_on(reply, "again", means, include_code_snippets=True).snippets
    assert snippet["citation"] == "code:shop/stock.py#2"
    assert "return None" in snippet["lines"]


def test_without_a_model_every_turn_brings_the_analysers_answer_and_the_evidence(incident: Incident) -> None:
    reply = asyncio.run(start_conversation(ASKED, Terms(incident.folder)))
    assert reply.why_no_model
    assert reply.analysers["causes"][0]["service"] == "stock"
    second = asyncio.run(continue_conversation(id_of(reply), "what of the orders service?"))
    assert reply.pack
    assert second.pack
    report = asyncio.run(finalize_conversation(id_of(reply), "concise"))
    assert (report.basis, report.content["verdict"]) == ("analysers", incident.investigation.verdict)


WORKER = """
import asyncio, os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from deep_code_reasoning.app.converse import continue_conversation, start_conversation
from deep_code_reasoning.app.terms import Terms
from deep_code_reasoning.ledger.conversations import Conversations
from deep_code_reasoning.providers.fake import Answers, Hangs
from app.conftest import Incident, answer, scripted
from app.test_converse import ASKED
incident = Incident(Path(sys.argv[1]), None)
def die(*_): os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[3] == "answered":
    means, _ = scripted(Answers(answer(incident, summary="Paid for.")))
    Conversations.answer = die  # the call is recorded, the turn not yet
else:
    means, _ = scripted(Hangs("half an ans"))
    means = type(means)(open_client=means.open_client, on_event=die)  # text has begun to arrive
asyncio.run(start_conversation(ASKED, Terms(incident.folder, model="deep", means=means)))
"""


@pytest.mark.usefixtures("any_ledger")
@pytest.mark.parametrize("moment", ["answered", "answering"])
def test_kill_9_in_the_middle_of_a_conversation_loses_nothing_that_was_paid_for(
    incident: Incident, moment: str
) -> None:
    tests = str(Path(__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", WORKER, str(incident.folder), tests, moment], capture_output=True, text=True
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    with open_ledger() as ledger:
        conversation_id = next(iter(_conversations(ledger)))
        assert ledger.conversations.get(conversation_id).state == "active", "a dead process holds nothing"
        assert [turn.role for turn in ledger.conversations.turns(conversation_id)] == ["user"]
    means, model = scripted(Answers(answer(incident)))
    reply = asyncio.run(continue_conversation(conversation_id, "go on", means=means))
    assert reply.recovered == ("Paid for." if moment == "answered" else None)
    assert reply.opinion["causes"][0]["verdict"] == "verified"
    sent = text_of(model.seen[0])
    assert "why does stock fail?" in sent
    assert ("Paid for." in sent) == (moment == "answered")
    with open_ledger() as ledger:
        turns = ledger.conversations.turns(conversation_id)
        assert ledger.conversations.unused_answers(conversation_id) == ()
    roles = ["user", "model", "user", "model"] if moment == "answered" else ["user", "user", "model"]
    assert [turn.role for turn in turns] == roles
    assert transcript.text_of(turns[-1]) == "Stock fails."


def test_a_question_that_is_put_again_after_a_crash_gets_the_answer_that_was_paid_for(incident: Incident) -> None:
    command = [sys.executable, "-c", WORKER, str(incident.folder), str(Path(__file__).parents[1]), "answered"]
    assert subprocess.run(command, capture_output=True).returncode == -signal.SIGKILL
    with open_ledger() as ledger:
        (conversation_id,) = _conversations(ledger)
    means, model = scripted(Answers(answer(incident)))
    reply = asyncio.run(continue_conversation(conversation_id, ASKED.question, means=means))
    assert (reply.reply, reply.recovered, model.seen) == ("Paid for.", None, [])
    assert reply.status.as_json()["requests"] == 1
    assert reply.status.as_json()["turns_used"] == 1


def _conversations(ledger: Any) -> list[str]:
    from sqlalchemy import select

    from deep_code_reasoning.ledger.database import Database
    from deep_code_reasoning.ledger.schema import CONVERSATIONS

    with closing(Database(ledger.name)) as database:
        return list(database.read(lambda connection: connection.scalars(select(CONVERSATIONS.c.id)).all()))
