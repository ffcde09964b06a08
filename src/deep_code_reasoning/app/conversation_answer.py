"""What the conversation use cases answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ..domain.call import Call
from ..domain.conversation import Conversation
from ..domain.instant import format_instant
from ..domain.opinion import usage_as_json
from .escalation_answer import Failure
from .metering import total

FORMATS: Final = ("detailed", "concise", "actionable")


@dataclass(frozen=True, slots=True)
class ConversationStatus:
    """How a conversation stands, and the requests that were made for it.

    `progress` is None as long as nobody has answered: nothing says how far it is.
    """

    conversation: Conversation
    progress: Mapping[str, Any] | None
    model: str | None
    calls: tuple[Call, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As plain data for JSON."""
        stands = self.conversation
        limit = stands.spend_limit_usd
        return {
            "session_id": stands.id,
            "state": stands.state,
            "analysis_type": stands.analysis_type,
            "model": self.model,
            "turns_used": stands.turns_used,
            "turns_left": max(0, stands.turn_limit - stands.turns_used),
            "spent_usd": float(stands.spent_usd),
            "spend_limit_usd": None if limit is None else float(limit),
            "requests": len(self.calls),
            "usage": usage_as_json(total(self.calls)[0]) if self.calls else None,
            "expires_at": format_instant(stands.expires_ns),
            "progress": None if self.progress is None else dict(self.progress),
        }


@dataclass(frozen=True, slots=True)
class ConversationReply:
    """One turn's answer.

    `opinion` is the checked answer (as JSON); None when no model was asked (`why_no_model`) or none answered
    (`failure`). Then `pack` is the evidence for the caller's own model. `recovered` is an earlier answer that was paid
    for and that a crash had kept from its caller. `snippets` are lines of code that the answer cites.
    """

    status: ConversationStatus
    reply: str
    opinion: Mapping[str, Any] | None = None
    failure: Failure | None = None
    why_no_model: str | None = None
    pack: str | None = None
    account: Mapping[str, Any] | None = None
    analysers: Mapping[str, Any] | None = None
    recovered: str | None = None
    compacted: bool = False
    snippets: tuple[Mapping[str, str], ...] = ()
    usage: Mapping[str, Any] | None = None
    cost_usd: float | None = None

    def as_json(self) -> dict[str, Any]:
        """As plain data for JSON."""
        return {
            "session_id": self.status.conversation.id,
            "reply": self.reply,
            "answer": None if self.opinion is None else dict(self.opinion),
            "failure": None if self.failure is None else self.failure.as_json(),
            "why_no_model": self.why_no_model,
            "analysers": None if self.analysers is None else dict(self.analysers),
            "pack": self.pack,
            "pack_account": None if self.account is None else dict(self.account),
            "recovered_answer": self.recovered,
            "history_compacted": self.compacted,
            "code_snippets": [dict(snippet) for snippet in self.snippets],
            "usage": None if self.usage is None else dict(self.usage),
            "cost_usd": self.cost_usd,
            "status": self.status.as_json(),
        }


@dataclass(frozen=True, slots=True)
class ConversationReport:
    """The end of a conversation, in one of `FORMATS`. `basis` says what it was made from."""

    status: ConversationStatus
    form: str
    basis: str
    content: Mapping[str, Any] = field(default_factory=dict)
    note: str | None = None

    def as_json(self) -> dict[str, Any]:
        """As plain data for JSON."""
        return {
            "session_id": self.status.conversation.id,
            "format": self.form,
            "basis": self.basis,
            "note": self.note,
            "summary": dict(self.content),
            "status": self.status.as_json(),
        }


def progress_of(opinions: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """How far a conversation is, from the claims and open questions of its last answer; None before there is one.

    `share_settled` is the share of claims that were decided, of those and of the questions that are open.
    """
    if not opinions:
        return None
    last = opinions[-1]
    verdicts = [claim["verdict"] for claim in (*last["causes"], *last["claims"])] + ["refuted"] * len(last["refuted"])
    counts = {verdict: verdicts.count(verdict) for verdict in ("verified", "unverified", "refuted")}
    open_questions = len(last["open_questions"])
    decided, total = counts["verified"] + counts["refuted"], len(verdicts) + open_questions
    return {
        "open_questions": open_questions,
        "claims": counts,
        "share_settled": round(decided / total, 3) if total else None,
    }


def in_format(form: str, opinion: Mapping[str, Any], earlier: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A checked answer in one of `FORMATS`; nothing is in it that is not in the answers."""
    causes = opinion["causes"]
    if form == "concise":
        first = causes[0] if causes else None
        return {
            "summary": opinion["summary"],
            "cause": None if first is None else _cause(first),
            "verification": opinion["verification"],
        }
    if form == "actionable":
        return {
            "summary": opinion["summary"],
            "actions": opinion["recommendations"],
            "because": [_cause(cause) for cause in causes],
            "to_find_out": opinion["open_questions"],
            "do_not_act_on": [claim["statement"] for claim in opinion["refuted"]],
        }
    return {**opinion, "earlier_answers": [answer["summary"] for answer in earlier]}


def _cause(claim: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("statement", "service", "mechanism", "change", "verdict", "confidence", "citations")
    return {name: claim[name] for name in kept}
