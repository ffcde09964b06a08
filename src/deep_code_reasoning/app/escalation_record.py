"""The record of a question that goes beyond the analysers, from its beginning on."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from ..domain.escalation import ANALYSERS_ONLY, Escalation
from ..domain.pack import Pack
from ..errors import LedgerError
from ..routing.signals import Judgement
from .ledger import open_ledger
from .workbench import Workbench

if TYPE_CHECKING:
    from ..ledger import Ledger


def begin_escalation(ledger: Ledger, bench: Workbench, pack: Pack, judgement: Judgement, surface: str) -> str:
    """Record that it began, why, and with how much evidence; returns its id."""
    escalation_id = ledger.escalations.new_id()
    ledger.escalations.record(
        Escalation(
            id=escalation_id,
            surface=surface,
            analysis_type=bench.request.analysis_type,
            problem_class=bench.problem_class,
            question=bench.request.question,
            reason=judgement.reason,
            started_ns=time.time_ns(),
            case_id=bench.investigation.case.id if bench.has_case else None,
            signals=judgement.signals,
            pack=pack.size,
        )
    )
    return escalation_id


def record_pack(ledger: Ledger, escalation_id: str, pack: Pack) -> None:
    """Record that another pack than the one it began with was sent."""
    ledger.escalations.record(replace(ledger.escalations.get(escalation_id), pack=pack.size))


def record_without_model(bench: Workbench, pack: Pack, judgement: Judgement, surface: str) -> str | None:
    """Record a question that the analysers answered alone, so that its outcome can be reported; returns its id.

    None when the ledger cannot be written: nothing was spent, and the answer is not worth less.
    """
    causes = bench.investigation.causes
    with suppress(LedgerError), open_ledger() as ledger:
        escalation_id = begin_escalation(ledger, bench, pack, judgement, surface)
        ledger.escalations.close(escalation_id, ANALYSERS_ONLY, found=causes[0].summary if causes else None)
        return escalation_id
    return None
