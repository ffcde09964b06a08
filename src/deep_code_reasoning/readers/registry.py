"""All readers, and the choice among them. A new format is a file of its own and a line here."""

from __future__ import annotations

import functools
import importlib
from typing import Final

from .base import Head, Reader

# Modules in this package, each with a `READER` or a tuple `READERS`. The order breaks ties between equally sure
# sniffers: the more specific format comes first.
MODULES: Final[tuple[str, ...]] = (
    "hprof",
    "v8_snapshot",
    "class_histogram",
    "otlp_json",
    "otlp_protobuf",
    "jaeger_json",
    "zipkin_json",
    "flat_spans",
    "prometheus_json",
    "datadog_metrics",
    "prometheus_text",
    "metrics_csv",
    "changes_json",
    "changes_csv",
    "changes_yaml",
    "git_log",
    "notices_json",
    "cri_logs",
    "json_logs",
    "logfmt",
    "text_logs",
    "deploy_log",
    "chat_json",
)

# A format is taken when its reader is at least this sure; below it a file is listed as not understood.
MIN_CERTAINTY: Final = 0.3


@functools.cache
def readers() -> tuple[Reader, ...]:
    """Every known reader, in order."""
    found: list[Reader] = []
    for name in MODULES:
        module = importlib.import_module(f".{name}", __package__)
        found.extend(getattr(module, "READERS", None) or (module.READER,))
    return tuple(found)


def choose(head: Head) -> Reader | None:
    """The reader that is surest of a head, or None when none is sure enough."""
    scored = [(reader.sniff(head), -order, reader) for order, reader in enumerate(readers())]
    certainty, _, best = max(scored, key=lambda entry: entry[:2], default=(0.0, 0, None))
    return best if certainty >= MIN_CERTAINTY else None
