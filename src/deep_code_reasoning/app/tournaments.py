"""A tournament as JSON values: what a coding agent asks, and what it reads first."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from .questions import means_of, request_of, where_of
from .tournament import TournamentConfig, run_tournament


def hold(asked: Mapping[str, Any], _: Any) -> dict[str, Any]:
    """Let hypotheses compete."""
    config = TournamentConfig(**asked["tournament_config"])
    answer = asyncio.run(
        run_tournament(request_of(asked), **where_of(asked), config=config, means=means_of(asked))
    ).as_json()
    hypotheses = answer.pop("hypotheses")
    if asked["withheld"]:
        answer["why_no_model"] = asked["withheld"]
    kept = {name: value for name, value in answer.items() if name != "schema" and value not in (None, [], {})}
    shown = [
        {name: value for name, value in hypothesis.items() if name != "tests" and value is not None}
        for hypothesis in hypotheses
    ]
    return {"head": {**kept, "hypotheses": shown}, "sections": {"hypotheses": hypotheses}}
