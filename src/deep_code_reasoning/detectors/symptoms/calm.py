"""How far a calm surely is one."""

from __future__ import annotations

from typing import Final

from ...domain.instant import NS_PER_S
from ...domain.window import Window

FORERUN_NS: Final = 60 * NS_PER_S
"""Trouble may show so long before the first request fails of it, and an onset is dated no better."""


def calm_until(calm: Window) -> int:
    """Where a calm surely ends: trouble may begin to show (fuller pools, slower answers) somewhat before the onset."""
    return calm.start_ns + int(0.8 * (calm.end_ns - calm.start_ns))
