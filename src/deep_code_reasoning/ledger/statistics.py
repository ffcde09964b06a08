"""Sums over the ledger: the database groups and adds; few rows come back, one a model, class of problems, reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import (
    Connection,
    Row,
    Select,
    Text,
    and_,
    case,
    exists,
    func,
    literal_column,
    or_,
    select,
    type_coerce,
    union_all,
)

from ..domain.escalation import ANALYSERS_ONLY
from ..domain.ledger_statistics import (
    CheckTally,
    InvestigationTally,
    LedgerStatistics,
    ModelTally,
    ReasonTally,
    Tally,
    TimeSavedTally,
)
from ..domain.model import ModelRecord
from .database import Database
from .schema import CALLS, ESCALATIONS, INVESTIGATION_OUTCOMES, OUTCOMES, SPENDING, Count, Usd
from .spending import is_unsettled

# Constants and no parameters: PostgreSQL takes two parameters for two values, and would miss them in GROUP BY.
_NONE: Final = literal_column("''", Text)  # of calls that belong to no escalation
_UNKNOWN: Final = literal_column("'unknown'", Text)
_TOKENS: Final = ("input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens")


class Statistics:
    """Sums over all escalations and calls."""

    def __init__(self, database: Database, clock: Callable[[], int]) -> None:
        self._database = database
        self._clock = clock

    def collect(self, since_ns: int | None = None) -> LedgerStatistics:
        """Sum up what began at `since_ns` or later, or everything, as of one moment."""
        from_ns, now_ns = since_ns or 0, self._clock()
        return self._database.read(lambda connection: _collect(connection, since_ns, from_ns, now_ns))

    def records(self) -> dict[str, ModelRecord]:
        """The record of every model that was ever asked, over all classes of problems."""
        tallies: dict[str, Tally] = {}
        for entry in self.collect().models:
            _add(tallies, entry.model, entry.tally)
        return {model: _record(tally) for model, tally in tallies.items()}

    def records_by_class(self) -> dict[tuple[str, str], ModelRecord]:
        """The record of every model that was ever asked, by model and class of problems; "" for none."""
        return {(entry.model, entry.problem_class): _record(entry.tally) for entry in self.collect().models}

    def check(self) -> CheckTally:
        """How good the check of answers has been so far."""
        return self._database.read(lambda connection: _check_tally(connection, 0))


def _record(tally: Tally) -> ModelRecord:
    return ModelRecord(
        calls=tally.calls,
        failures=tally.failed_calls,
        confirmed=tally.confirmed,
        refuted=tally.refuted,
        cost_usd=None if tally.unpriced_calls else tally.cost_usd,
        asked=tally.asked,
        rejected=tally.rejected,
        late=tally.late,
    )


def _collect(connection: Connection, since_ns: int | None, from_ns: int, now_ns: int) -> LedgerStatistics:
    models: dict[tuple[str, str], Tally] = {}
    reasons: dict[str, Tally] = {}
    counts: dict[str, int] = {}
    for row in connection.execute(_calls(from_ns)):
        tally = _tally(row)
        _add(models, (row.model, row.problem_class), tally)
        _add(reasons, row.reason, tally)
    for row in connection.execute(_outcomes(from_ns)):
        tally = _outcome_tally(row)
        if row.model is not None:
            _add(models, (row.model, row.problem_class), tally)
        _add(reasons, row.reason, tally)
        counts[row.reason] = counts.get(row.reason, 0) + row.escalations
    for row in connection.execute(_rejected(from_ns)):
        _add(models, (row.model, row.problem_class), Tally(rejected=row.escalations, late=row.late))
    # An escalation may ask several models: within a reason, and in all, it was one that asked.
    for reason, asked in connection.execute(_asked(from_ns)):
        reasons[reason] = replace(reasons[reason], asked=asked)
    resolved: dict[str, tuple[str, ...]] = {}
    for model, name in connection.execute(_resolved(from_ns)):
        resolved[model] = (*resolved.get(model, ()), name)
    unsettled = connection.execute(_unsettled(from_ns, now_ns)).one()
    return LedgerStatistics(
        since_ns=since_ns,
        escalations=sum(counts.values()),
        total=sum(reasons.values(), Tally()),
        models=tuple(ModelTally(*key, tally, resolved.get(key[0], ())) for key, tally in sorted(models.items())),
        reasons=tuple(ReasonTally(reason, counts.get(reason, 0), tally) for reason, tally in sorted(reasons.items())),
        time_saved=tuple(TimeSavedTally(*row) for row in connection.execute(_time_saved(from_ns))),
        investigations=InvestigationTally(
            **{row.verdict: row.cases for row in connection.execute(_investigations(from_ns))}
        ),
        check=_check_tally(connection, from_ns),
        unsettled_calls=unsettled.calls,
        unsettled_usd=(unsettled.usd or Decimal(0)) if unsettled.calls == unsettled.priced else None,
    )


def _add(tallies: dict[Any, Tally], key: Any, tally: Tally) -> None:
    tallies[key] = tallies.get(key, Tally()) + tally


def _calls(from_ns: int) -> Select[Any]:
    model = CALLS.c.model_requested
    problem_class = func.coalesce(ESCALATIONS.c.problem_class, _NONE)
    metered = and_(
        CALLS.c.input_tokens.is_not(None), CALLS.c.output_tokens.is_not(None), CALLS.c.unmeasured_requests == 0
    )
    return (
        select(
            model.label("model"),
            problem_class.label("problem_class"),
            _reason().label("reason"),
            func.count().label("calls"),
            _count_if(CALLS.c.status != "ok").label("failed_calls"),
            *(type_coerce(func.sum(CALLS.c[name]), Count).label(name) for name in _TOKENS),
            _count_if(metered).label("metered_calls"),
            type_coerce(func.sum(CALLS.c.total_cost_nano_usd), Usd).label("cost_usd"),
            func.count(CALLS.c.total_cost_nano_usd).label("priced_calls"),
            type_coerce(func.sum(CALLS.c.duration_ms), Count).label("duration_ms"),
            _count_if(CALLS.c.verification == "verified").label("verified"),
            _count_if(CALLS.c.verification == "refuted").label("contradicted"),
            func.count(CALLS.c.escalation_id.distinct()).label("asked"),
        )
        .select_from(CALLS.outerjoin(ESCALATIONS, CALLS.c.escalation_id == ESCALATIONS.c.id))
        .where(CALLS.c.started_ns >= from_ns)
        .group_by(model, problem_class, _reason())
    )


def _resolved(from_ns: int) -> Select[Any]:
    names = (CALLS.c.model_requested, CALLS.c.model_resolved)
    return (
        select(*names)
        .distinct()
        .where(CALLS.c.started_ns >= from_ns, CALLS.c.model_resolved.is_not(None))
        .order_by(*names)
    )


def _asked(from_ns: int) -> Select[Any]:
    return (
        select(_reason(), func.count(CALLS.c.escalation_id.distinct()))
        .select_from(CALLS.outerjoin(ESCALATIONS, CALLS.c.escalation_id == ESCALATIONS.c.id))
        .where(CALLS.c.started_ns >= from_ns)
        .group_by(_reason())
    )


def _outcomes(from_ns: int) -> Select[Any]:
    model = CALLS.c.model_requested
    verdict = func.coalesce(OUTCOMES.c.verdict, _UNKNOWN)
    groups = (model, ESCALATIONS.c.problem_class, ESCALATIONS.c.reason, verdict, ESCALATIONS.c.status)
    return (
        select(
            model.label("model"),
            ESCALATIONS.c.problem_class,
            ESCALATIONS.c.reason,
            verdict.label("verdict"),
            ESCALATIONS.c.status,
            func.count().label("escalations"),
            _count_if(_came_later()).label("late"),
        )
        .select_from(
            ESCALATIONS.outerjoin(CALLS, ESCALATIONS.c.answer_call_id == CALLS.c.id).outerjoin(OUTCOMES, _reported())
        )
        .where(ESCALATIONS.c.started_ns >= from_ns)
        .group_by(*groups)
    )


def _rejected(from_ns: int) -> Select[Any]:
    """Models whose answer was checked, did not hold and was not the accepted one, where an outcome shows them wrong.

    When the accepted answer was confirmed, that is every such model; when it was refuted, those that the evidence
    contradicts. Only answers to the same kind of request count: a judge that was asked on the way is no rival.
    """
    accepted = CALLS.alias("accepted")
    given_up = or_(
        accepted.c.id.is_(None),
        and_(CALLS.c.model_requested != accepted.c.model_requested, CALLS.c.event_type == accepted.c.event_type),
    )
    wrong = or_(
        and_(OUTCOMES.c.verdict == "confirmed", CALLS.c.verification != "verified"),
        and_(OUTCOMES.c.verdict == "refuted", CALLS.c.verification == "refuted"),
    )
    return (
        select(
            CALLS.c.model_requested.label("model"),
            ESCALATIONS.c.problem_class,
            func.count(ESCALATIONS.c.id.distinct()).label("escalations"),
            func.count(case((_came_later(), ESCALATIONS.c.id)).distinct()).label("late"),
        )
        .select_from(
            ESCALATIONS.join(OUTCOMES, _reported())
            .join(CALLS, CALLS.c.escalation_id == ESCALATIONS.c.id)
            .outerjoin(accepted, accepted.c.id == ESCALATIONS.c.answer_call_id)
        )
        .where(ESCALATIONS.c.started_ns >= from_ns, CALLS.c.status == "ok", given_up, wrong)
        .group_by(CALLS.c.model_requested, ESCALATIONS.c.problem_class)
    )


def _check_tally(connection: Connection, from_ns: int) -> CheckTally:
    """First answers that an outcome shows right or wrong, by what the check had said of them.

    The accepted answer is what its outcome says; one that was given up for another's is wrong when that was confirmed.
    """
    accepted = ESCALATIONS.c.answer_call_id == CALLS.c.id
    other = CALLS.alias("other")
    given_up = exists().where(
        other.c.id == ESCALATIONS.c.answer_call_id,
        other.c.model_requested != CALLS.c.model_requested,
        other.c.event_type == CALLS.c.event_type,
    )
    right = and_(accepted, OUTCOMES.c.verdict == "confirmed")
    wrong = or_(and_(accepted, OUTCOMES.c.verdict == "refuted"), and_(given_up, OUTCOMES.c.verdict == "confirmed"))
    held = CALLS.c.verification == "verified"
    counted = {
        "right": right,
        "right_held": and_(right, held),
        "wrong": wrong,
        "wrong_held": and_(wrong, held),
    }
    row = connection.execute(
        select(*(func.coalesce(_count_if(condition), 0).label(name) for name, condition in counted.items()))
        .select_from(ESCALATIONS.join(OUTCOMES, _reported()).join(CALLS, CALLS.c.escalation_id == ESCALATIONS.c.id))
        .where(
            ESCALATIONS.c.started_ns >= from_ns,
            CALLS.c.status == "ok",
            CALLS.c.verification.is_not(None),
            ~_came_later(),
        )
    ).one()
    return CheckTally(*row)


def _came_later() -> Any:
    """Whether another model had been asked the same kind of thing, in the same escalation, before a call."""
    before = CALLS.alias("before")
    return exists().where(
        before.c.escalation_id == CALLS.c.escalation_id,
        before.c.event_type == CALLS.c.event_type,
        before.c.model_requested != CALLS.c.model_requested,
        before.c.status == "ok",
        before.c.started_ns < CALLS.c.started_ns,
    )


def _reported() -> Any:
    """What joins an escalation with the last outcome that was reported of it."""
    last = (
        select(func.max(OUTCOMES.c.ordinal))
        .where(OUTCOMES.c.escalation_id == ESCALATIONS.c.id)
        .correlate(ESCALATIONS)
        .scalar_subquery()
    )
    return and_(OUTCOMES.c.escalation_id == ESCALATIONS.c.id, OUTCOMES.c.ordinal == last)


def _time_saved(from_ns: int) -> Select[Any]:
    basis = ESCALATIONS.c.time_saved_basis
    return (
        select(basis, func.count(), func.sum(ESCALATIONS.c.time_saved_s))
        .where(ESCALATIONS.c.started_ns >= from_ns, ESCALATIONS.c.time_saved_s.is_not(None))
        .group_by(basis)
        .order_by(basis)
    )


def _investigations(from_ns: int) -> Any:
    """What was reported of answers without a model: of cases, and of escalations that the analysers answered alone."""
    table, later = INVESTIGATION_OUTCOMES, INVESTIGATION_OUTCOMES.alias("later")
    superseded = exists().where(later.c.case_id == table.c.case_id, later.c.ordinal > table.c.ordinal)
    of_cases = select(table.c.verdict).where(table.c.reported_ns >= from_ns, ~superseded)
    of_escalations = (
        select(OUTCOMES.c.verdict)
        .select_from(ESCALATIONS.join(OUTCOMES, _reported()))
        .where(ESCALATIONS.c.started_ns >= from_ns, ESCALATIONS.c.status == ANALYSERS_ONLY)
    )
    either = union_all(of_cases, of_escalations).subquery()
    return select(either.c.verdict, func.count().label("cases")).group_by(either.c.verdict)


def _unsettled(from_ns: int, now_ns: int) -> Any:
    return select(
        func.count().label("calls"),
        func.count(SPENDING.c.reserved_nano_usd).label("priced"),
        type_coerce(func.sum(SPENDING.c.reserved_nano_usd), Usd).label("usd"),
    ).where(is_unsettled(now_ns), SPENDING.c.created_ns >= from_ns)


def _reason() -> Any:
    return func.coalesce(ESCALATIONS.c.reason, CALLS.c.reason, _NONE)


def _count_if(condition: Any) -> Any:
    return type_coerce(func.sum(case((condition, 1), else_=0)), Count)


def _tally(row: Row[Any]) -> Tally:
    return Tally(
        calls=row.calls,
        failed_calls=row.failed_calls,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        cached_tokens=row.cached_tokens,
        cache_write_tokens=row.cache_write_tokens,
        reasoning_tokens=row.reasoning_tokens,
        unmetered_calls=row.calls - row.metered_calls,
        cost_usd=row.cost_usd,
        unpriced_calls=row.calls - row.priced_calls,
        duration_ms=row.duration_ms,
        verified=row.verified,
        contradicted=row.contradicted,
        asked=row.asked,
    )


def _outcome_tally(row: Row[Any]) -> Tally:
    """Outcomes of answers; an escalation that ended without one has nothing that could be confirmed by a model."""
    if row.status == ANALYSERS_ONLY:
        return Tally()
    answered = row.escalations if row.status == "answered" else 0
    return Tally(
        answered=answered,
        confirmed=row.escalations if row.verdict == "confirmed" else 0,
        refuted=row.escalations if row.verdict == "refuted" else 0,
        late=row.late if row.verdict == "refuted" else 0,
        unknown=row.escalations if row.verdict == "unknown" and answered else 0,
    )
