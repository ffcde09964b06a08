"""A question that goes beyond the analysers: whether to ask a model, with what, and whom; its answer is checked."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from ..domain.analysis import AnalysisRequest
from ..domain.deadline import Deadline
from ..domain.escalation import ANALYSERS_ONLY
from ..domain.investigation import Investigation
from ..domain.model import ModelCard
from ..providers.catalogue import Catalogue
from ..routing.signals import Judgement, circumstances, judge
from ..specialists.registry import specialist_for
from .candidates import candidates, named
from .could_add import could_add
from .escalation_answer import EscalationAnswer
from .escalation_record import record_without_model
from .fitting import pack_budget
from .inquiry import Inquiry
from .ledger import open_ledger
from .means import NO_MODEL, Means
from .metering import Meter
from .terms import Terms
from .timely import entered, within
from .workbench import Workbench, open_workbench


async def escalate(
    request: AnalysisRequest,
    *,
    case: Path | None = None,
    roots: Sequence[Path] = (),
    model: str | None = None,
    investigation: Investigation | None = None,
    means: Means | None = None,
) -> EscalationAnswer:
    """Answer a question about a case, or about code alone; the arguments are those of `Terms`.

    Raises:
        UsageError: when the type of analysis, the model or a root is unknown.
        EmptyPackError: when there is nothing to reason over; nothing was spent.
        DeadlineError: when the time was up before a model could be asked.
        LedgerError: when a model was to be asked and the ledger cannot be written.
    """
    return await escalate_on(request, Terms(case, tuple(roots), model, means or Means(), investigation))


async def escalate_on(request: AnalysisRequest, terms: Terms) -> EscalationAnswer:
    """As `escalate`, for use cases that hold the terms as one value."""
    started_s = time.monotonic()
    means, model = terms.means, terms.model
    specialist = specialist_for(request.analysis_type)
    deadline = Deadline.after(request.time_budget_s)
    meter = Meter(means.limits, means.surface, request.analysis_type, listener=means.on_event)
    client = means.open_client(meter.gate)
    cards = models_for(terms, client.catalogue)
    with ExitStack() as stack:
        bench = await entered(stack, open_workbench(request, terms.case, terms.roots, terms.investigation), deadline)
        judgement = judge_request(bench, means, None if model == NO_MODEL else model)
        pack = await within(deadline, lambda: bench.pack(pack_budget(request.depth, cards)))
        inquiry = Inquiry(request, specialist, bench, judgement, pack, cards, model, means, meter, client, deadline)
        obstacle = why_no_model(model, cards) or (None if judgement.escalate else judgement.reason)
        if obstacle is None:
            with open_ledger() as ledger:
                await inquiry.run(ledger)
        else:
            inquiry.escalation_id = record_without_model(bench, pack, judgement, means.surface)
        return _answer(inquiry, obstacle, time.monotonic() - started_s)


def judge_request(bench: Workbench, means: Means, model: str | None) -> Judgement:
    """Whether a model should be asked, and every signal that was looked at."""
    request = bench.request
    known = circumstances(
        bench.investigation,
        services=len(bench.subject.services),
        files=len(request.scope.files) or None,
        attempts=len(request.context.attempted_approaches) or None,
    )
    return judge(known, means.settings.thresholds, named=model)


def models_for(terms: Terms, catalogue: Catalogue) -> tuple[ModelCard, ...]:
    """The models that may be asked: the one that is named, or all that can be."""
    if terms.model == NO_MODEL:
        return ()
    if terms.model is not None:
        return (named(terms.model, catalogue, terms.means.keys),)
    return candidates(catalogue, terms.means.keys)


def why_no_model(model: str | None, cards: Sequence[ModelCard]) -> str | None:
    """Why no model can be asked; None when one can."""
    if model == NO_MODEL:
        return "none was wanted"
    return None if cards else "no model is configured, or none has a key (see 'dcr models')"


def _answer(inquiry: Inquiry, obstacle: str | None, elapsed_s: float) -> EscalationAnswer:
    bench, judgement = inquiry.bench, inquiry.judgement
    status = "answered" if inquiry.opinion else "unanswered" if obstacle is None else ANALYSERS_ONLY
    return EscalationAnswer(
        escalation_id=inquiry.escalation_id,
        analysis_type=inquiry.request.analysis_type,
        status=status,
        investigation=bench.investigation,
        has_case=bench.has_case,
        pack=inquiry.pack,
        signals=judgement.signals,
        escalate=judgement.escalate,
        reason=judgement.reason,
        opinion=inquiry.opinion,
        others=tuple(opinion for opinion in inquiry.opinions if opinion is not inquiry.opinion),
        failures=tuple(inquiry.failures),
        routing=tuple(dict.fromkeys(inquiry.routing)),
        why_no_model=obstacle,
        could_add=() if inquiry.opinion else could_add(bench.investigation, inquiry.specialist, bool(bench.roots)),
        calls=tuple(inquiry.meter.calls),
        limits=inquiry.means.limits,
        time_saved=inquiry.time_saved,
        elapsed_s=elapsed_s,
    )
