"""What escalations took and what they were worth, summed up. What is not known is None, never 0."""

from __future__ import annotations

from dataclasses import dataclass, fields
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Tally:
    """Sums over calls and over the escalations that they belong to.

    Tokens and `cost_usd` sum what is known, and are None when nothing is; `unmetered_calls` and `unpriced_calls` say
    how many calls are missing from them. `asked` counts escalations in which calls were made, `answered` those whose
    accepted answer came from here; `confirmed`, `refuted` and `unknown` count the outcomes of the latter.
    `rejected` counts, for a model, escalations in which its answer was given up rightly, `late`
    those of them and of the refuted ones in which another model had been asked before (see `ModelRecord`).
    `verified` and `contradicted` count calls whose answers held, or did not, when checked against the evidence.
    """

    calls: int = 0
    failed_calls: int = 0
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    unmetered_calls: int = 0
    cost_usd: Decimal | None = None
    unpriced_calls: int = 0
    duration_ms: int = 0
    verified: int = 0
    contradicted: int = 0
    asked: int = 0
    answered: int = 0
    confirmed: int = 0
    refuted: int = 0
    unknown: int = 0
    rejected: int = 0
    late: int = 0

    def __add__(self, other: Tally) -> Tally:
        def total(mine: Decimal | int | None, theirs: Decimal | int | None) -> Decimal | int | None:
            return theirs if mine is None else mine if theirs is None else mine + theirs

        names = [field.name for field in fields(self)]
        return Tally(**{name: total(getattr(self, name), getattr(other, name)) for name in names})  # type: ignore[arg-type]

    @property
    def cost_per_confirmed_usd(self) -> Decimal | None:
        """Money for each confirmed cause, wrong answers included.

        None when no cause was confirmed, or the price of any call is unknown.
        """
        if not self.confirmed or self.cost_usd is None or self.unpriced_calls:
            return None
        return self.cost_usd / self.confirmed

    @property
    def quality(self) -> float | None:
        """Share (0..1) of confirmed answers among those that are known to be right or wrong; None without any.

        Rejected answers are among the wrong: a model whose failures were caught is not the better for it.
        """
        decided = self.confirmed + self.refuted + self.rejected
        return self.confirmed / decided if decided else None

    @property
    def quality_per_usd(self) -> float | None:
        """Quality, divided by the mean cost in dollars of an escalation; None when either is unknown or it was free."""
        if self.quality is None or not self.cost_usd or self.unpriced_calls or not self.asked:
            return None
        return self.quality / (float(self.cost_usd) / self.asked)


@dataclass(frozen=True, slots=True)
class ModelTally:
    """The record of a model on a class of problems; `resolved` are the names under which providers answered as it."""

    model: str
    problem_class: str
    tally: Tally
    resolved: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReasonTally:
    """Escalations that were made for one reason."""

    reason: str
    escalations: int
    tally: Tally


@dataclass(frozen=True, slots=True)
class TimeSavedTally:
    """Estimates of time saved, summed over the escalations that have one on this basis (`caller` or `model`)."""

    basis: str
    escalations: int
    estimate_s: float


@dataclass(frozen=True, slots=True)
class InvestigationTally:
    """Answers without a model, of investigations and of escalations, by the last outcome reported of each."""

    confirmed: int = 0
    refuted: int = 0
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class CheckTally:
    """How good the check of answers is, by outcomes: how many right and wrong answers there were, and how many of each
    the check found verified.

    Only the first answer to a question counts: whether a later one was asked for hung on the check itself.
    """

    right: int = 0
    right_held: int = 0
    wrong: int = 0
    wrong_held: int = 0


@dataclass(frozen=True, slots=True)
class LedgerStatistics:
    """Everything that `dcr stats` shows, of escalations and calls that began at `since_ns` or later (None: all).

    `unsettled_calls` were reserved by processes that ended without saying what became of them; `unsettled_usd` is the
    most that they may have cost, None when that is unknown of any of them.
    """

    since_ns: int | None
    escalations: int
    total: Tally
    models: tuple[ModelTally, ...]
    reasons: tuple[ReasonTally, ...]
    time_saved: tuple[TimeSavedTally, ...]
    unsettled_calls: int
    unsettled_usd: Decimal | None
    investigations: InvestigationTally = InvestigationTally()
    check: CheckTally = CheckTally()
