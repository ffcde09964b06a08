"""What a model costs and takes: the user's own figures first, then the published ones of `genai-prices`.

That package brings a list with it; it is not refreshed from the network here. What neither knows is None, never zero.
For an endpoint of the user's own (`base_url`) no published price is assumed, unless the catalogue says `priced_as`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ..domain.model import ModelCard, PriceTier
from ..domain.model import price as price_by_tier
from ..domain.usage import Usage

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo

# Names under which the list of prices keeps our providers.
_PROVIDERS = {
    "openai-chat": "openai",
    "openai-responses": "openai",
    "google-cloud": "google",
    "azure-responses": "azure",
}


def cost(card: ModelCard, resolved: str | None, usage: Usage) -> Decimal | None:
    """What one request cost in US dollars; None when unknown.

    Args:
        resolved: the model that answered, in the provider's words; its price goes before that of the name asked for.
    """
    if card.prices:
        return price_by_tier(card.prices, usage)
    for name in dict.fromkeys((resolved, None)):
        tiers = published_tiers(card, name)
        if tiers:
            return price_by_tier(tiers, usage)
    return None


def tiers(card: ModelCard) -> tuple[PriceTier, ...]:
    """The prices of a model, the user's before the published ones; empty when unknown."""
    return card.prices or published_tiers(card)


def context_window(card: ModelCard) -> int | None:
    """The model's window in tokens; None when unknown."""
    if card.context_window_tokens is not None:
        return card.context_window_tokens
    info = _published(card, None)
    return None if info is None else info.context_window


def published_tiers(card: ModelCard, resolved: str | None = None) -> tuple[PriceTier, ...]:
    """The published prices by threshold of input; empty when there are none, or they are no plain token prices."""
    info = _published(card, resolved)
    if info is None:
        return ()
    prices = info.get_prices(datetime.now(UTC))
    fields = {
        "input": prices.input_mtok,
        "output": prices.output_mtok,
        "cached_input": prices.cache_read_mtok,
        "cache_write": prices.cache_write_mtok,
    }
    if fields["input"] is None or fields["output"] is None:
        return ()
    thresholds = {0} | {tier.start for value in fields.values() for tier in getattr(value, "tiers", ())}
    return tuple(
        PriceTier(above_input_tokens=start, **{name: _at(value, start) for name, value in fields.items()})
        for start in sorted(thresholds)
    )


def _at(value: Any, start: int) -> Any:
    """An amount, or a tiered one at a threshold."""
    if value is None or isinstance(value, Decimal):
        return value
    reached = [tier for tier in value.tiers if tier.start <= start]
    return max(reached, key=lambda tier: tier.start).price if reached and start else value.base


def _published(card: ModelCard, resolved: str | None) -> ModelInfo | None:
    """What the published list says of a model."""
    ref = card.priced_as or ("" if card.base_url else card.ref)
    provider, _, model = ref.partition(":")
    if not model:
        return None
    try:
        from genai_prices.data_snapshot import get_snapshot
    except ImportError:
        return None
    try:
        return get_snapshot().find_provider_model(resolved or model, None, _PROVIDERS.get(provider, provider), None)[1]
    except LookupError:
        return None
