"""The answer to an escalation, in the four parts of the contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ..domain.budget import Limits
from ..domain.call import Call
from ..domain.escalation import Signal, TimeSaved
from ..domain.investigation import Investigation
from ..domain.opinion import Consulted, Opinion, usage_as_json, verification_as_json
from ..domain.pack import ManifestEntry, Pack
from ..errors import DeepCodeReasoningError, ProviderError
from ..report.answer import as_json as investigation_as_json
from ..report.outline import skipped_of as skipped_checks
from .metering import total

SCHEMA: Final = "deep-code-reasoning/escalation/1"
# Manifest entries that are listed one by one; the sums below them hold for all.
_MAX_LISTED: Final = 40


@dataclass(frozen=True, slots=True)
class Failure:
    """A model that gave no usable answer, and what it had written until then."""

    model: str
    code: str
    message: str
    hint: str
    retryable: bool
    partial_text: str = ""

    @classmethod
    def of(cls, model: str, error: DeepCodeReasoningError) -> Failure:
        """What is told of an error."""
        text = error.partial_text if isinstance(error, ProviderError) else ""
        return cls(model, error.code, error.message, error.hint, error.retryable, text)

    @property
    def told(self) -> str:
        """What happened and what to do, for people."""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.model} gave no usable answer: {self.message}{hint}"

    def as_json(self) -> dict[str, Any]:
        """As plain data for JSON."""
        return {
            "model": self.model,
            "code": self.code,
            "message": self.message,
            "hint": self.hint or None,
            "retryable": self.retryable,
            "partial_text": self.partial_text or None,
        }


@dataclass(frozen=True, slots=True)
class EscalationAnswer:
    """What an escalation answers.

    `status`: `answered` by a specialist, `analysers_only` when none was asked (`why_no_model` says why), `unanswered`
    when those who were asked gave no usable answer. The analysers' answer is there in any case, and so is the pack,
    which any other model may reason over.
    """

    escalation_id: str | None
    analysis_type: str
    status: str
    investigation: Investigation
    has_case: bool
    pack: Pack | None
    signals: tuple[Signal, ...]
    escalate: bool
    reason: str
    opinion: Opinion | None = None
    others: tuple[Opinion, ...] = ()
    failures: tuple[Failure, ...] = ()
    routing: tuple[str, ...] = ()
    why_no_model: str | None = None
    could_add: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()
    limits: Limits = field(default_factory=Limits)
    time_saved: TimeSaved | None = None
    elapsed_s: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """The four parts."""
        return {
            "schema": SCHEMA,
            "status": self.status,
            "findings": self._findings(),
            "recommendations": self._recommendations(),
            "enriched_context": self._context(),
            "metadata": self._metadata(),
        }

    def specialist_as_json(self) -> dict[str, Any]:
        """What stands beside the analysers' answer: all but what that says already."""
        return {
            "status": self.status,
            "answer": None if self.opinion is None else self.opinion.as_json(),
            "recommendations": self._recommendations(),
            "metadata": self._metadata(),
        }

    @property
    def consulted(self) -> Consulted:
        """What asking came to, for people."""
        notes = [failure.told for failure in self.failures]
        if self.why_no_model is not None:
            notes.append(f"no model was asked: {self.why_no_model}")
        if self.calls:
            cost = total(self.calls)[1]
            price = "at an unknown price" if cost is None else f"for ${cost:.4f}"
            requests = "1 request" if len(self.calls) == 1 else f"{len(self.calls)} requests"
            notes.append(f"{requests} {price}; escalation {self.escalation_id}")
        return Consulted(self.opinion, tuple(notes))

    @property
    def headline(self) -> str | None:
        """What was found, in a line; None when nothing was."""
        if self.opinion is not None and self.opinion.causes:
            return self.opinion.causes[0].claim.statement
        if self.investigation.verdict == "cause_found":
            return self.investigation.causes[0].summary
        return None

    def _findings(self) -> dict[str, Any]:
        found = investigation_as_json(self.investigation)
        return {
            "verdict": found["verdict"] if self.has_case else None,
            "causes": found["causes"],
            "findings": found["findings"],
            "specialist": None if self.opinion is None else self.opinion.as_json(),
        }

    def _recommendations(self) -> list[dict[str, Any]]:
        """What to do: the analysers' remedies and checks, and what the specialist advises on causes that stand."""
        advice: list[dict[str, Any]] = []
        for cause in self.investigation.causes:
            basis = {"by": "analysers", "cause": cause.rank, "citations": [str(c) for c in cause.citations[:3]]}
            if cause.remediation:
                advice.append({"action": cause.remediation, **basis})
            advice += [{"action": check, **basis} for check in cause.next_checks]
        if self.opinion is not None:
            causes = [claim for claim in self.opinion.claims if claim.claim.role == "cause"]
            for each in self.opinion.recommendations:
                grounds = [causes[place - 1] for place in each.because_of]
                cited = [citation for claim in grounds for citation in claim.resolved]
                verified = bool(grounds) and all(claim.verdict == "verified" for claim in grounds)
                advice.append(
                    {
                        "action": each.action,
                        "by": "specialist",
                        "because_of": list(each.because_of),
                        "verified": verified,
                        "citations": cited[:5],
                    }
                )
        return advice

    def _context(self) -> dict[str, Any]:
        """What the asker's own model may go on with."""
        pack = self.pack
        times = investigation_as_json(self.investigation)["case"] if self.has_case else {}
        return {
            "onset": times.get("onset"),
            "incident": times.get("incident"),
            "could_not_look": skipped_checks(self.investigation) if self.has_case else [],
            "open_questions": list(self.opinion.open_questions) if self.opinion else [],
            "a_specialist_could_add": list(self.could_add),
            # Whoever asked a specialist has its answer; without one, the evidence itself is the most that we can give.
            "pack": pack.text if pack is not None and self.opinion is None else None,
        }

    def _metadata(self) -> dict[str, Any]:
        usage, cost = total(self.calls)
        return {
            "escalation_id": self.escalation_id,
            "analysis_type": self.analysis_type,
            "escalate": self.escalate,
            "reason": self.reason,
            "signals": [
                {"name": s.name, "value": s.value, "threshold": s.threshold, "held": s.held} for s in self.signals
            ],
            "model": self.opinion.model if self.opinion else None,
            "models_asked": list(dict.fromkeys(call.model_requested for call in self.calls)),
            "routing": list(self.routing),
            "why_no_model": self.why_no_model,
            "failures": [failure.as_json() for failure in self.failures],
            "other_answers": [
                {"model": o.model, "summary": o.summary, "verification": verification_as_json(o.verification)}
                for o in self.others
            ],
            "calls": len(self.calls),
            "usage": usage_as_json(usage) if self.calls else None,
            "total_cost_usd": None if cost is None else round(float(cost), 9),
            "limits": _limits(self.limits),
            "pack": None if self.pack is None else pack_as_json(self.pack),
            "time_saved_estimate": None
            if self.time_saved is None
            else {"estimate_s": self.time_saved.estimate_s, "basis": self.time_saved.basis, "is_estimate": True},
            "elapsed_s": round(self.elapsed_s, 3),
        }


