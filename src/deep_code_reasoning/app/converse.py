"""Conversations with a specialist: they survive a restart, belong to one caller at a time, and always have an end."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ..domain.analysis import AnalysisRequest
from ..domain.asking import Passage
from ..domain.call import Verification
from ..domain.conversation import ConversationLimits
from ..domain.deadline import Deadline
from ..domain.opinion import Opinion, usage_as_json
from ..domain.pack import Pack
from ..errors import BudgetExceededError, LedgerError, ModelNotConfiguredError, ProviderError, UsageError
from ..report.answer import as_json as investigation_as_json
from ..specialists.consultation import Consultation, opening_prompt, plain
from ..specialists.registry import specialist_for
from . import transcript
from .conversation_answer import (
    FORMATS,
    ConversationReply,
    ConversationReport,
    ConversationStatus,
    in_format,
    progress_of,
)
from .escalate import judge_request, models_for
from .escalation_answer import Failure, pack_as_json
from .escalation_record import begin_escalation
from .fitting import fitted, pack_budget
from .ledger import open_ledger
from .means import Means
from .metering import Meter
from .partner import choose_partner
from .setting import Setting
from .terms import Terms
from .timely import entered, within
from .turn import TurnTaking, snippets
from .workbench import Workbench, open_workbench

if TYPE_CHECKING:
    from ..ledger import Ledger
    from ..ledger.leases import Hold

# A conversation that is over can be read for a month after.
_FORGET_AFTER_S: Final = 30 * 86_400
_FINAL_QUESTION: Final = (
    "This is the end of the conversation. Give your answer to all of it: the explanations that stand after everything "
    "that was found, what speaks for and against them, what to do, and what remains open."
)


async def start_conversation(
    request: AnalysisRequest,
    terms: Terms,
    *,
    limits: ConversationLimits | None = None,
    conversation_id: str | None = None,
) -> ConversationReply:
    """Begin a conversation with its first question.

    A model is asked when one can be: whoever starts a conversation wants one. Without a model each turn brings the
    analysers' answer and the evidence that fits the question.

    Args:
        conversation_id: under which it is kept, for a caller that may have to find it again; made here when None.

    Raises:
        as `escalate` does.
    """
    means = terms.means
    specialist = specialist_for(request.analysis_type)
    deadline = Deadline.after(request.time_budget_s)
    meter = Meter(means.limits, means.surface, "conversation", means.on_event)
    client = means.open_client(meter.gate)
    cards = models_for(terms, client.catalogue)
    with ExitStack() as stack:
        ledger = stack.enter_context(open_ledger())
        with suppress(LedgerError):
            ledger.conversations.forget_expired(_FORGET_AFTER_S)
        bench = await entered(stack, open_workbench(request, terms.case, terms.roots), deadline)
        pack = await within(deadline, lambda: bench.pack(pack_budget(request.depth, cards)))
        kind = request.analysis_type
        chosen, reason = choose_partner(ledger, cards, bench, pack, terms, analysis_type=kind)
        if chosen is not None:
            pack = await fitted(pack, bench, client.catalogue.card(chosen), client, deadline)
        setting = Setting(request, terms.case, terms.roots, chosen, reason, pack.nonce, bench.investigation.windows)
        judgement = judge_request(bench, means, chosen)
        escalation_id = None
        if chosen is not None:
            escalation_id = begin_escalation(ledger, bench, pack, judgement, means.surface)
        conversation = ledger.conversations.start(
            request.analysis_type,
            means.surface,
            context=setting.as_json(),
            limits=limits or ConversationLimits(),
            escalation_id=escalation_id,
            case_id=bench.investigation.case.id if bench.has_case else None,
            conversation_id=conversation_id,
        )
        with ledger.conversations.held(conversation.id) as hold:
            if chosen is None:
                ledger.conversations.add(hold, "user", transcript.content_of(request.question))
                return _from_analysers(ledger, conversation.id, setting, bench, pack)
            meter.begin(ledger, reason="conversation", escalation_id=escalation_id, conversation_id=conversation.id)
            taking = TurnTaking(ledger, hold, setting, meter, client, bench.bench(pack), deadline)
            prompt = opening_prompt(Consultation(specialist, request, pack, taking.bench))
            return await _put(taking, request.question, prompt, account=pack)


async def continue_conversation(
    conversation_id: str,
    message: str,
    *,
    include_code_snippets: bool = False,
    means: Means | None = None,
) -> ConversationReply:
    """Put the next question. One that a crash left without its answer, put again, gets the answer that was paid for.

    Args:
        include_code_snippets: also give the lines of code that the answer cites.

    Raises:
        ConversationNotFoundError, ConversationExpiredError, ConversationBusyError, ConversationFinishedError.
        BudgetExceededError: when all turns are used; nothing was spent, and it can still be finalised.
    """
    means, deadline = means or Means(), Deadline()
    with ExitStack() as stack:
        ledger = stack.enter_context(open_ledger())
        conversation = ledger.conversations.get(conversation_id)
        setting = Setting.from_json(conversation.context)
        hold = stack.enter_context(ledger.conversations.held(conversation_id))
        if setting.model is None:
            ledger.conversations.add(hold, "user", transcript.content_of(message))
            asked = replace(setting.request, question=message)
            bench = await entered(stack, open_workbench(asked, setting.case, setting.roots), deadline)
            pack = await within(deadline, lambda: bench.pack(pack_budget(asked.depth, ())))
            return _from_analysers(ledger, conversation_id, setting, bench, pack)
        taking = await _taking(stack, ledger, hold, setting, conversation.escalation_id, means, deadline)
        unanswered = transcript.unanswered_question(ledger.conversations.turns(conversation_id))
        recovered = taking.recover()
        if isinstance(recovered, Opinion) and unanswered and transcript.text_of(unanswered) == message:
            reply, recovered = _replied(taking, recovered), None
        else:
            reply = await _put(taking, message, (Passage(plain(message)),))
        lines = snippets(reply.opinion, taking.bench) if include_code_snippets and reply.opinion else ()
        return replace(reply, recovered=_said(recovered), snippets=lines)


async def finalize_conversation(
    conversation_id: str,
    form: str = "detailed",
    *,
    means: Means | None = None,
) -> ConversationReport:
    """End a conversation with its answer, in one of three forms. No limit stands in the way of that.

    The specialist is asked for a last answer when more than one was given and limits allow it; else the last answer
    that there is is the final one. What has ended already gives its answer again, as its caller may never have got it.

    Raises:
        UsageError: when there is no such form.
        ConversationNotFoundError, ConversationBusyError.
    """
    if form not in FORMATS:
        raise UsageError(f"there is no form '{form}'", f"one of {', '.join(FORMATS)}")
    if (state := conversation_status(conversation_id).conversation.state) in ("finished", "expired"):
        return replace(read_report(conversation_id, form), note=f"it had {state}: nothing more was asked")
    means, deadline = means or Means(), Deadline()
    note = None
    with ExitStack() as stack:
        ledger = stack.enter_context(open_ledger())
        conversation = ledger.conversations.get(conversation_id)
        setting = Setting.from_json(conversation.context)
        hold = stack.enter_context(ledger.conversations.held(conversation_id, for_turn=False))
        if setting.model is not None:
            taking = await _taking(stack, ledger, hold, setting, conversation.escalation_id, means, deadline)
            taking.recover()
            if len(transcript.opinions(ledger.conversations.turns(conversation_id))) > 1:
                try:
                    await taking.ask("(the final answer)", (Passage(_FINAL_QUESTION),))
                except (ProviderError, BudgetExceededError, ModelNotConfiguredError) as fault:
                    note = f"no last answer could be had ({fault.message}); this is what was said until then"
        ledger.conversations.finish(hold)
        _close(ledger, conversation.escalation_id, conversation_id)
    return replace(read_report(conversation_id, form), note=note)


def read_report(conversation_id: str, form: str = "detailed") -> ConversationReport:
    """What a conversation has come to so far, or came to, in one of three forms; nothing is asked or changed.

    Raises:
        ConversationNotFoundError: when there is no such conversation.
    """
    with open_ledger() as ledger:
        status = _status(ledger, conversation_id)
        given = transcript.opinions(ledger.conversations.turns(conversation_id))
    if given:
        return ConversationReport(status, form, "specialist", in_format(form, given[-1], given[:-1]))
    setting = Setting.from_json(status.conversation.context)
    with open_workbench(setting.request, setting.case, setting.roots) as bench:
        found = investigation_as_json(bench.investigation)
    kept = ("verdict", "causes") if form != "detailed" else ("verdict", "causes", "findings", "checks")
    return ConversationReport(status, form, "analysers", {name: found[name] for name in kept})


def conversation_status(conversation_id: str) -> ConversationStatus:
    """How a conversation stands, whatever its state; anybody may look, also while someone works on it.

    Raises:
        ConversationNotFoundError: when there is no such conversation.
    """
    with open_ledger() as ledger:
        return _status(ledger, conversation_id)


async def _put(
    taking: TurnTaking, question: str, prompt: tuple[Passage, ...], account: Pack | None = None
) -> ConversationReply:
    """Put a question; a model that fails is told of, and the conversation goes on."""
    failure, opinion = None, None
    try:
        opinion = await taking.ask(question, prompt)
    except ProviderError as fault:
        failure = Failure.of(taking.setting.model or "", fault)
    return _replied(taking, opinion, failure, account)


def _replied(
    taking: TurnTaking, opinion: Opinion | None, failure: Failure | None = None, account: Pack | None = None
) -> ConversationReply:
    return ConversationReply(
        status=_status(taking.ledger, taking.hold.id),
        reply=opinion.summary if opinion else f"no usable answer: {failure.message if failure else ''}",
        opinion=opinion.as_json() if opinion else None,
        failure=failure,
        account=pack_as_json(account) if account else None,
        compacted=taking.compacted,
        usage=usage_as_json(opinion.usage) if opinion else None,
        cost_usd=float(opinion.cost_usd) if opinion and opinion.cost_usd is not None else None,
    )


async def _taking(
    stack: ExitStack,
    ledger: Ledger,
    hold: Hold,
    setting: Setting,
    escalation_id: str | None,
    means: Means,
    deadline: Deadline,
) -> TurnTaking:
    """Open the evidence and the client again."""
    meter = Meter(means.limits, means.surface, "conversation", means.on_event)
    meter.begin(ledger, reason="conversation", escalation_id=escalation_id, conversation_id=hold.id)
    bench = await entered(stack, setting.bench(), deadline)
    bench.experiments.update(transcript.experiments(ledger.conversations.turns(hold.id)))
    return TurnTaking(ledger, hold, setting, meter, means.open_client(meter.gate), bench, deadline)


def _from_analysers(
    ledger: Ledger, conversation_id: str, setting: Setting, bench: Workbench, pack: Pack
) -> ConversationReply:
    """A turn without a model: the analysers' answer, and the evidence for whoever reasons over it."""
    found = investigation_as_json(bench.investigation)
    causes = bench.investigation.causes
    return ConversationReply(
        status=_status(ledger, conversation_id),
        reply=causes[0].summary if causes else "The analysers found no cause; the evidence is in the pack.",
        why_no_model=setting.why_no_model,
        analysers={"verdict": found["verdict"], "causes": found["causes"]},
        pack=pack.text,
        account=pack_as_json(pack),
    )


def _status(ledger: Ledger, conversation_id: str) -> ConversationStatus:
    conversation = ledger.conversations.get(conversation_id)
    given = transcript.opinions(ledger.conversations.turns(conversation_id))
    calls = ledger.calls.of_conversation(conversation_id)
    return ConversationStatus(conversation, progress_of(given), conversation.context["model"], calls)


def _close(ledger: Ledger, escalation_id: str | None, conversation_id: str) -> None:
    if escalation_id is None:
        return
    turns = ledger.conversations.turns(conversation_id)
    given = [turn for turn in turns if transcript.opinion_in(turn) is not None]
    last = transcript.opinion_in(given[-1]) if given else None
    causes = last["causes"] if last else []
    with suppress(LedgerError):
        ledger.escalations.close(
            escalation_id,
            "answered" if last else "unanswered",
            found=causes[0]["statement"] if causes else None,
            answer_call_id=given[-1].call_id if given else None,
            verification=Verification(**last["verification"]) if last else None,
        )


def _said(recovered: Opinion | str | None) -> str | None:
    return recovered.summary if isinstance(recovered, Opinion) else recovered
