"""Turns of a conversation as JSON values: what a coding agent asks, and what it reads first."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from ..errors import ConversationNotFoundError
from ..providers.client import ModelClient
from .brief import without_absent
from .consent import restricted
from .conversation_answer import ConversationReply
from .converse import continue_conversation, conversation_status, finalize_conversation, start_conversation
from .means import Means
from .question_job import request_of, terms_of

Asked = Mapping[str, Any]


def begin(asked: Asked, _: Any) -> dict[str, Any]:
    """Start a conversation."""
    return _answered(asyncio.run(_begun(asked)))


async def _begun(asked: Asked) -> ConversationReply:
    """The conversation of this work: started, or, when a process that ended had started it, gone on with."""
    session = asked["handle"].replace("work-", "conversation-", 1)
    try:
        asked_before = conversation_status(session).conversation.turns_used > 0
    except ConversationNotFoundError:
        return await _started(asked, session)
    if asked_before:
        return await continue_conversation(session, asked["question"], means=_means(session))
    return await _started(asked, None)  # nothing was asked under that id, and nothing paid


async def _started(asked: Asked, session: str | None) -> ConversationReply:
    return await start_conversation(request_of(asked), terms_of(asked), conversation_id=session)


def go_on(asked: Asked, _: Any) -> dict[str, Any]:
    """Put the next question."""
    session = asked["session_id"]
    turn = continue_conversation(
        session, asked["message"], include_code_snippets=asked["include_code_snippets"], means=_means(session)
    )
    return _answered(asyncio.run(turn))


def end(asked: Asked, _: Any) -> dict[str, Any]:
    """Finish with a summary."""
    session = asked["session_id"]
    report = asyncio.run(finalize_conversation(session, asked["summary_format"], means=_means(session))).as_json()
    summary = report.pop("summary")
    status = report.pop("status")
    escalation_id = conversation_status(session).conversation.escalation_id
    head = {**report, **summary, "escalation_id": escalation_id, "turns_used": status["turns_used"]}
    return {"head": head, "sections": {name: content for name, content in summary.items() if isinstance(content, list)}}


def status(session_id: str) -> dict[str, Any]:
    """How a conversation stands.

    Raises:
        ConversationNotFoundError: when there is none.
    """
    return conversation_status(session_id).as_json()


def _means(session_id: str) -> Means:
    """With the model that the conversation was begun with, for that was allowed, and no other."""
    model = conversation_status(session_id).model
    catalogue = restricted([model] if model else [])
    return Means(surface="mcp", open_client=lambda gate: ModelClient(catalogue, gate=gate))


def _answered(reply: ConversationReply) -> dict[str, Any]:
    whole = reply.as_json()
    opinion = whole["answer"] or {}
    analysers = whole["analysers"] or {"verdict": None, "causes": []}
    kept = ("failure", "why_no_model", "recovered_answer", "code_snippets", "usage", "cost_usd")
    head = {
        "session_id": whole["session_id"],
        "reply": whole["reply"],
        "verdict": analysers["verdict"],
        "causes": [without_absent(cause) for cause in (opinion.get("causes") or analysers["causes"])[:3]],
        "open_questions": opinion.get("open_questions", []),
        **{name: whole[name] for name in kept if whole[name]},
        "escalation_id": reply.status.conversation.escalation_id,
        "status": whole["status"],
    }
    sections = {
        "claims": opinion.get("claims", []),
        "refuted": opinion.get("refuted", []),
        "recommendations": opinion.get("recommendations", []),
        "pack": whole["pack"] or "",
    }
    return {"head": head, "sections": sections}
