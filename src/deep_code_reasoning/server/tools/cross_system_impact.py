"""`cross_system_impact`: what a change reaches."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..arguments import Arguments
from ..contract import About
from ..questions import ask
from ..tool import Call, Facts, Tool

ImpactType = Literal["breaking", "performance", "behavioral"]


class ChangeScope(Arguments):
    """What changes."""

    files: list[str]
    service_names: list[str] = Field([])


class CrossSystemImpact(About):
    """What changes, and which kinds of impact are asked for."""

    change_scope: ChangeScope
    impact_types: list[ImpactType] = Field(["breaking", "performance", "behavioral"], description="Default: all three")


async def run(arguments: CrossSystemImpact, call: Call) -> Facts:
    """Look for what depends on the files and their services."""
    asked = {
        "about": "impact",
        "files": arguments.change_scope.files,
        "services": arguments.change_scope.service_names,
        "impact_types": arguments.impact_types,
        "case": arguments.case,
        "model": arguments.model,
    }
    return await ask(call, "code_question", asked)


TOOL = Tool(
    name="cross_system_impact",
    title="Find what a change reaches",
    description=(
        "Who uses what these files define, and who relies on the routes, RPC methods, topics and tables that they or "
        "their callers serve, in all allowed repositories (breaking); who calls them (behavioral). With a case also "
        "what its changes of these files do, how often their code runs (performance), and what was seen there."
    ),
    arguments=CrossSystemImpact,
    run=run,
    asks_others=True,
)
