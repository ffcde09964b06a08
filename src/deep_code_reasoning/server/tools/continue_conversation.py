"""`continue_conversation`: the next turn."""

from __future__ import annotations

from pydantic import Field

from .. import results
from ..arguments import Arguments
from ..tool import MAX_WAIT_S, Call, Facts, Tool


class ContinueConversation(Arguments):
    """Which conversation, and what is said."""

    session_id: str
    message: str
    include_code_snippets: bool = Field(False, description="Default false: also the lines that the answer cites")


async def run(arguments: ContinueConversation, call: Call) -> Facts:
    """Say it."""
    return await results.begin(call, "continue_conversation", arguments.model_dump(), MAX_WAIT_S)


TOOL = Tool(
    name="continue_conversation",
    title="Continue a conversation",
    description="Put the next question or answer what was asked.",
    arguments=ContinueConversation,
    run=run,
    reads_only=False,
    asks_others=True,
)
