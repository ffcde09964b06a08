"""The list of specialists."""

from __future__ import annotations

from typing import Final

from ..errors import UsageError
from . import cross_system, execution_trace, hypothesis_test, performance
from .base import Specialist

SPECIALISTS: Final[dict[str, Specialist]] = {
    module.SPECIALIST.analysis_type: module.SPECIALIST
    for module in (execution_trace, cross_system, performance, hypothesis_test)
}


def specialist_for(analysis_type: str) -> Specialist:
    """The specialist for a type of analysis.

    Raises:
        UsageError: when there is no such type.
    """
    try:
        return SPECIALISTS[analysis_type]
    except KeyError:
        raise UsageError(f"there is no analysis '{analysis_type}'", f"one of {', '.join(SPECIALISTS)}") from None
