"""How tests of a hypothesis add up. The same tests give the same score; nobody's impression is part of it."""

from __future__ import annotations

from collections.abc import Sequence

from .prediction import Prediction


def score(predictions: Sequence[Prediction]) -> float | None:
    """From -1 (all fail) to 1 (all hold), by weight; None when no test came out either way."""
    told = [p for p in predictions if p.outcome in ("holds", "fails")]
    if not told:
        return None
    signed = sum(p.weight if p.outcome == "holds" else -p.weight for p in told)
    return round(signed / sum(p.weight for p in told), 6)


def verdict(predictions: Sequence[Prediction]) -> str:
    """`refuted` when it cannot stand; `supported` when more holds than fails, of what could have failed; else
    `inconclusive`."""
    if any(prediction.refutes for prediction in predictions):
        return "refuted"
    total = score(predictions)
    if total is None:
        return "inconclusive"
    return "refuted" if total < 0 else "supported" if total > 0 else "inconclusive"
