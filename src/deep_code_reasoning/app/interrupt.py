"""What to tidy up when the process is told to stop."""

from __future__ import annotations

import sys


def abandon() -> None:
    """Remove what unfinished writers have written, and what the engine keeps; a no-op when none is at work."""
    if writer := sys.modules.get("deep_code_reasoning.store.writer"):
        writer.abandon_all()
    if engine := sys.modules.get("deep_code_reasoning.store.engine"):
        engine.tidy_up()
