"""The models that can be asked: what is configured, what answers, what it costs, and how each has done so far."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Final, TypeAlias

from ..domain.model import ModelCard, ModelRecord, PriceTier
from ..providers import prices
from ..providers.catalogue import Catalogue, load_catalogue
from ..providers.endpoints import base_url, is_local
from ..providers.keys import KEYLESS, Keys, usual_variables, variables
from ..providers.probe import Probe, probe
from ..store.library import home
from .ledger import open_ledger

# Providers that many have a key for: without a catalogue, these are looked for in the environment.
_COMMON: Final = ("google", "openai", "anthropic", "openrouter", "mistral", "deepseek", "groq", "xai")
_PROBE_TIMEOUT_S: Final = 5.0

# What a model has done so far, by id; None when nothing is recorded.
RecordOf: TypeAlias = Callable[[str], ModelRecord | None]


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """One model of the catalogue.

    `key` says where its key is, None when there is none; `usable` whether it can be asked as far as is known here.
    `reachable` None: nobody asked. `context_window_tokens` None and empty `prices`: unknown.
    """

    card: ModelCard
    key: str | None
    usable: bool
    reachable: bool | None
    detail: str
    context_window_tokens: int | None
    prices: tuple[PriceTier, ...]
    record: ModelRecord | None


@dataclass(frozen=True, slots=True)
class ProviderStatus:
    """A provider that any model may be named of (`PROVIDER:MODEL`), and where its key is."""

    provider: str
    variables: tuple[str, ...]
    key: str | None


@dataclass(frozen=True, slots=True)
class ModelOverview:
    """The answer of `dcr models`; `catalogue` is the file, None when there is none."""

    catalogue: str | None
    models: tuple[ModelStatus, ...]
    providers: tuple[ProviderStatus, ...]


def list_models(check: bool = False, names: Iterable[str] = (), record_of: RecordOf | None = None) -> ModelOverview:
    """What can be asked. Sends nothing beyond this machine unless `check`, and never anything that costs.

    Args:
        check: ask every endpoint whether it answers and has the model; else only those on this machine are asked.
        names: further models as PROVIDER:MODEL, beside those of the catalogue.
        record_of: what a model has done so far; the ledger's word when None.

    Raises:
        CatalogueError: when the catalogue cannot be read.
        LedgerError: when the ledger cannot be read.
    """
    record_of = record_of or _ledger_records()
    catalogue, keys = load_catalogue(), Keys()
    cards = [*catalogue, *(catalogue.card(name) for name in names)]
    with ThreadPoolExecutor(max_workers=8) as workers:
        probes = list(workers.map(lambda card: _probe(card, keys, check), cards))
    return ModelOverview(
        catalogue=None if catalogue.path is None else str(catalogue.path),
        models=tuple(_status(card, keys, found, record_of(card.id)) for card, found in zip(cards, probes, strict=True)),
        providers=tuple(
            ProviderStatus(name, usual_variables(name), keys.where(ModelCard(name, f"{name}:any")))
            for name in _providers(catalogue)
        ),
    )


def _ledger_records() -> RecordOf:
    """The records of all models in the ledger. One that is not there is not made for it."""
    if not (os.environ.get("DCR_LEDGER_URL") or (home() / "ledger.db").is_file()):
        return lambda _: None
    with open_ledger() as ledger:
        return ledger.statistics.records().get


def _providers(catalogue: Catalogue) -> list[str]:
    """The common providers and those of the catalogue, each once."""
    return list(dict.fromkeys([*_COMMON, *(card.provider for card in catalogue if card.provider not in KEYLESS)]))


def _probe(card: ModelCard, keys: Keys, check: bool) -> Probe:
    if not check and not is_local(base_url(card)):
        return Probe(None, "")
    return probe(card, keys.find(card), _PROBE_TIMEOUT_S)


def _status(card: ModelCard, keys: Keys, found: Probe, record: ModelRecord | None) -> ModelStatus:
    """Put together what is known of a model; the first thing that stands in its way is its detail."""
    key = keys.where(card)
    needs_key = bool(variables(card)) and card.provider not in KEYLESS
    usable, detail = True, found.detail
    if card.shutdown is not None and card.shutdown <= date.today():  # noqa: DTZ011 - a day, not an instant
        usable, detail = False, f"was shut down on {card.shutdown}"
    elif needs_key and key is None:
        usable, detail = False, f"no key: set {' or '.join(variables(card))}"
    elif found.reachable is False:
        usable = False
    return ModelStatus(
        card=card,
        key=key,
        usable=usable,
        reachable=found.reachable,
        detail=detail,
        context_window_tokens=prices.context_window(card),
        prices=prices.tiers(card),
        record=record,
    )
