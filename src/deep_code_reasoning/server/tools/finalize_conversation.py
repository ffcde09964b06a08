"""`finalize_conversation`: the end of a conversation, in a form."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .. import results
from ..arguments import Arguments
from ..tool import MAX_WAIT_S, Call, Facts, Tool


class FinalizeConversation(Arguments):
    """Which conversation, and how it is summed up."""

    session_id: str
    summary_format: Literal["detailed", "concise", "actionable"] = Field("detailed", description="Default detailed")


async def run(arguments: FinalizeConversation, call: Call) -> Facts:
    """End it."""
    return await results.begin(call, "finalize_conversation", arguments.model_dump(), MAX_WAIT_S)


TOOL = Tool(
    name="finalize_conversation",
    title="Finish a conversation",
    description="End a conversation with its checked answer; always possible, whatever limits were reached.",
    arguments=FinalizeConversation,
    run=run,
    reads_only=False,
    asks_others=True,
)
