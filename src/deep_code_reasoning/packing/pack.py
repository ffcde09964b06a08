"""Chooses what a model is given, under a token budget.

1. Every view makes its drafts: that is what is *offered*.
2. Each kind of evidence gets its share of the budget (`shares.py`) and fills it in order of value; what does not fit is
   shortened, then dropped. Causes and findings come first.
3. What is left over goes to what was shortened or dropped, again in order of value.
4. What the asker named (files, services, commits) has a share of its own and stands last, so that all before it is the
   same for every question about the case, and a provider's cache can keep it.

The manifest tells what became of every draft. Nothing to send is an error: no money is spent on an empty pack.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Final

from ..domain.asking import Passage
from ..domain.citation import Citation
from ..domain.escalation import Extent, PackSize
from ..domain.pack import ManifestEntry, Pack, Piece, PieceState
from ..domain.tokens import ESTIMATE_METHOD, estimate_tokens
from ..errors import EmptyPackError
from .draft import Draft, SafeDraft, TokenCounter
from .fence import draw_nonce, fenced
from .pieces import code, commits, findings, graph, heaps, logs, metrics, timeline, traces
from .plain_text import visible
from .redaction import redact
from .shares import ASKED_SHARE, KINDS, SHARES
from .subject import Subject

# A view of a kind of evidence: its name in `shares.py` is the first word of its drafts' keys.
VIEWS: Final = (findings, timeline, graph, heaps, metrics, logs, traces, commits, code)
# Fewer tokens than this tell nothing; a piece is sent whole, or with at least as many.
_MIN_PIECE_TOKENS: Final = 60
# Stands for the nonce while sizes are counted: as many letters, and as many tokens as letters at random take.
_ANY_NONCE: Final = "qzxjvkwqpfgh"
# What the causes may take of a small budget, where their share would not hold the first of them.
_CAUSES_TOKENS: Final = 700
# How often what is left is shared out among pieces that are not whole, before the rest goes to the most valuable.
_ROUNDS: Final = 3
# In a second round a piece is made longer only if that shows clearly more.
_WORTHWHILE: Final = 1.1


@dataclass
class _Offer:
    """A draft on its way into the pack."""

    draft: Draft
    size_bytes: int
    tokens: int
    safe: SafeDraft | None = None
    piece: Piece | None = None
    spent: int = 0
    reason: str = ""

    @property
    def whole(self) -> bool:
        return self.piece is not None and not self.piece.left_out


@dataclass
class _Shelf:
    """What has been chosen, and what it costs; `shown` is what the stable part cites, by kind."""

    room: int
    count: TokenCounter
    shown: dict[str, set[Citation]] = field(default_factory=dict)

    def place(self, offer: _Offer, most: int) -> None:
        """Take a draft, or more of it, for at most so many tokens in all."""
        most = min(most, self.room + offer.spent)
        fence_tokens = self.count(fenced(Piece(offer.draft.key, offer.draft.title, "x"), _ANY_NONCE))
        room = most - fence_tokens
        if offer.whole or not offer.draft.lines or room < min(_MIN_PIECE_TOKENS, offer.tokens):
            return
        offer.safe = offer.safe or offer.draft.safe(self.count)
        known = self.shown.get(offer.draft.kind, set()) if offer.draft.asked else ()
        piece = offer.safe.piece(room, known)
        if not piece.text:
            offer.reason = offer.reason or ("all of it is shown before" if known else "")
            return
        cost = self.count(fenced(piece, _ANY_NONCE))
        if offer.piece is not None and piece.left_out and cost < offer.spent * _WORTHWHILE:
            return
        self.room += offer.spent - cost
        offer.piece, offer.spent = piece, cost
        if not offer.draft.asked:
            self.shown.setdefault(offer.draft.kind, set()).update(piece.citations)


def pack(
    subject: Subject,
    budget_tokens: int,
    *,
    count: TokenCounter = estimate_tokens,
    counted: str = ESTIMATE_METHOD,
    salt: str = "",
) -> Pack:
    """Choose evidence and code for a model.

    Args:
        subject: the case and what is asked.
        budget_tokens: what the pack may take in all, fences included.
        count: counts tokens for the model at hand; `counted` says how, in words.
        salt: makes the nonce differ from that of others who pack the same evidence.

    Raises:
        EmptyPackError: when nothing can be sent: no evidence, or a budget that holds none of it.
    """
    subject = replace(subject, budget_tokens=budget_tokens)
    offers = [_offer(draft, count) for draft in chain.from_iterable(view.drafts(subject) for view in VIEWS)]
    stable = _unique([offer for offer in offers if not offer.draft.asked])
    asked = _unique([offer for offer in offers if offer.draft.asked])
    reserve = int(budget_tokens * ASKED_SHARE) if any(offer.draft.lines for offer in asked) else 0
    shelf = _Shelf(budget_tokens - reserve, count)
    _fill(stable, shelf, SHARES[subject.analysis_type])
    kept = [offer for offer in stable if offer.piece is not None]
    shelf.room += reserve
    _settle_duplicates(asked, kept)
    _fill_evenly(asked, shelf)
    late = [offer for offer in stable if offer.piece is None]
    for offer in _by_value(late, SHARES[subject.analysis_type]):
        shelf.place(offer, shelf.room)
    last = [offer for offer in (*asked, *late) if offer.piece is not None]
    _trim(kept, last, budget_tokens, count)
    if not kept and not last:
        raise EmptyPackError(_why_empty(offers, budget_tokens), "give evidence, files that may be read, or more budget")
    return _bound(offers, _in_order(kept), _in_order(last), budget_tokens, counted, count, salt)


def _offer(draft: Draft, count: TokenCounter) -> _Offer:
    text = "\n".join((draft.head, *(line.text for line in draft.lines if line.weight > 0)))
    return _Offer(draft, len(text.encode("utf-8", errors="replace")), count(text), reason=draft.note)


def _unique(offers: Sequence[_Offer]) -> list[_Offer]:
    """Offers without those that say the same as one before them."""
    kept: dict[object, _Offer] = {}
    for offer in offers:
        texts = tuple(line.text for line in offer.draft.lines)
        first = kept.setdefault(texts if texts else offer.draft.key, offer)
        if first is not offer:
            offer.reason = f"the same text as {first.draft.key}"
    return list(kept.values())


def _settle_duplicates(asked: list[_Offer], kept: Sequence[_Offer]) -> None:
    """What was asked for and is in the pack already needs no second place. Of a file, other lines may be asked for."""
    whole = {offer.draft.key for offer in kept if offer.whole and offer.draft.kind != "code"}
    for offer in [offer for offer in asked if offer.draft.key in whole]:
        offer.reason = "sent already, whole"
        asked.remove(offer)


def _by_value(offers: Sequence[_Offer], shares: dict[str, float]) -> list[_Offer]:
    return sorted(
        offers,
        key=lambda offer: (-offer.draft.value * shares[offer.draft.kind], offer.tokens, offer.draft.key),
    )


def _fill(offers: Sequence[_Offer], shelf: _Shelf, shares: dict[str, float]) -> None:
    """Each kind its share, then what is left to all that are not whole, in proportion to what they are worth."""
    total = shelf.room
    for kind in KINDS:
        own = sorted((o for o in offers if o.draft.kind == kind), key=lambda o: (-o.draft.value, o.draft.key))
        share = int(total * shares[kind])
        if kind == "cause":
            share = max(share, min(total // 2, _CAUSES_TOKENS))
        for left, offer in zip(range(len(own), 0, -1), own, strict=True):
            before = shelf.room
            shelf.place(offer, share if left == 1 else max(share // 2, share // left))
            share -= before - shelf.room
    ordered = _by_value(offers, shares)
    for _ in range(_ROUNDS):
        open_offers = [offer for offer in ordered if offer.draft.lines and not offer.whole]
        worth = sum(offer.draft.value * shares[offer.draft.kind] for offer in open_offers)
        left = shelf.room
        for offer in open_offers:
            shelf.place(offer, offer.spent + int(left * offer.draft.value * shares[offer.draft.kind] / worth))
    for offer in ordered:
        shelf.place(offer, shelf.room + offer.spent)


def _fill_evenly(offers: Sequence[_Offer], shelf: _Shelf) -> None:
    """What was asked for: first each the same part of the room, then the rest in order of value."""
    ordered = sorted(offers, key=lambda offer: (-offer.draft.value, offer.draft.key))
    for left, offer in zip(range(len(ordered), 0, -1), ordered, strict=True):
        shelf.place(offer, shelf.room // left)
    for offer in ordered:
        shelf.place(offer, shelf.room + offer.spent)


def _trim(kept: list[_Offer], last: list[_Offer], budget_tokens: int, count: TokenCounter) -> None:
    """Give back what is least worth while the whole is over the budget: tokens of parts need not add up to its own."""
    while (kept or last) and count("".join(_draft_text(offer) for offer in (*kept, *last))) > budget_tokens:
        group = last or kept
        least = min(group, key=lambda offer: (-KINDS.index(offer.draft.kind), offer.draft.value, offer.draft.key))
        least.piece = None
        group.remove(least)


def _draft_text(offer: _Offer) -> str:
    return fenced(offer.piece, _ANY_NONCE) if offer.piece else ""


def _in_order(offers: Sequence[_Offer]) -> list[_Offer]:
    return sorted(offers, key=lambda offer: (KINDS.index(offer.draft.kind), -offer.draft.value, offer.draft.key))


def _bound(
    offers: Sequence[_Offer],
    first: Sequence[_Offer],
    last: Sequence[_Offer],
    budget_tokens: int,
    counted: str,
    count: TokenCounter,
    salt: str,
) -> Pack:
    """The chosen pieces between their fences, with the account of all."""
    stable = [offer.piece for offer in first if offer.piece]
    asked = [offer.piece for offer in last if offer.piece]
    nonce = draw_nonce([p.text for p in stable], [p.text for p in asked], salt)
    texts = [fenced(piece, nonce) for piece in (*stable, *asked)]
    passages = tuple(Passage(text, cache_after=n == len(stable) - 1) for n, text in enumerate(texts))
    pieces = (*stable, *asked)
    sent = Extent(sum(len(text.encode("utf-8", errors="replace")) for text in texts), count("".join(texts)))
    offered = Extent(sum(o.size_bytes for o in offers), sum(o.tokens for o in offers))
    dropped = Extent(
        sum(o.size_bytes for o in offers if o.piece is None), sum(o.tokens for o in offers if o.piece is None)
    )
    redactions: dict[str, int] = {}
    for piece in pieces:
        for kind, number in piece.redactions:
            redactions[kind] = redactions.get(kind, 0) + number
    return Pack(
        passages,
        nonce,
        budget_tokens,
        sent.tokens or 0,
        counted,
        PackSize(offered, sent, dropped),
        _manifest(offers, count),
        tuple(dict.fromkeys(citation for piece in pieces for citation in piece.citations)),
        tuple(sorted(redactions.items())),
    )


def _manifest(offers: Sequence[_Offer], count: TokenCounter) -> tuple[ManifestEntry, ...]:
    """What became of each offer. Keys, titles and reasons hold words of the evidence, and go out like a pack does."""
    entries = [_entry(offer, count) for offer in offers]
    words = (text.replace("\n", " ") for entry in entries for text in (entry.key, entry.title, entry.reason))
    safe = iter(visible(redact("\n".join(words)).text).split("\n"))
    return tuple(replace(entry, key=next(safe), title=next(safe), reason=next(safe)) for entry in entries)


def _entry(offer: _Offer, count: TokenCounter) -> ManifestEntry:
    draft, piece = offer.draft, offer.piece
    if piece is None:
        reason = offer.reason or "no room in the budget: other evidence says more for its size"
        return ManifestEntry(draft.key, draft.title, "dropped", offer.size_bytes, offer.tokens, reason=reason)
    sent_bytes = len(piece.text.encode("utf-8", errors="replace"))
    state: PieceState = "shortened" if piece.left_out else "sent"
    reason = f"{piece.left_out} {draft.unit} left out to fit the budget" if piece.left_out else ""
    return ManifestEntry(
        draft.key, draft.title, state, offer.size_bytes, offer.tokens, sent_bytes, count(piece.text), reason
    )


def _why_empty(offers: Sequence[_Offer], budget_tokens: int) -> str:
    if any(offer.draft.lines for offer in offers):
        return f"a budget of {budget_tokens} tokens holds none of the evidence"
    notes = "; ".join(offer.reason for offer in offers if offer.reason)
    return f"there is nothing to send{f': {notes}' if notes else ''}"
