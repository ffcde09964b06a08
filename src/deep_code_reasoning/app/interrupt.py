"""What to tidy up when the process is told to stop."""

from __future__ import annotations

import sys


def abandon() -> None:
    """Remove what unfinished writers have written; a no-op when none is at work."""
    writer = sys.modules.get("deep_code_reasoning.store.writer")
    if writer is not None:
        writer.abandon_all()
