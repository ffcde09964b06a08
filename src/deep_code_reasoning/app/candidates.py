"""The models that could be asked now: in the user's catalogue, with a key, not shut down."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from ..domain.model import ModelCard
from ..errors import ModelNotConfiguredError
from ..providers import prices
from ..providers.catalogue import Catalogue, load_catalogue
from ..providers.keys import KEYLESS, Keys, variables


def candidates(catalogue: Catalogue, keys: Keys) -> tuple[ModelCard, ...]:
    """Models that can be asked as far as is known without asking them, with the prices and windows that hold."""
    return tuple(completed(card) for card in catalogue if not obstacle(card, keys))


def named(name: str, catalogue: Catalogue, keys: Keys) -> ModelCard:
    """The model of that name.

    Raises:
        ModelNotConfiguredError: when there is none, or it cannot be asked.
    """
    card = catalogue.card(name)
    problem = obstacle(card, keys)
    if problem:
        raise ModelNotConfiguredError(f"{card.id}: {problem}", "see 'dcr models'")
    return completed(card)


def check_named(name: str) -> None:
    """Raise what `named` raises, by the user's own catalogue and keys."""
    named(name, load_catalogue(), Keys())


def completed(card: ModelCard) -> ModelCard:
    """A card with what is published of its price and window filled in."""
    return replace(card, prices=prices.tiers(card), context_window_tokens=prices.context_window(card))


def obstacle(card: ModelCard, keys: Keys) -> str:
    """Why a model cannot be asked; empty when nothing is known against it."""
    if card.shutdown is not None and card.shutdown <= date.today():  # noqa: DTZ011 - a day, not an instant
        return f"was shut down on {card.shutdown}"
    wanted = variables(card)
    if wanted and card.provider not in KEYLESS and keys.where(card) is None:
        return f"no key: set {' or '.join(wanted)}"
    return ""
