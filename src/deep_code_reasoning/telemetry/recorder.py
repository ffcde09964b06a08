"""The seam: an analysis is traced from its beginning to its end, and costs nothing when no collector is configured.

    with open_recorder().analysis("cross_system", {"dcr.surface": "cli"}) as trace:
        ... ModelClient().ask(..., on_event=trace.listening(own_listener))
        trace.note({"dcr.escalation.status": "answered"})

Content (questions, evidence, answers, arguments of tools) is never handed over: figures, names and codes are.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Final, Protocol, TypeAlias

from ..domain.asking import ModelEvent, OnEvent

Value: TypeAlias = str | int | float | bool
Attributes: TypeAlias = Mapping[str, Value | None]


class Trace(Protocol):
    """One analysis, or one turn of it, as it goes on. What is None in attributes is left out."""

    def turn(self, agent: str, model: str) -> AbstractContextManager[Trace]:
        """A model is asked; requests and tools within belong to it. An error that comes out of it is noted."""
        ...

    def listening(self, listener: OnEvent | None = None) -> OnEvent:
        """A listener that records requests and tools, and tells another one of everything."""
        ...

    def note(self, attributes: Attributes) -> None:
        """Add what has become known."""
        ...


class Recorder(Protocol):
    """Where traces go."""

    def analysis(self, kind: str, attributes: Attributes) -> AbstractContextManager[Trace]:
        """A trace of its own for one analysis of a kind. An error that comes out of it is noted."""
        ...

    def close(self) -> None:
        """Send what is left. Waits for the collector for as long as OTEL_EXPORTER_OTLP_TIMEOUT says."""
        ...


class _SilentTrace:
    """Nobody listens."""

    def turn(self, agent: str, model: str) -> AbstractContextManager[Trace]:
        return nullcontext(self)

    def listening(self, listener: OnEvent | None = None) -> OnEvent:
        return listener or _ignore

    def note(self, attributes: Attributes) -> None:
        pass


class _SilentRecorder:
    """No collector is configured."""

    def analysis(self, kind: str, attributes: Attributes) -> AbstractContextManager[Trace]:
        return nullcontext(_SilentTrace())

    def close(self) -> None:
        pass


SILENT: Final[Recorder] = _SilentRecorder()


def _ignore(event: ModelEvent) -> None:
    pass
