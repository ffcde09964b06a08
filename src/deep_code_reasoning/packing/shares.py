"""How a budget is shared among kinds of evidence, for each type of analysis."""

from __future__ import annotations

from typing import Final

# In this order they stand in a pack: what the analysers say, then from the widest view to the closest.
KINDS: Final = ("cause", "finding", "timeline", "graph", "metric", "log", "trace", "commit", "code")

# Shares of the budget that each kind gets before any kind gets more. What a kind does not use goes to the others.
SHARES: Final[dict[str, dict[str, float]]] = {
    "cross_system": {
        "cause": 0.10, "finding": 0.08, "timeline": 0.06, "graph": 0.07, "metric": 0.16, "log": 0.22, "trace": 0.15,
        "commit": 0.12, "code": 0.04,
    },
    "execution_trace": {
        "cause": 0.08, "finding": 0.06, "timeline": 0.02, "graph": 0.03, "metric": 0.08, "log": 0.22, "trace": 0.27,
        "commit": 0.06, "code": 0.18,
    },
    "performance": {
        "cause": 0.08, "finding": 0.07, "timeline": 0.04, "graph": 0.09, "metric": 0.20, "log": 0.10, "trace": 0.24,
        "commit": 0.08, "code": 0.10,
    },
    "hypothesis_test": {
        "cause": 0.08, "finding": 0.10, "timeline": 0.04, "graph": 0.04, "metric": 0.12, "log": 0.20, "trace": 0.16,
        "commit": 0.10, "code": 0.16,
    },
}  # fmt: skip
# What is kept for what the asker named, when there is any.
ASKED_SHARE: Final = 0.3
