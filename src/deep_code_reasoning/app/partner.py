"""The model that a whole conversation or tournament is held with: chosen once, for the record and for later."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ..domain.model import ModelCard
from ..domain.pack import Pack
from ..routing.check import informed
from ..routing.choice import Need, Occasion, choose
from .escalate import why_no_model
from .terms import Terms
from .workbench import Workbench

if TYPE_CHECKING:
    from ..ledger import Ledger


def choose_partner(
    ledger: Ledger,
    cards: Sequence[ModelCard],
    bench: Workbench,
    pack: Pack,
    terms: Terms,
    *,
    analysis_type: str,
) -> tuple[str | None, str | None]:
    """The model that is named, or the one that routing chooses; or None, and why nobody is asked."""
    obstacle = why_no_model(terms.model, cards)
    if obstacle is not None:
        return None, obstacle
    need = Need(analysis_type, bench.problem_class, pack.tokens, datetime.now(UTC).date())
    occasion = Occasion(ledger.routing.new_id(), secrets.randbits(63), time.time_ns())
    policy = informed(terms.means.settings.policy, ledger.statistics.check())
    decision = choose(cards, need, policy, ledger.statistics.records_by_class(), occasion, named=terms.model)
    ledger.routing.record(decision)
    return decision.chosen, None if decision.chosen else "no model fits the question, or none is worth its cost"
