"""What an answer proved to be worth, as someone reports it: the only thing that the records of models learn from."""

from __future__ import annotations

import getpass
from dataclasses import dataclass

from ..domain.escalation import Outcome, OutcomeVerdict
from ..errors import CaseNotFoundError, RecordNotFoundError
from ..store.library import find_case
from .ledger import open_ledger


@dataclass(frozen=True, slots=True)
class Reported:
    """An outcome that was recorded. `of` says of what: an `escalation` or an `investigation`; `id` is its id."""

    of: str
    id: str
    outcome: Outcome


def report_outcome(of: str, verdict: OutcomeVerdict, note: str = "", reported_by: str | None = None) -> Reported:
    """Record whether an answer proved right.

    Args:
        of: the id of an escalation, or the name of a case: then its last escalation that was answered, and without
            one the analysers' own answer.
        verdict: confirmed, refuted or unknown; the last report holds.
        reported_by: who says so; the name of the user of this system when None.

    Raises:
        RecordNotFoundError: when there is neither an escalation nor a case of that name.
        LedgerError: when the ledger cannot be written.
    """
    by = _user() if reported_by is None else reported_by
    with open_ledger() as ledger:
        try:
            return Reported("escalation", of, ledger.escalations.report_outcome(of, verdict, by, note))
        except RecordNotFoundError:
            case = _case(of)
        answered = ledger.escalations.recent(1, answered_for=case)
        if answered:
            outcome = ledger.escalations.report_outcome(answered[0].id, verdict, by, note)
            return Reported("escalation", answered[0].id, outcome)
        return Reported("investigation", case, ledger.investigations.report_outcome(case, verdict, by, note))


def _case(name: str) -> str:
    try:
        return find_case(name).name
    except CaseNotFoundError:
        raise RecordNotFoundError(
            f"there is neither an escalation nor a case '{name}'", "the answer of an escalation names its id"
        ) from None


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user id without a name, as in many containers
        return "unknown"
