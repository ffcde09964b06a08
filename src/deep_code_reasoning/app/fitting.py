"""Packs that fit the model: estimated first, and counted by the provider where the estimate comes near the window.

An estimate is within about 10 % on telemetry and code, and a third low on random text. Far below the window that does
no harm, and a count costs a request; near it, the provider's own word decides where it has one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ..domain.asking import ModelRequest
from ..domain.deadline import Deadline
from ..domain.escalation import Extent
from ..domain.model import ModelCard
from ..domain.pack import Pack
from ..domain.tokens import ESTIMATE_METHOD
from ..providers import prices
from ..providers.client import ModelClient
from ..specialists.consultation import OUTPUT_TOKENS
from .timely import within

if TYPE_CHECKING:
    from .workbench import Workbench

# Tokens of evidence by depth (1 to 5). Requests of more than about 200K tokens cost double with several vendors.
PACK_TOKENS: Final = (8_000, 16_000, 32_000, 64_000, 128_000)
# Of a model's window, so much is for the pack at most: the rest is for tools' results and for what it writes.
_SHARE_FOR_PACK: Final = 0.6
# From this share of the limit on, the provider is asked to count: the error of estimates on ordinary text, twice.
_NEAR: Final = 0.8


def pack_budget(depth: int, cards: Sequence[ModelCard]) -> int:
    """Tokens of evidence to send at a depth: as many as the largest window among the models takes."""
    budget = PACK_TOKENS[depth - 1]
    limits = [_limit(card, depth) for card in cards]
    known = [limit for limit in limits if limit is not None]
    return min(budget, max(known)) if known and len(known) == len(limits) else budget


async def fitted(pack: Pack, bench: Workbench, card: ModelCard, client: ModelClient, deadline: Deadline) -> Pack:
    """The pack with its tokens as the model's provider counts them, made again when they are more than the model takes.

    A pack that is far from the limit, or whose tokens nobody counts, stays as it is; `Pack.counted` says which it was.

    Raises:
        DeadlineError: when the time is up.
    """
    limit = _limit(card, bench.request.depth)
    if limit is None or pack.tokens < _NEAR * limit:
        return pack
    counted = await _counted(pack, card, client, deadline)
    if counted.tokens <= limit:
        return counted
    smaller = int(limit * pack.tokens / counted.tokens)
    return await _counted(await within(deadline, lambda: bench.pack(smaller)), card, client, deadline)


async def history_tokens(
    request: ModelRequest, estimate: int, room: int, card: ModelCard, client: ModelClient, deadline: Deadline
) -> int:
    """What a request's history takes: the estimate, or where that comes near the room for it, the provider's count.

    Counted is the whole request: vendors refuse calls of tools without the tools. What stands beside a history is
    little in the windows of those that count.
    """
    if not request.history or estimate < _NEAR * room:
        return estimate
    count = await client.count_tokens(card.id, request, deadline)
    return estimate if count.method == ESTIMATE_METHOD else count.tokens


async def _counted(pack: Pack, card: ModelCard, client: ModelClient, deadline: Deadline) -> Pack:
    count = await client.count_tokens(card.id, ModelRequest(pack.passages), deadline)
    if not count.exact:
        return pack
    sent = Extent(pack.size.sent.size_bytes, count.tokens)
    return replace(pack, tokens=count.tokens, counted=count.method, size=replace(pack.size, sent=sent))


def input_room(card: ModelCard, depth: int, window_tokens: int) -> int:
    """Tokens of a window that are left beside an answer, which takes half of a small window at most."""
    answer = min(OUTPUT_TOKENS[depth - 1], card.max_output_tokens or window_tokens, window_tokens // 2)
    return window_tokens - answer


def _limit(card: ModelCard, depth: int) -> int | None:
    """Tokens that a pack may take of a model's window; None when its size is unknown."""
    window = prices.context_window(card)
    return None if window is None else max(1, int(_SHARE_FOR_PACK * input_room(card, depth, window)))
