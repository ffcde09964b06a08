"""A model as the user describes it: where it is, what it can do, what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Final

from .usage import Usage

# What a model may be good at, beyond answering; each analysis type asks for one of them.
ABILITIES: Final[Mapping[str, str]] = {
    "code_execution": "runs code of its own at the provider; execution traces are simulated with it",
    "long_context": "reasons well over hundreds of thousands of tokens; impact across systems",
    "complexity_modelling": "models cost over traces and code; performance",
    "synthetic_scenarios": "invents and runs scenarios; tests of hypotheses",
}

# How a typed answer is asked for: as the arguments of a tool, as JSON that the provider holds to the schema, or as
# JSON that the prompt describes. None leaves it to what the client library knows of the model.
ANSWER_MODES: Final = ("tool", "native", "prompted")

_PER_MILLION: Final = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class PriceTier:
    """US dollars for a million tokens, for requests with more than `above_input_tokens` of input.

    The tier with the highest threshold below a request's input is paid for the whole request, as vendors do it.
    A cached price of None: cached tokens cost what input costs.
    """

    input: Decimal
    output: Decimal
    cached_input: Decimal | None = None
    cache_write: Decimal | None = None
    above_input_tokens: int = 0


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What is known of one model.

    Args:
        id: the name that people use (`--model ID`).
        ref: `provider:model`, as the client library names it.
        base_url: the endpoint, when it is not the provider's own.
        key_variable: the environment variable that holds its key; "" for none; None for the provider's usual ones.
        abilities: names from `ABILITIES`.
        context_window_tokens: input and output together; None when unknown.
        prices: tiers by threshold; empty when the user gave none.
        priced_as: `provider:model` whose published price holds, for an endpoint that resells it.
        shutdown: the day from which it no longer answers, when the vendor has named one.
        fallbacks: ids of models to go to when this one gives no answer, in order.
        settings: further settings, passed on to the client library as they are.
    """

    id: str
    ref: str
    base_url: str | None = None
    key_variable: str | None = None
    abilities: tuple[str, ...] = ()
    context_window_tokens: int | None = None
    max_output_tokens: int | None = None
    prices: tuple[PriceTier, ...] = ()
    priced_as: str | None = None
    shutdown: date | None = None
    fallbacks: tuple[str, ...] = ()
    answer_mode: str | None = None
    stream: bool = True
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def provider(self) -> str:
        """The provider's name, the part of `ref` before the colon."""
        return self.ref.partition(":")[0]

    @property
    def model(self) -> str:
        """The provider's name of the model, the part of `ref` behind the colon."""
        return self.ref.partition(":")[2]


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """What a model has done so far, from the ledger. Unknown outcomes are counted as neither.

    `failures` are calls that gave no answer. `asked` counts the escalations in which it was asked; `confirmed` and
    `refuted` those whose accepted answer was its own, by outcome. `rejected` those in which its answer was given up,
    rightly as the outcome says: another's was confirmed, or all were wrong and the evidence contradicts its own.
    `late` counts those among `refuted` and `rejected` in which another model had been asked before: hard questions.
    """

    calls: int
    failures: int
    confirmed: int
    refuted: int
    cost_usd: Decimal | None
    asked: int = 0
    rejected: int = 0
    late: int = 0


def tier_for(prices: tuple[PriceTier, ...], input_tokens: int) -> PriceTier | None:
    """The tier that a request of that much input falls into; None when there are no prices."""
    reached = [tier for tier in prices if input_tokens > tier.above_input_tokens or tier.above_input_tokens == 0]
    return max(reached, key=lambda tier: tier.above_input_tokens, default=None)


def price(prices: tuple[PriceTier, ...], usage: Usage) -> Decimal | None:
    """What one request cost in US dollars; None when a price or a count is unknown, never zero for that reason."""
    if usage.input_tokens is None or usage.output_tokens is None or usage.unmeasured_requests:
        return None
    tier = tier_for(prices, usage.input_tokens)
    if tier is None:
        return None
    cached, written = usage.cached_tokens or 0, usage.cache_write_tokens or 0
    plain = usage.input_tokens - cached - written
    cached_price = tier.input if tier.cached_input is None else tier.cached_input
    write_price = tier.input if tier.cache_write is None else tier.cache_write
    total = plain * tier.input + cached * cached_price + written * write_price + usage.output_tokens * tier.output
    return total / _PER_MILLION
