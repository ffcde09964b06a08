"""Limits on what may be spent, and what is set aside before it is."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Amount:
    """Money in US dollars and tokens (input and output). None: unknown in what is spent, unlimited in a limit."""

    usd: Decimal | None = None
    tokens: int | None = None


UNLIMITED = Amount()


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be spent on one call, on one escalation with all its calls, and on one day (UTC) in all."""

    call: Amount = UNLIMITED
    escalation: Amount = UNLIMITED
    day: Amount = UNLIMITED


@dataclass(frozen=True, slots=True)
class Reservation:
    """An amount that is set aside for a call that is about to be made; its id is the call's.

    It counts as spent until the call is recorded or the reservation released; one that nobody settled counts until
    `expires_ns`.
    """

    call_id: str
    amount: Amount
    expires_ns: int
