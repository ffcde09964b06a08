"""The seam: an analysis is traced from its beginning to its end, and costs nothing when no collector is configured.

    with open_recorder().analysis("cross_system", {"dcr.surface": "cli"}) as trace:
        ... ModelClient().ask(..., on_event=trace.listening(own_listener))
        trace.note({"dcr.escalation.status": "answered"})

Content (questions, evidence, answers, arguments of tools) is never handed over: figures, names and codes are.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from typing import Final, Protocol, TypeAlias

from ..domain.asking import ModelEvent, OnEvent

Value: TypeAlias = str | int | float | bool
Attributes: TypeAlias = Mapping[str, Value | None]

_LOG: Final = logging.getLogger(__name__)
_SIGNALS: Final = ("TRACES", "METRICS")
_HTTP: Final = ("http/protobuf", "")  # the first is what OTLP clients speak when nothing is said


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


@lru_cache(maxsize=1)
def open_recorder() -> Recorder:
    """The recorder of this process: to the collector that the standard OTEL_* variables name, silent without one.

    Only when one is named is OpenTelemetry imported. A collector that cannot be served (the extra `telemetry` is not
    installed, or it wants gRPC) is logged and does not keep anybody from their analysis.
    """
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return SILENT
    wanted = [signal for signal in _SIGNALS if _is_wanted(signal)]
    if not wanted:
        return SILENT
    try:
        from .otlp import OtlpRecorder
    except ImportError:
        _LOG.warning("an OTLP endpoint is configured, but OpenTelemetry is not installed: the extra 'telemetry' has it")
        return SILENT
    return OtlpRecorder("TRACES" in wanted, "METRICS" in wanted)


def _is_wanted(signal: str) -> bool:
    """Whether a collector is named for a signal, by variables of the OpenTelemetry specification."""
    if _variable(signal, "ENDPOINT") == "":
        return False
    exporters = os.environ.get(f"OTEL_{signal}_EXPORTER", "otlp").split(",")
    if "otlp" not in [name.strip() for name in exporters]:
        return False
    protocol = _variable(signal, "PROTOCOL")
    if protocol not in _HTTP:
        _LOG.warning("%s are not exported: OTLP by '%s' is not supported, only http/protobuf", signal.lower(), protocol)
    return protocol in _HTTP


def _variable(signal: str, name: str) -> str:
    """A variable of the exporter: the signal's own, else the general one."""
    return os.environ.get(f"OTEL_EXPORTER_OTLP_{signal}_{name}") or os.environ.get(f"OTEL_EXPORTER_OTLP_{name}") or ""


def _ignore(event: ModelEvent) -> None:
    pass
