"""A draft: all that could be said of one thing, line by line, and how it becomes a piece of a given length.

Every view of the evidence is made of lines that know what they cite and how much they are worth. To shorten a draft the
least valuable lines go first; the order stays, and the gaps are said. So whatever is sent cites exactly what it shows.

What leaves a draft is safe to send: secrets are taken out and control characters are made visible, over the whole
text and before anything is cut, so that no cut can hide one end of a secret from the rules that look for it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from ..domain.citation import Citation
from ..domain.pack import Piece
from ..domain.tokens import estimate_tokens
from .plain_text import visible
from .redaction import redact

TokenCounter: TypeAlias = Callable[[str], int]
"""How many tokens a text takes."""

# A line of evidence longer than this is data, not a message; its middle is left out and said.
MAX_LINE_CHARACTERS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a draft, or a few that belong together.

    `weight` says how much it is worth beside the other lines of its draft (0: only there so that it is redacted as
    part of the whole; it is never shown and not counted as left out).
    """

    text: str
    citations: tuple[Citation, ...] = ()
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Draft:
    """What could be said of one thing. `head` is always shown; `unit` names the lines in the account of those left out.

    `value` orders drafts of a kind; `asked` says that it is here because of the question or the scope.
    """

    key: str
    title: str
    lines: tuple[Line, ...]
    head: str = ""
    unit: str = "lines"
    value: float = 1.0
    asked: bool = False
    note: str = ""

    @property
    def kind(self) -> str:
        """The word before the first slash of the key."""
        return self.key.partition("/")[0]

    def safe(self, count: TokenCounter = estimate_tokens) -> SafeDraft:
        """The draft without secrets and control characters, its lines counted."""
        texts = (self.head, *(line.text for line in self.lines))
        redacted = redact("\n".join(texts))
        clean = [visible(text) for text in _regrouped(redacted.text.split("\n"), texts)]
        lines = tuple(replace(line, text=_bounded(t)) for line, t in zip(self.lines, clean[1:], strict=True))
        sizes = tuple(count(line.text) + 1 if line.weight > 0 else 0 for line in lines)
        title = redact(self.title).text  # of a commit it is the first line of its message, and as untrusted
        return SafeDraft(replace(self, title=title, head=clean[0], lines=lines), redacted.counts, count, sizes)

    def piece(self, max_tokens: int | None = None) -> Piece:
        """The draft as a piece of at most so many tokens (None: whole); empty text when not even its head fits."""
        return self.safe().piece(max_tokens)


@dataclass(frozen=True, slots=True)
class SafeDraft:
    """A draft that may leave.

    `redactions` counts what was taken out, by kind; `sizes` are the tokens of its lines, as `count` counts them.
    """

    draft: Draft
    redactions: tuple[tuple[str, int], ...]
    count: TokenCounter
    sizes: tuple[int, ...]

    def piece(self, max_tokens: int | None = None, known: Collection[Citation] = ()) -> Piece:
        """The draft as a piece of at most so many tokens (None: whole); empty text when nothing of it fits.

        Lines of which all citations are in `known` were shown before and are left out.
        """
        lines = self.draft.lines
        shown = [i for i, line in enumerate(lines) if line.weight > 0 and not _is_known(line, known)]
        if not shown:
            return self._piece((), 0, "")
        kept, text = shown, ""
        if max_tokens is None or sum(self.sizes[i] for i in shown) <= 2 * max_tokens:
            text = _compose(self.draft, kept)
        if max_tokens is not None and (not text or self.count(text) > max_tokens):
            kept, text = self._shortened(shown, max_tokens)
        return self._piece(kept, len(shown) - len(kept), text)

    def _shortened(self, shown: Sequence[int], max_tokens: int) -> tuple[list[int], str]:
        """The most valuable lines that fit. Tokens of parts don't quite add up to those of the whole: so a loop."""
        lines = self.draft.lines
        by_weight = sorted(shown, key=lambda i: (-lines[i].weight, i))
        room = max_tokens - self.count(self.draft.head) - 8
        while room > 0:
            kept, left = [], room
            for i in by_weight:
                if self.sizes[i] <= left:
                    kept.append(i)
                    left -= self.sizes[i]
            if not kept:
                break
            kept.sort()
            text = _compose(self.draft, kept)
            excess = self.count(text) - max_tokens
            if excess <= 0:
                return kept, text
            room -= max(1, min(excess, room // 4))
        return [], ""

    def _piece(self, kept: Sequence[int], left_out: int, text: str) -> Piece:
        draft = self.draft
        cited = dict.fromkeys(citation for i in kept for citation in draft.lines[i].citations)
        return Piece(draft.key, draft.title, text, tuple(cited), left_out, self.redactions if text else ())


def _is_known(line: Line, known: Collection[Citation]) -> bool:
    return bool(line.citations) and bool(known) and all(cited in known for cited in line.citations)


def _compose(draft: Draft, kept: Sequence[int]) -> str:
    """Head and lines, with a word in each gap and the sum of what was left out at the end."""
    parts = [draft.head] if draft.head else []
    offered = [i for i, line in enumerate(draft.lines) if line.weight > 0]
    place = {i: n for n, i in enumerate(offered)}
    expected = 0
    for i in kept:
        if place[i] > expected:
            parts.append(f"[... {place[i] - expected} {draft.unit} left out]")
        parts.append(draft.lines[i].text)
        expected = place[i] + 1
    if kept and expected < len(offered):
        parts.append(f"[... {len(offered) - expected} {draft.unit} left out]")
    return "\n".join(parts)


def _regrouped(lines: Sequence[str], originals: Sequence[str]) -> list[str]:
    """The lines of a joined text as the texts that were joined: redaction keeps every line break."""
    texts, start = [], 0
    for original in originals:
        end = start + original.count("\n") + 1
        texts.append("\n".join(lines[start:end]))
        start = end
    return texts


def _bounded(text: str) -> str:
    if len(text) <= MAX_LINE_CHARACTERS:
        return text
    half = MAX_LINE_CHARACTERS // 2
    return f"{text[:half]}[... {len(text) - 2 * half:,} characters left out]{text[-half:]}"
