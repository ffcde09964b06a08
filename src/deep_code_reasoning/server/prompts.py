"""Prompts, which clients show as slash commands, and completion of the names of cases."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import mcp_types as types
from mcp.shared.exceptions import MCPError


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt: arguments as (name, words, required), and a text that names them in braces."""

    name: str
    description: str
    arguments: tuple[tuple[str, str, bool], ...]
    text: str


PROMPTS: Final = (
    Prompt(
        "investigate",
        "Find the root cause of an incident from its evidence",
        (
            ("paths", "Files or folders of evidence, separated by commas", True),
            ("noticed_at", "When it was noticed", False),
        ),
        "Find the root cause of an incident with the deep-code-reasoning tools. Evidence: {paths}. Noticed at: "
        "{noticed_at}.\n"
        "1. open_case with these paths (and the git repositories of the services, if they are here). "
        "2. investigate_case. 3. Look at what the first cause cites (get_trace, query_evidence) and try to refute it. "
        "4. Tell me the cause, what proves it, what speaks against it, what to do, and what could not be looked at.",
    ),
    Prompt(
        "escalate",
        "Hand over a bug that resists",
        (("problem", "What is wrong", True), ("case", "A case that was opened", False)),
        "We are stuck on this: {problem}\nCall escalate_analysis: list every approach that was tried and why it "
        "failed, the partial findings with their places, and the files in question. Case: {case}. If there is "
        "telemetry that is not in a case yet, open_case first. Then check what the answer cites before you change "
        "code, and record_outcome when you know.",
    ),
    Prompt(
        "postmortem",
        "Write the postmortem of a case",
        (("case", "The case", True),),
        "Write a postmortem of case {case}: read investigate_case or the resource case://{case}/report, and the "
        "findings by section. Timeline with times, impact, root cause with citations, contributing factors, what "
        "went well, what did not, actions with owners left open. Only what the evidence "
        "shows; what is unknown stays unknown.",
    ),
)


async def list_prompts(_: Any, __: Any) -> types.ListPromptsResult:
    """All prompts."""
    return types.ListPromptsResult(prompts=[_advertised(prompt) for prompt in PROMPTS])


async def get_prompt(_: Any, asked: types.GetPromptRequestParams) -> types.GetPromptResult:
    """A prompt with its arguments filled in."""
    prompt = next((prompt for prompt in PROMPTS if prompt.name == asked.name), None)
    if prompt is None:
        raise MCPError(types.INVALID_PARAMS, f"there is no prompt '{asked.name[:60]}'", None)
    given = asked.arguments or {}
    missing = [name for name, _, required in prompt.arguments if required and not given.get(name)]
    if missing:
        raise MCPError(types.INVALID_PARAMS, f"prompt {prompt.name} needs {', '.join(missing)}", None)
    # In one pass: what is filled in is nobody's template.
    text = re.sub(r"\{(\w+)\}", lambda name: given.get(name[1]) or "not known", prompt.text)
    message = types.PromptMessage(role="user", content=types.TextContent(type="text", text=text))
    return types.GetPromptResult(description=prompt.description, messages=[message])


async def complete(_: Any, asked: types.CompleteRequestParams) -> types.CompleteResult:
    """Names of cases, wherever a case is asked for."""
    from ..app.case_documents import case_names

    names = case_names(asked.argument.value) if asked.argument.name == "case" else []
    return types.CompleteResult(
        completion=types.Completion(values=names[:100], total=len(names), has_more=len(names) > 100)
    )


def _advertised(prompt: Prompt) -> types.Prompt:
    return types.Prompt(
        name=prompt.name,
        description=prompt.description,
        arguments=[
            types.PromptArgument(name=name, description=words, required=required)
            for name, words, required in prompt.arguments
        ],
    )
