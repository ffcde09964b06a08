"""What this program tells an OpenTelemetry collector of itself; the only importer of OpenTelemetry."""

from .recorder import SILENT, Recorder, Trace, open_recorder

__all__ = ["SILENT", "Recorder", "Trace", "open_recorder"]
