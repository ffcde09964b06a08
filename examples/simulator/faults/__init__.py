"""What can go wrong, and how: one script a variant of a mechanism.

A script prepares the world and yields; it goes on at the onset, breaks something and yields; when the run is over it
returns what is true: service, resource, operation, facts. What a script changes is the model (a clock, a pool, a plan),
never a span.
"""

from __future__ import annotations

from . import calls, capacity, clocks, code, inputs, locks, messages, races
from .script import SCRIPTS

__all__ = ["SCRIPTS", "calls", "capacity", "clocks", "code", "inputs", "locks", "messages", "races"]
