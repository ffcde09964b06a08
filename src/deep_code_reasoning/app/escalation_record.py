"""The record of a question that goes beyond the analysers, from its beginning on."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from ..domain.escalation import Escalation
from ..domain.pack import Pack
from ..routing.signals import Judgement
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
