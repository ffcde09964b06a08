"""`get_usage`: what escalations took and what they were worth, and the models that can be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from ..arguments import Arguments
from ..tool import Call, Facts, Tool

if TYPE_CHECKING:
    from ...app.models import ModelStatus


class GetUsage(Arguments):
    """From when on, and whether the models are listed too."""

    since: str | None = Field(None, description="ISO 8601; default: everything")
    include_models: bool = Field(False, description="Also list the models that can be asked")


async def run(arguments: GetUsage, call: Call) -> Facts:
    """Sum up the ledger."""
    from ...app.job_kinds import instant_of
    from ...app.models import list_models
    from ...app.stats import collect_stats, stats_as_json

    stats = await call.workers.run(collect_stats, instant_of(arguments.since, "since"))
    facts = {name: value for name, value in stats_as_json(stats).items() if name != "schema"}
    if arguments.include_models:
        overview = await call.workers.run(list_models)
        facts = {"available_models": [_model(status) for status in overview.models], **facts}
    return facts


def _model(status: ModelStatus) -> dict[str, Any]:
    return {
        "model": status.card.id,
        "usable": status.usable,
        "why_not": None if status.usable else status.detail,
        "context_window_tokens": status.context_window_tokens,
        "abilities": list(status.card.abilities),
    }


TOOL = Tool(
    name="get_usage",
    title="Show usage, costs and savings",
    description=(
        "Escalations so far: calls, tokens, cost in US dollars by model and reason, outcomes, estimated time saved. "
        "Unknown is null."
    ),
    arguments=GetUsage,
    run=run,
)
