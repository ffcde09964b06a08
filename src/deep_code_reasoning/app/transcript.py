"""A conversation as the ledger keeps it: what each turn holds, what goes to the model again, and what is recovered.

A turn's content is JSON: `text` for people, the `messages` that it adds to what the model is told again (a question
with its evidence; an answer with the tools' results before it), and for a model's turn its checked `opinion` and the
`experiments` that were run for it. A `summary` turn holds the messages that stand for all before it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, Final

from ..domain.asking import Message, Passage, message_from_json
from ..domain.call import Call
from ..domain.conversation import Turn
from ..domain.experiment import ExperimentResult
from ..domain.tokens import estimate_tokens
from ..specialists.bench import Bench

# Answers that stay word for word when what is before them is summed up.
KEPT_ANSWERS: Final = 2


def content_of(
    text: str,
    messages: Sequence[Message] = (),
    opinion: Mapping[str, Any] | None = None,
    experiments: Mapping[str, ExperimentResult] | None = None,
) -> str:
    """The content of a turn."""
    content = {
        "text": text,
        "messages": [message.as_json() for message in messages],
        "opinion": opinion,
        "experiments": {number: asdict(result) for number, result in (experiments or {}).items()},
    }
    return json.dumps(content, ensure_ascii=False)


def experiments(turns: Sequence[Turn]) -> dict[str, ExperimentResult]:
    """The experiments of a conversation so far, by number: later answers may cite them too."""
    return {
        number: ExperimentResult(**result)
        for turn in turns
        for number, result in _read(turn).get("experiments", {}).items()
    }


def text_of(turn: Turn) -> str:
    """What a turn says to people."""
    return str(_read(turn).get("text", ""))


def opinion_in(turn: Turn) -> dict[str, Any] | None:
    """The checked answer of a model's turn; None when it holds none."""
    opinion = _read(turn).get("opinion")
    return opinion if isinstance(opinion, dict) else None


def opinions(turns: Sequence[Turn]) -> list[dict[str, Any]]:
    """The checked answers of a conversation, in order."""
    return [opinion for turn in turns if (opinion := opinion_in(turn)) is not None]


def history(turns: Sequence[Turn]) -> tuple[Message, ...]:
    """What the model has to be told again: from the last summary on."""
    messages: list[Message] = []
    for turn in turns:
        if turn.role == "summary":
            messages = []
        messages += [message_from_json(message) for message in _read(turn).get("messages", ())]
    return tuple(messages)


def unanswered_question(turns: Sequence[Turn]) -> Turn | None:
    """The last turn when it is a question that no answer follows: a crash may have come between the two."""
    return turns[-1] if turns and turns[-1].role == "user" else None


def lost_answer(question: Turn, calls: Sequence[Call]) -> Call | None:
    """The whole answer to a question that was paid for and is in no turn; None when there is none."""
    # The question is written just before its first request is sent.
    later = [call for call in calls if call.status == "ok" and call.started_ns + _CLOCK_NS >= question.created_ns]
    whole = [call for call in later if call.raw_answer]
    return whole[-1] if whole else None


# Starts of calls are counted back from their ends, in milliseconds.
_CLOCK_NS: Final = 1_000_000_000


def tokens_of(messages: Sequence[Message]) -> int:
    """An estimate of what a history takes."""
    return sum(estimate_tokens(text) for message in messages for text in message.texts)


def compacted(turns: Sequence[Turn], bench: Bench) -> tuple[Message, ...]:
    """A shorter history: the evidence as it was sent, what was asked and answered in short, the last answers whole.

    Nobody's words are made up for it: questions, summaries and checked claims are the ones in the turns.
    """
    whole = history(turns)
    evidence = _stable(whole[0].passages) if whole else ()
    kept_from = _first_kept(turns)
    before = [turn for turn in turns if turn.role in ("user", "model") and turn.ordinal < kept_from]
    kept = [turn for turn in turns if turn.role in ("user", "model") and turn.ordinal >= kept_from]
    lines = [line for turn in before for line in _in_short(turn)]
    said = bench.shown_lines("conversation/before", "What was said before, in short", lines)
    rest = [_without(message, evidence) for message in history(kept)]
    return (Message("user", (*evidence, Passage(said))), *rest)


def _stable(passages: Sequence[Passage]) -> tuple[Passage, ...]:
    """The passages that come again with every question: up to the last that a cache is told to keep."""
    ends = [place for place, passage in enumerate(passages, 1) if passage.cache_after]
    return tuple(passages[: max(ends, default=0)])


def _first_kept(turns: Sequence[Turn]) -> int:
    """The place of the question from which on answers stay word for word."""
    answered = [turn.ordinal for turn in turns if turn.role == "model"][-KEPT_ANSWERS:]
    questions = [turn.ordinal for turn in turns if turn.role == "user" and answered and turn.ordinal < answered[0]]
    return max(questions, default=0)


def _without(message: Message, evidence: tuple[Passage, ...]) -> Message:
    if not evidence or message.passages[: len(evidence)] != evidence:
        return message
    return replace(message, passages=message.passages[len(evidence) :])


def _in_short(turn: Turn) -> list[str]:
    if turn.role == "user":
        return [f"asked: {text_of(turn)}"]
    opinion = opinion_in(turn)
    if opinion is None:
        return [f"answered: {text_of(turn)}"]
    lines = [f"answered: {opinion['summary']}"]
    for claim in (*opinion["causes"], *opinion["claims"], *opinion["refuted"]):
        lines.append(f"- {claim['verdict']}: {claim['statement']} {' '.join(claim['citations'][:5])}".rstrip())
    return lines + [f"open: {question}" for question in opinion["open_questions"]]


def _read(turn: Turn) -> dict[str, Any]:
    content = json.loads(turn.content)
    return content if isinstance(content, dict) else {}
