"""A model's free text, sentence by sentence: what it names has to stand in the evidence that the model was given.

Claims carry proofs and are checked by `verification`. A summary or a piece of advice carries none, so only what can be
looked up in it is: citations resolve; names, times and figures stand in the evidence that was shown (the pack, results
of tools). What does not is said behind its sentence, and nothing is taken away. That all of a sentence is found does
not make it true, and a figure that the model worked out itself is as unverified as one that it made up.

Costs one pass over the text that was shown, and no query.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Final

from ..domain.asking import Message
from ..domain.mechanisms import MECHANISMS
from ..domain.opinion import Doubt
from .ground import Ground
from .tools import TOOLS
from .verification import INLINE_CITATION

# Pieces between fences that are no evidence: what callers and models said.
_NO_EVIDENCE: Final = ("answer", "caller", "conversation", "explanation", "insight")
_SENTENCE_END: Final = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9`\"'(\[])|\n+")
# A figure: no part of a name, a version, a time or an address. Counts below ten are words.
_FIGURE: Final = re.compile(
    r"(?<![\w.:#@/$-])(\d{1,3}(?:,\d{3})+|\d+)(\.\d+)?\s*(%|percent\b|[µnm]?s\b|us\b|sec\w*|min(?:utes?)?\b|milliseconds?\b)?"
    r"(?![\w/]|[.:]\d)"
)
_SHOWN_FIGURE: Final = re.compile(r"(?<![\d.])\d[\d,]*(?:\.\d+)?")
_SMALLEST_COUNT: Final = 10
_TIME: Final = re.compile(
    r"(?<![\w.:-])(?:\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?|\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?)"
    r"(?:Z|[+-]00:00)?(?!\w)"
)
# What is surely a name and no word of the language: in backticks; with an underscore, or dots and slashes of a path; a
# joined word whose last part says what kind of thing it is; in camel case; a commit's id.
_THINGS: Final = (
    "service|svc|server|api|gateway|worker|proxy|client|db|cache|queue|pool|controller|handler|exception|error|impl"
)
_NAMES: Final = re.compile(
    r"`([^`\n]{2,120})`"
    r"|(?<![\w./-])("
    r"\w+(?:[-.]\w+)*_[\w.-]*\w"
    r"|/?\w[\w-]*(?:/[\w.-]+)+\.\w+"
    rf"|[a-z0-9]+(?:-[a-z0-9]+)*-(?:{_THINGS})"
    rf"|[A-Z]\w*(?i:{_THINGS})"
    r"|[a-z][a-z0-9]*[A-Z][a-zA-Z0-9]*"
    r"|(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{7,40}"
    r")(?![\w/-])"
)
_OURS: Final = frozenset((*MECHANISMS, *TOOLS))
# A figure may be shown in another unit: per cent or a share; nanoseconds, micro-, milliseconds, seconds, minutes.
_SHARES: Final = (1.0, 0.01)
_DURATIONS: Final = (1.0, 1e3, 1e6, 1e9, 1e-3, 60.0, 1 / 60)


class Shown:
    """The evidence that a model was given, for looking up what its text names."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._text = "\n".join(texts).lower()

    @cached_property
    def _figures(self) -> list[float]:
        return sorted({float(match[0].replace(",", "")) for match in _SHOWN_FIGURE.finditer(self._text)})

    def has(self, words: str) -> bool:
        """Whether words stand in it, whatever the case of their letters."""
        return words.lower() in self._text

    def has_figure(self, value: float, decimals: int, factors: Sequence[float]) -> bool:
        """Whether a figure stands in it that is this one when rounded as this one is, in one of the units."""
        half = 0.5 * 10.0**-decimals * (1 + 1e-9)
        for factor in factors:
            at = bisect_left(self._figures, (value - half) * factor)
            if at < len(self._figures) and self._figures[at] <= (value + half) * factor:
                return True
        return False


def evidence_in(messages: Iterable[Message], nonce: str) -> Shown:
    """The evidence in what a model was told: what stands between fences, and was not said by callers or models."""
    fence = re.compile(rf'<evidence-{nonce} kind="(\w*)"[^>]*>\n(.*?)\n</evidence-{nonce}>', re.DOTALL)
    told = (text for message in messages if message.role != "model" for text in message.texts)
    return Shown(piece[2] for text in told for piece in fence.finditer(text) if piece[1] not in _NO_EVIDENCE)


def checked_text(text: str, where: str, shown: Shown, ground: Ground) -> tuple[str, tuple[Doubt, ...]]:
    """A text with a mark behind each sentence that names what the evidence does not show, and those sentences.

    Args:
        where: what the text is, for the account.
    """
    doubts: list[Doubt] = []
    parts: list[str] = []
    done = 0
    for start, end in _sentences(text):
        sentence = text[start:end].rstrip()
        reasons = tuple(dict.fromkeys(_doubts(sentence, shown, ground)))
        parts.append(text[done : start + len(sentence)])
        done = start + len(sentence)
        if reasons:
            doubts.append(Doubt(where, sentence.strip(), reasons))
            parts.append(f" [unverified: {'; '.join(reasons)}]")
    return "".join((*parts, text[done:])), tuple(doubts)


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for end in _SENTENCE_END.finditer(text):
        if end.start() > start:
            yield start, end.start()
        start = end.end()
    if start < len(text):
        yield start, len(text)


def _doubts(sentence: str, shown: Shown, ground: Ground) -> Iterator[str]:
    """What in a sentence is not found, each in words."""
    for match in INLINE_CITATION.finditer(sentence):
        exhibit = ground.look_up(match[0].rstrip(".:"))
        if not exhibit.found:
            yield exhibit.reason
    rest = INLINE_CITATION.sub(" ", sentence)
    for match in _NAMES.finditer(rest):
        name = (match[1] or match[2]).strip()
        if name not in _OURS and name not in ground.services and not shown.has(name):
            yield f"'{name}' is nowhere in the evidence that it was given"
    rest = _NAMES.sub(" ", rest)
    for match in _TIME.finditer(rest):
        if not shown.has(re.sub(r"Z$|[+-]00:00$", "", match[0]).replace(" ", "t")) and not shown.has(match[0]):
            yield f"the time {match[0]} is nowhere in the evidence that it was given"
    for match in _FIGURE.finditer(_TIME.sub(" ", rest)):
        value = float(match[1].replace(",", "") + (match[2] or ""))
        unit = match[3] or ""
        if not unit and match[2] is None and value < _SMALLEST_COUNT:
            continue
        factors = (1.0,) if not unit else _SHARES if unit in ("%", "percent") else _DURATIONS
        if not shown.has_figure(value, len(match[2] or ".") - 1, factors):
            yield f"the figure {match[0].strip()} is nowhere in the evidence that it was given"
