"""`get_conversation_status`: how a conversation stands."""

from __future__ import annotations

from ..arguments import Arguments
from ..tool import Call, Facts, Tool


class GetConversationStatus(Arguments):
    """Which conversation."""

    session_id: str


async def run(arguments: GetConversationStatus, call: Call) -> Facts:
    """Look."""
    from ...app.conversation_job import status

    return await call.workers.run(status, arguments.session_id)


TOOL = Tool(
    name="get_conversation_status",
    title="Show how a conversation stands",
    description="State (active, busy, finished, expired), turns, cost, and what is settled and open.",
    arguments=GetConversationStatus,
    run=run,
)
