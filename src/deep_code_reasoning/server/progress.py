"""How far work is, as the protocol's progress notifications."""

from __future__ import annotations

from typing import Any

from ..app.jobs import Progress
from .long_work import OnProgress

_UNITS = ("B", "kB", "MB", "GB", "TB")


def reporter(session: Any) -> OnProgress:
    """A function that tells a client how far work is, when that has changed and the client asked for it."""
    last = Progress()

    async def report(progress: Progress) -> None:
        nonlocal last
        if progress != last:
            last = progress
            await session.report_progress(progress.done, progress.total or None, sentence(progress))

    return report


def sentence(progress: Progress) -> str:
    """`1.2 of 2.0 GB, 350 MB/s, about 3 s left`."""
    said = f"{_size(progress.done)} of {_size(progress.total)}"
    if progress.rate:
        said += f", {_size(progress.rate)}/s"
    if progress.remaining_s is not None:
        said += f", about {progress.remaining_s:.0f} s left" if progress.remaining_s >= 1 else ", analysing"
    return said


def _size(value: float) -> str:
    for unit in _UNITS:
        if value < 1000 or unit == _UNITS[-1]:
            return f"{value:.1f} {unit}" if unit not in ("B", "kB") else f"{value:.0f} {unit}"
        value /= 1000
    return ""
