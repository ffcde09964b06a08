"""The user's own catalogue of models, and what any `provider:model` means without one.

A TOML or JSON file: $DCR_MODELS, else `models.toml` or `models.json` in the home.

    [[model]]
    id = "deep"                          # the name to use: --model deep
    model = "google:MODEL"               # provider:model
    base_url = "http://127.0.0.1:8080"   # an endpoint of your own
    key = "GEMINI_API_KEY"               # the environment variable with its key; "" for none
    abilities = ["code_execution", "long_context"]
    context_window_tokens = 1_000_000
    max_output_tokens = 64_000
    shutdown = 2027-06-30
    fallback = ["other"]                 # where to go when it gives no answer
    answer = "tool"                      # typed answers: tool, native, prompted
    stream = true
    priced_as = "google:MODEL"           # whose published price holds
    [[model.price]]                      # or prices of your own: US dollars for a million tokens
    above_input_tokens = 0
    input = 1.25
    cached_input = 0.31
    cache_write = 1.5
    output = 10.0
    [model.settings]                     # further settings, passed on as they are

No model is known to this program by itself: ids die within a year.
"""

from __future__ import annotations

import json
import math
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from ..domain.model import ABILITIES, ANSWER_MODES, ModelCard, PriceTier
from ..errors import CatalogueError, ModelNotConfiguredError
from ..store.library import home

_FIELDS: Final[Mapping[str, type | tuple[type, ...]]] = {
    "id": str,
    "model": str,
    "base_url": str,
    "key": str,
    "abilities": list,
    "context_window_tokens": int,
    "max_output_tokens": int,
    "shutdown": (date, str),
    "fallback": list,
    "answer": str,
    "stream": bool,
    "priced_as": str,
    "price": list,
    "settings": dict,
}
_PRICE_FIELDS: Final = ("above_input_tokens", "input", "cached_input", "cache_write", "output")


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The models that the user described, by id; `path` is the file, None when there is none."""

    cards: Mapping[str, ModelCard] = field(default_factory=dict)
    path: Path | None = None

    def __iter__(self) -> Iterator[ModelCard]:
        return iter(self.cards.values())

    def card(self, name: str) -> ModelCard:
        """The card of a model: by its id in the catalogue, else any `provider:model`.

        Raises:
            ModelNotConfiguredError: when the name is neither.
        """
        known = self.cards.get(name)
        if known is not None:
            return known
        provider, colon, model = name.partition(":")
        if colon and provider and model:
            return ModelCard(id=name, ref=name)
        names = ", ".join(sorted(self.cards)) or "none is configured"
        raise ModelNotConfiguredError(
            f"'{name}' is no model of the catalogue ({names})", "name one of them, or any as PROVIDER:MODEL"
        )


def catalogue_path() -> Path | None:
    """The catalogue's file: $DCR_MODELS, else `models.toml` or `models.json` in the home; None when there is none."""
    chosen = os.environ.get("DCR_MODELS")
    if chosen:
        return Path(chosen)
    return next((path for name in ("models.toml", "models.json") if (path := home() / name).is_file()), None)


def load_catalogue(path: Path | None = None) -> Catalogue:
    """Read the catalogue; an empty one when there is no file, which is a normal state.

    Raises:
        CatalogueError: when the file cannot be read, or an entry is not as it must be.
    """
    path = path or catalogue_path()
    if path is None:
        return Catalogue()
    try:
        text = path.read_text("utf-8")
        content = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (OSError, ValueError) as fault:
        raise CatalogueError(f"{path}: {fault}", "see 'dcr models --help' for its form") from fault
    entries = content.get("model") if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise CatalogueError(f"{path}: has no list 'model'", "each model is one [[model]] table")
    cards: dict[str, ModelCard] = {}
    for number, entry in enumerate(entries, 1):
        card = _card(entry, f"{path}: model {number}")
        if card.id in cards:
            raise CatalogueError(f"{path}: two models have the id '{card.id}'")
        cards[card.id] = card
    for card in cards.values():
        for name in card.fallbacks:
            if name not in cards and ":" not in name:
                raise CatalogueError(f"{path}: '{card.id}' falls back on '{name}', which is no model")
    return Catalogue(cards, path)


def _card(entry: Any, place: str) -> ModelCard:
    """Check one entry; each error says where it is and what would be right."""
    if not isinstance(entry, dict):
        raise CatalogueError(f"{place} is no table")
    for name, value in entry.items():
        if name not in _FIELDS:
            raise CatalogueError(f"{place}: there is no field '{name}'", f"there are {', '.join(_FIELDS)}")
        kind = _FIELDS[name]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise CatalogueError(f"{place}: '{name}' is no {kind.__name__ if isinstance(kind, type) else 'date'}")
    ref = entry.get("model", "")
    if not all(ref.partition(":")):
        raise CatalogueError(f"{place}: 'model' must be PROVIDER:MODEL, not '{ref}'")
    for name in entry.get("abilities", ()):
        if name not in ABILITIES:
            raise CatalogueError(f"{place}: there is no ability '{name}'", f"there are {', '.join(ABILITIES)}")
    if entry.get("answer", "tool") not in ANSWER_MODES:
        raise CatalogueError(f"{place}: 'answer' is one of {', '.join(ANSWER_MODES)}")
    base_url = entry.get("base_url")
    if base_url is not None and not base_url.startswith(("http://", "https://")):
        raise CatalogueError(f"{place}: 'base_url' must begin with http:// or https://")
    for name in ("context_window_tokens", "max_output_tokens"):
        if entry.get(name, 1) < 1:
            raise CatalogueError(f"{place}: '{name}' must be positive")
    return ModelCard(
        id=str(entry.get("id", ref)),
        ref=ref,
        base_url=base_url,
        key_variable=entry.get("key"),
        abilities=tuple(entry.get("abilities", ())),
        context_window_tokens=entry.get("context_window_tokens"),
        max_output_tokens=entry.get("max_output_tokens"),
        prices=tuple(_tier(tier, place) for tier in entry.get("price", ())),
        priced_as=entry.get("priced_as"),
        shutdown=_day(entry.get("shutdown"), place),
        fallbacks=tuple(str(name) for name in entry.get("fallback", ())),
        answer_mode=entry.get("answer"),
        stream=entry.get("stream", True),
        settings=entry.get("settings", {}),
    )


def _tier(entry: Any, place: str) -> PriceTier:
    """Check one tier of prices."""
    if not isinstance(entry, dict) or not {"input", "output"} <= entry.keys():
        raise CatalogueError(f"{place}: a price needs 'input' and 'output', in US dollars for a million tokens")
    for name, value in entry.items():
        if name not in _PRICE_FIELDS:
            raise CatalogueError(f"{place}: a price has no '{name}'", f"it may have {', '.join(_PRICE_FIELDS)}")
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
            raise CatalogueError(f"{place}: the price '{name}' is no amount")
    amounts = {name: Decimal(str(entry[name])) for name in _PRICE_FIELDS[1:] if name in entry}
    return PriceTier(**amounts, above_input_tokens=int(entry.get("above_input_tokens", 0)))


def _day(value: date | str | None, place: str) -> date | None:
    """A date of TOML's, or a text as 2027-06-30."""
    if not isinstance(value, str):
        return value
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise CatalogueError(f"{place}: '{value}' is no date", "write it as 2027-06-30") from None
