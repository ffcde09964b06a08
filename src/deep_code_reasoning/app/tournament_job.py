"""A tournament as JSON values: what a coding agent asks, and what it reads first."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from ..errors import RecordNotFoundError
from .brief import without_absent
from .question_job import means_of, request_of, terms_of
from .tournament import TournamentConfig, resume_tournament, run_tournament, tournament_status
from .tournament_answer import TournamentAnswer

Asked = Mapping[str, Any]


def hold(asked: Asked, _: Any) -> dict[str, Any]:
    """Let hypotheses compete."""
    answer = asyncio.run(_held(asked)).as_json()
    hypotheses = answer.pop("hypotheses")
    if asked["withheld"]:
        answer["why_no_model"] = asked["withheld"]
    del answer["schema"]
    shown = [
        {name: value for name, value in hypothesis.items() if name != "tests" and value is not None}
        for hypothesis in hypotheses
    ]
    return {"head": {**without_absent(answer), "hypotheses": shown}, "sections": {"hypotheses": hypotheses}}


async def _held(asked: Asked) -> TournamentAnswer:
    """The tournament of this work: begun, or gone on with where a process that ended has left it."""
    tournament_id = asked["handle"].replace("work-", "tournament-", 1)
    try:
        known = tournament_status(tournament_id)
    except RecordNotFoundError:
        config = TournamentConfig(**asked["tournament_config"])
        return await run_tournament(request_of(asked), terms_of(asked), config=config, tournament_id=tournament_id)
    if known.tournament.state != "running":
        return known  # it was through, and its process ended before anybody was told
    return await resume_tournament(tournament_id, means=means_of(asked))
