"""Tokens and money: what a request to a model was billed."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one or more requests, as the provider reported them; None where it reported nothing.

    `input_tokens` includes `cached_tokens` (read from the provider's cache) and `cache_write_tokens`;
    `output_tokens` includes `reasoning_tokens`. When `unmeasured_requests` is not zero, so many requests came back
    without any report, and every figure is a lower bound.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    cache_write_tokens: int | None = None
    unmeasured_requests: int = 0

    @property
    def total_tokens(self) -> int | None:
        """Input and output together; None when either is unknown."""
        if self.input_tokens is None or self.output_tokens is None:
            return None
        return self.input_tokens + self.output_tokens

    @property
    def known(self) -> bool:
        """Whether every request was reported."""
        return self.unmeasured_requests == 0 and self.input_tokens is not None and self.output_tokens is not None

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            _sum(self.input_tokens, other.input_tokens),
            _sum(self.output_tokens, other.output_tokens),
            _sum(self.cached_tokens, other.cached_tokens),
            _sum(self.reasoning_tokens, other.reasoning_tokens),
            _sum(self.cache_write_tokens, other.cache_write_tokens),
            self.unmeasured_requests + other.unmeasured_requests,
        )


def _sum(left: int | None, right: int | None) -> int | None:
    """The sum of what is known; None when nothing is."""
    if left is None or right is None:
        return left if right is None else right
    return left + right


def add_costs(left: Decimal | None, right: Decimal | None) -> Decimal | None:
    """The sum of two amounts; unknown as soon as one is unknown, for half a sum reads like a whole one."""
    return None if left is None or right is None else left + right
