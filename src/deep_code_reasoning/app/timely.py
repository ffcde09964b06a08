"""Work that blocks, done in a thread and waited for no longer than the deadline allows."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import TypeVar

from ..domain.deadline import Deadline
from ..errors import DeadlineError

_T = TypeVar("_T")


async def within(deadline: Deadline, work: Callable[[], _T]) -> _T:
    """The result of work that blocks. When the time is up nobody waits for it any more; it ends by itself.

    Raises:
        DeadlineError: when the time is up.
    """
    try:
        async with asyncio.timeout(None if math.isinf(deadline.at_s) else deadline.remaining_s):
            return await asyncio.to_thread(work)
    except TimeoutError:
        raise DeadlineError("the time was up while the evidence was looked at", "allow more time") from None


async def entered(stack: ExitStack, manager: AbstractContextManager[_T], deadline: Deadline) -> _T:
    """Enter a context whose entering blocks. When nobody waits for it any more, it is left as soon as it is entered.

    Raises:
        DeadlineError: when the time is up.
    """
    abandoned = False

    def enter() -> _T:
        inner = ExitStack()
        value = inner.enter_context(manager)
        if abandoned:
            inner.close()
        else:
            stack.push(inner)
        return value

    try:
        return await within(deadline, enter)
    except (DeadlineError, asyncio.CancelledError):
        abandoned = True
        raise
