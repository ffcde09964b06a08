"""What may be spent on models, as the user set it in the environment."""

from __future__ import annotations

import os
from decimal import Decimal, InvalidOperation

from ..domain.budget import Amount, Limits
from ..errors import UsageError


def limits_from_environment() -> Limits:
    """`DCR_MAX_USD_PER_CALL`, `..._PER_ESCALATION`, `..._PER_DAY`, and the same with `TOKENS`; unset: unlimited.

    Raises:
        UsageError: when one of them is no amount.
    """
    return Limits(call=_amount("CALL"), escalation=_amount("ESCALATION"), day=_amount("DAY"))


def _amount(scope: str) -> Amount:
    usd, tokens = _read(f"DCR_MAX_USD_PER_{scope}"), _read(f"DCR_MAX_TOKENS_PER_{scope}")
    return Amount(usd, None if tokens is None else int(tokens))


def _read(name: str) -> Decimal | None:
    text = os.environ.get(name, "").strip()
    if not text:
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or amount < 0:
        raise UsageError(f"{name}: '{text}' is no amount", "write a number, for example 2.50")
    return amount
