"""Which recorder this process has, by the variables of the OpenTelemetry specification."""

from __future__ import annotations

import logging
import os
from functools import lru_cache
from typing import Final

from .recorder import SILENT, Recorder

_LOG: Final = logging.getLogger(__name__)
_SIGNALS: Final = ("TRACES", "METRICS")
_HTTP: Final = ("http/protobuf", "")  # the first is what OTLP clients speak when nothing is said


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