def pack_as_json(pack: Pack) -> dict[str, Any]:
    """The account of a pack: what was offered, sent, dropped, skipped, and what was taken out."""
    offered, sent, dropped = pack.size.offered, pack.size.sent, pack.size.dropped
    partial = [entry for entry in pack.manifest if entry.state != "sent"]
    return {
        "budget_tokens": pack.budget_tokens,
        "tokens": pack.tokens,
        "counted": pack.counted,
        "offered": {"bytes": offered.size_bytes, "tokens": offered.tokens},
        "sent": {"bytes": sent.size_bytes, "tokens": sent.tokens},
        "dropped": {"bytes": dropped.size_bytes, "tokens": dropped.tokens},
        "partial": pack.is_partial,
        "skipped": [{"path": e.key.partition("/")[2], "reason": e.reason} for e in skipped_of(pack)],
        "not_sent_whole": [
            {"key": e.key, "state": e.state, "offered_tokens": e.offered_tokens, "reason": e.reason or None}
            for e in partial[:_MAX_LISTED]
        ],
        "not_sent_whole_count": len(partial),
        "redactions": dict(pack.redactions),
    }


def skipped_of(pack: Pack) -> list[ManifestEntry]:
    """Files that were asked for and not read."""
    return [entry for entry in pack.manifest if entry.key.startswith("code/") and not entry.offered_bytes]


def _limits(limits: Limits) -> Mapping[str, Any]:
    return {
        scope: {"usd": None if amount.usd is None else float(amount.usd), "tokens": amount.tokens}
        for scope, amount in (("call", limits.call), ("escalation", limits.escalation), ("day", limits.day))
    }
