"""One consultation: a pack and a question go to a model, its answer comes back checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from ..domain.analysis import AnalysisRequest
from ..domain.asking import Asker, Message, ModelAnswer, ModelEvent, ModelRequest, OnEvent, Passage, ToolUsed
from ..domain.claim import CheckedClaim
from ..domain.deadline import Deadline
from ..domain.opinion import Opinion, Recommendation
from ..domain.pack import Pack, Scope
from ..packing.draft import Draft, Line
from ..packing.fence import reading_rules
from ..packing.plain_text import visible
from ..packing.redaction import redact
from .base import Specialist
from .bench import Bench
from .experiments import keep_provider_runs
from .prose import checked_text, evidence_in
from .tools import make_tools
from .verification import overall, verify

if TYPE_CHECKING:
    from .answers import Answer

# By depth (1 to 5): requests to the model at most, tokens that it may write, how hard it shall think.
STEPS: Final = (2, 4, 8, 12, 20)
OUTPUT_TOKENS: Final = (4_000, 8_000, 16_000, 24_000, 32_000)
EFFORTS: Final = ("low", "low", None, "high", "high")


@dataclass(frozen=True)
class Consultation:
    """Everything that one question to a specialist consists of, but the model.

    `corrections` is what an earlier answer got wrong.
    """

    specialist: Specialist
    request: AnalysisRequest
    pack: Pack
    bench: Bench
    corrections: tuple[str, ...] = ()


async def consult(
    asker: Asker,
    models: str | Sequence[str],
    consultation: Consultation,
    deadline: Deadline,
    on_event: OnEvent | None = None,
) -> Opinion:
    """Ask, and hold the answer against the evidence.

    Raises:
        ProviderError: when no model gave a usable answer; all that was written is in it.
        BudgetExceededError: when a limit stood in the way; nothing was sent then.
    """
    used: list[ToolUsed] = []

    def listen(event: ModelEvent) -> None:
        if isinstance(event, ToolUsed):
            used.append(event)
        if on_event is not None:
            on_event(event)

    specialist, bench = consultation.specialist, consultation.bench
    request = model_request(specialist, bench, consultation.request.depth, opening_prompt(consultation))
    answer = await asker.ask(models, request, deadline, listen)
    return opinion_of(answer, bench, used=used)


def model_request(
    specialist: Specialist, bench: Bench, depth: int, prompt: tuple[Passage, ...], history: tuple[Message, ...] = ()
) -> ModelRequest:
    """A request to a specialist: instructions, tools and type of answer are the same over a whole conversation."""
    return ModelRequest(
        prompt=prompt,
        instructions=specialist.instructions,
        history=history,
        answer=specialist.answer(),
        tools=make_tools(specialist.tools, bench),
        max_steps=STEPS[depth - 1],
        max_output_tokens=OUTPUT_TOKENS[depth - 1],
        effort=EFFORTS[depth - 1],
        run_code=specialist.runs_code,
    )


def opening_prompt(consultation: Consultation) -> tuple[Passage, ...]:
    """The first prompt: what is stable comes first, so that a provider's cache keeps it; the question last."""
    return (*evidence_passages(consultation), Passage(question_text(consultation)))


def evidence_passages(consultation: Consultation) -> tuple[Passage, ...]:
    """How to read evidence, the pack, and what the caller said. All of it comes again with the next question."""
    passages = [Passage(reading_rules(consultation.pack.nonce) + "\n\n"), *consultation.pack.passages]
    context = consultation.request.context.lines
    if context:
        passages.append(Passage(caller_text(context, consultation.bench)))
    return (*passages[:-1], replace(passages[-1], cache_after=True))


def caller_text(lines: Sequence[str], bench: Bench) -> str:
    """What the caller tried and found, as evidence among others: it may be wrong, and it may hold anything."""
    draft = Draft("caller/context", "What the caller tried and found", tuple(Line(line) for line in lines))
    return bench.shown(draft.piece(bench.max_result_tokens))


def question_text(consultation: Consultation) -> str:
    """The question, with what is to be known about its bounds."""
    request = consultation.request
    question = plain(request.question) or "What caused the incident?"
    parts = [f"Question: {question}", *(plain(line) for line in _where(request.scope))]
    if consultation.corrections:
        # What another model wrote may repeat what it read in the evidence: it is fenced like all of that.
        parts.append("Claims of an earlier answer that did not hold against the evidence; do not repeat what is wrong:")
        parts.append(consultation.bench.shown_lines("answer/earlier", "An earlier answer", consultation.corrections))
    return "\n".join(parts)


def _where(scope: Scope) -> list[str]:
    """Where the asker wants to look, a line a kind; nothing when everywhere."""
    places = (("files", scope.files), ("entry points", scope.entry_points), ("services", scope.services))
    lines = [f"Look at these {kind}: {', '.join(names)}" for kind, names in places if names]
    if scope.window is not None:
        lines.append(f"Look at the time from {' to '.join(scope.window.as_text())}")
    return lines


def plain(text: str) -> str:
    """A caller's words without secrets and without what cannot be seen."""
    return visible(redact(text.strip()).text)


def opinion_of(
    answer: ModelAnswer, bench: Bench, history: Sequence[Message] = (), used: Sequence[ToolUsed] = ()
) -> Opinion:
    """A model's typed answer, held against the evidence. `history` is what it had been told before."""
    keep_provider_runs(bench, answer.code_runs)
    told = (*history, *answer.messages)
    return replace(
        checked_answer(answer.value, bench, told, answer.model, answer.provider, answer.resolved),
        text=answer.text,
        usage=answer.usage,
        cost_usd=answer.cost_usd,
        duration_s=answer.duration_s,
        repaired=answer.repaired,
        tools_used=tuple(used),
        code_runs=answer.code_runs,
    )


def checked_answer(
    value: Answer, bench: Bench, told: Sequence[Message], model: str, provider: str, resolved: str | None
) -> Opinion:
    """An answer of a specialist's type, whoever kept it, held against the evidence; `told` is what the model knew."""
    ground, shown = bench.ground, evidence_in(told, bench.nonce)
    claims = verify(value.claims(), ground)
    summary, doubts = checked_text(value.summary, "summary", shown, ground)
    recommendations, withheld = _recommendations(value, claims)
    advice = []
    for each in recommendations:
        action, doubtful = checked_text(each.action, "recommendation", shown, ground)
        advice.append(replace(each, action=action))
        doubts += doubtful
    return Opinion(
        model=model,
        resolved=resolved,
        provider=provider,
        summary=summary,
        claims=claims,
        verification=overall(claims),
        recommendations=tuple(advice),
        doubts=doubts,
        withheld=withheld,
        open_questions=tuple(value.open_questions),
        verdict=getattr(value, "verdict", None),
    )


def _recommendations(value: Answer, claims: Sequence[CheckedClaim]) -> tuple[tuple[Recommendation, ...], int]:
    """What follows from causes that stand; advice that rests on refuted causes alone is withheld."""
    causes = [claim for claim in claims if claim.claim.role == "cause"]
    kept, withheld = [], 0
    for each in value.recommendations:
        places = [place for place in each.because_of if 1 <= place <= len(causes)]
        standing = [place for place in places if causes[place - 1].verdict != "refuted"]
        if places and not standing:
            withheld += 1
        else:
            kept.append(Recommendation(each.action, tuple(standing)))
    return tuple(kept), withheld
