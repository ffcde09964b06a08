"""What this program tells an OpenTelemetry collector of itself; the only importer of OpenTelemetry."""

from .opening import open_recorder
from .recorder import SILENT, Recorder, Trace

__all__ = ["SILENT", "Recorder", "Trace", "open_recorder"]
