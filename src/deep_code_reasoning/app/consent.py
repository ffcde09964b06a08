"""Which models evidence may go to: those on this machine, those that are allowed, those that somebody allows now."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from ..domain.model import ModelCard
from ..providers.catalogue import Catalogue, load_catalogue
from ..providers.endpoints import base_url, is_local
from ..providers.keys import Keys
from .candidates import candidates, named
from .means import NO_MODEL
from .settings import Settings


@dataclass(frozen=True, slots=True)
class Reach:
    """Ids of the models that may be asked without a question, and of those about which somebody has to be asked."""

    allowed: tuple[str, ...]
    in_question: tuple[str, ...]


def reach_of(model: str | None, settings: Settings) -> Reach:
    """What a question would reach: the named model, or all that routing might choose.

    Raises:
        ModelNotConfiguredError: when the named model is unknown or cannot be asked.
        CatalogueError: when the catalogue cannot be read.
    """
    if model == NO_MODEL:
        return Reach((), ())
    catalogue, keys = load_catalogue(), Keys()
    cards = candidates(catalogue, keys) if model is None else (named(model, catalogue, keys),)
    allowed = {card.id for card in cards if is_local(base_url(card)) or settings.may_send_to(card.id, card.provider)}
    return Reach(
        tuple(card.id for card in cards if card.id in allowed),
        tuple(card.id for card in cards if card.id not in allowed),
    )


def restricted(allowed: Collection[str]) -> Catalogue:
    """The catalogue with the allowed models alone; none of them falls back on another one that is not."""
    whole = load_catalogue()
    return Catalogue({name: _held_back(whole.card(name), allowed) for name in allowed}, whole.path)


def _held_back(card: ModelCard, allowed: Collection[str]) -> ModelCard:
    return replace(card, fallbacks=tuple(name for name in card.fallbacks if name in allowed))
