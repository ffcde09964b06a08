"""`investigate_case`: the analysers look for the root cause of a case."""

from __future__ import annotations

from pydantic import Field

from .. import results
from ..arguments import Arguments
from ..tool import MAX_WAIT_S, Call, Facts, Tool, case_name


class InvestigateCase(Arguments):
    """Which case, and what is known of the incident."""

    case: str = Field(description="From open_case")
    noticed_at: str | None = Field(None, description="ISO 8601; the onset is estimated all the same")
    wait_seconds: float = Field(30, ge=0, le=MAX_WAIT_S, description="Default 30")


async def run(arguments: InvestigateCase, call: Call) -> Facts:
    """Investigate in a worker."""
    from ...store.library import find_case

    find_case(case_name(arguments.case))
    asked = arguments.model_dump(exclude={"wait_seconds"})
    return await results.begin(call, "investigate", asked, arguments.wait_seconds)


TOOL = Tool(
    name="investigate_case",
    title="Find the root cause of a case",
    description=(
        "Run all deterministic analysers on a case; no model, no key, nothing leaves this machine. Returns the verdict "
        "(cause_found, no_cause_found, healthy, insufficient_evidence), ranked causes with mechanism, service, change, "
        "confidence and citations, and a handle for get_result (sections: causes, findings, checks, evidence, report)."
    ),
    arguments=InvestigateCase,
    run=run,
    search_hint="root cause analysis incident distributed system",
)
