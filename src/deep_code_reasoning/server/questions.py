"""What the tools that may ask a model have in common: consent first, then the work, by its handle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import results
from .tool import MAX_WAIT_S, Call, Facts, case_name


async def ask(call: Call, kind: str, asked: Mapping[str, Any], wait_seconds: float = MAX_WAIT_S) -> Facts:
    """Ask a question: settle which models may be asked, then begin.

    Args:
        asked: a question as `app.question_job` takes it, with `case` and `model`.
    """
    return await results.begin(call, kind, await settled(call, asked), wait_seconds)


async def settled(call: Call, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The question with the folders that may be read and the models that may be asked."""
    from ..app.consent import reach_of
    from ..app.means import NO_MODEL

    settings = await call.settings()
    case = case_name(asked["case"]) if asked["case"] else None
    # Questions about code are answered without a model unless one is named.
    model = asked["model"] or (NO_MODEL if "about" in asked else None)
    reach = reach_of(model, settings)
    allowed, withheld = reach.allowed, None
    if reach.in_question:
        what = f"case {case}" if case else "the code in question"
        if await call.consent(f"Send evidence of {what}, without secrets, to: {', '.join(reach.in_question)}?"):
            allowed += reach.in_question
        elif not allowed:
            withheld = "nobody allowed evidence to be sent; see send_evidence_to in config.toml"
    return {
        **asked,
        "case": case,
        "model": model,
        "roots": [str(root) for root in settings.roots],
        "allowed_models": list(allowed),
        "withheld": withheld,
    }
