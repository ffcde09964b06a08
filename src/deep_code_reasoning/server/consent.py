"""Asking the user through the client, in both eras of the protocol.

Up to 2025-11-25 the server sends a request and waits. Since 2026-07-28 the call ends with a question, and the client
calls again with the answer. A client that did not declare elicitation is not asked: then nobody has allowed anything.
"""

from __future__ import annotations

from typing import Any, Final

import mcp_types as types

from .tool import Consent

_KEY: Final = "consent"
_SCHEMA: Final = {
    "type": "object",
    "properties": {"allow": {"type": "boolean", "title": "Allow", "default": False}},
    "required": ["allow"],
}


class InputNeeded(Exception):  # noqa: N818 - no error: the call goes on when the client has asked
    """The call cannot go on before the user has answered; `result` carries the question."""

    def __init__(self, result: types.InputRequiredResult) -> None:
        super().__init__("the user is asked")
        self.result = result


def consent_of(context: Any, asked: types.CallToolRequestParams) -> Consent:
    """A function that asks the user of this call."""

    async def ask(question: str) -> bool:
        answered = (asked.input_responses or {}).get(_KEY)
        if answered is not None:
            return _allows(answered)
        declared = context.session.client_capabilities
        if declared is None or declared.elicitation is None:
            return False
        if context.session.can_send_request:
            return _allows(await context.session.elicit_form(question, _SCHEMA, context.request_id))
        form = types.ElicitRequestFormParams(message=question, requested_schema=_SCHEMA)
        raise InputNeeded(types.InputRequiredResult(input_requests={_KEY: types.ElicitRequest(params=form)}))

    return ask


def _allows(answer: Any) -> bool:
    return (
        isinstance(answer, types.ElicitResult)
        and answer.action == "accept"
        and (answer.content or {}).get("allow") is True
    )
