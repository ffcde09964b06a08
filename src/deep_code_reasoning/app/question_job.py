"""Questions of a coding agent as JSON values, for the use cases that answer them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ..domain.analysis import AnalysisRequest, CallerContext
from ..domain.pack import Scope
from ..packing.pack import pack
from ..providers.client import ModelClient
from ..source import Roots
from ..store.library import find_case
from .bottleneck import performance_bottleneck
from .brief import without_absent
from .consent import restricted
from .escalate import escalate_on
from .escalation_answer import EscalationAnswer, pack_as_json
from .execution_path import EntryPoint, trace_execution_path
from .impact import cross_system_impact
from .means import NO_MODEL, Means
from .terms import Terms
from .workbench import open_workbench

Asked = Mapping[str, Any]


def request_of(asked: Asked) -> AnalysisRequest:
    """The question as the use cases take it."""
    return AnalysisRequest(
        question=asked["question"],
        analysis_type=asked["analysis_type"],
        depth=asked.get("depth", 3),
        time_budget_s=asked.get("time_budget_s"),
        scope=Scope(tuple(asked["files"]), tuple(asked["services"]), tuple(asked["entry_points"])),
        context=CallerContext(
            tuple(asked.get("attempted_approaches", ())),
            tuple(asked.get("partial_findings", ())),
            asked.get("stuck_description", ""),
        ),
    )


def means_of(asked: Asked) -> Means:
    """With the models that may be asked, and no others."""
    catalogue = restricted(asked["allowed_models"])
    return Means(surface="mcp", open_client=lambda gate: ModelClient(catalogue, gate=gate))


def terms_of(asked: Asked) -> Terms:
    """The case, the folders of code, the model and the means of a question."""
    return Terms(
        case=find_case(asked["case"]) if asked["case"] else None,
        roots=tuple(map(Path, asked["roots"])),
        model=NO_MODEL if asked["withheld"] else asked["model"],
        means=means_of(asked),
    )


def answer_question(asked: Asked, _: Any) -> dict[str, Any]:
    """Escalate, and answer in the contract's four parts."""
    answer = asyncio.run(escalate_on(request_of(asked), terms_of(asked)))
    return {"head": head_of(answer, asked), "sections": sections_of(answer)}


def pack_evidence(asked: Asked, _: Any) -> dict[str, Any]:
    """What a model should read of a case and the code, under a budget of tokens.

    Raises:
        EmptyPackError: when there is nothing to read.
    """
    request = request_of(asked)
    case = find_case(asked["case"]) if asked["case"] else None
    with open_workbench(request, case, [Path(root) for root in asked["roots"]]) as bench:
        packed = pack(bench.subject, asked["budget_tokens"])
    account = pack_as_json(packed)
    manifest = [
        {
            "key": e.key,
            "state": e.state,
            "offered_tokens": e.offered_tokens,
            "sent_tokens": e.sent_tokens,
            "why": e.reason or None,
        }
        for e in packed.manifest
    ]
    kept = ("tokens", "budget_tokens", "offered", "sent", "dropped", "partial", "skipped", "redactions")
    return {
        "head": {**{name: account[name] for name in kept}, "next": "read section 'pack' piece by piece"},
        "sections": {"pack": packed.text, "manifest": manifest},
    }


def answer_code_question(asked: Asked, progress: Any) -> dict[str, Any]:
    """Answer from code and telemetry; a model adds to it only when it is named."""
    about, analysis_type = _ABOUT[asked["about"]]
    found = about(Roots([Path(root) for root in asked["roots"]]), asked)
    if asked["model"] in (None, NO_MODEL):
        return found
    entry = asked.get("entry_point")
    question = {
        **asked,
        "question": f"{asked['about'].replace('_', ' ')}: {json.dumps(found['head'], ensure_ascii=False)[:2_000]}",
        "analysis_type": analysis_type,
        "files": asked.get("files", []),
        "services": asked.get("services", []),
        "entry_points": [] if entry is None else [f"{entry['file']}:{entry['line']}"],
    }
    asked_model = answer_question(question, progress)
    return {
        "head": {"specialist": asked_model["head"], **found["head"]},
        "sections": {**asked_model["sections"], **found["sections"]},
    }


def _execution_path(roots: Roots, asked: Asked) -> dict[str, Any]:
    return trace_execution_path(
        roots,
        EntryPoint(**asked["entry_point"]),
        asked["case"],
        max_depth=asked["max_depth"],
        include_data_flow=asked["include_data_flow"],
    )


def _impact(roots: Roots, asked: Asked) -> dict[str, Any]:
    return cross_system_impact(roots, asked["files"], asked["services"], asked["case"], kinds=asked["impact_types"])


def _bottleneck(roots: Roots, asked: Asked) -> dict[str, Any]:
    return performance_bottleneck(
        roots,
        EntryPoint(**asked["entry_point"]),
        asked["case"],
        suspected_issues=asked["suspected_issues"],
        depth=asked["profile_depth"],
    )


# What is asked of code -> the use case that answers it, and the type of analysis of the specialist that may add to it.
_ABOUT: Final = {
    "execution_path": (_execution_path, "execution_trace"),
    "impact": (_impact, "cross_system"),
    "bottleneck": (_bottleneck, "performance"),
}


def head_of(answer: EscalationAnswer, asked: Asked) -> dict[str, Any]:
    """What an agent reads first of an escalation."""
    whole = answer.as_json()
    metadata = whole["metadata"]
    if asked["withheld"]:
        metadata["why_no_model"] = asked["withheld"]
    opinion = answer.opinion
    causes = [claim.as_json() for claim in opinion.causes] if opinion else whole["findings"]["causes"]
    kept = ("escalation_id", "escalate", "reason", "model", "why_no_model", "total_cost_usd", "usage", "elapsed_s")
    return {
        "verdict": whole["findings"]["verdict"],
        "status": whole["status"],
        "headline": answer.headline,
        "findings": [without_absent(cause) for cause in causes[:3]],
        "recommendations": [without_absent(each) for each in whole["recommendations"][:6]],
        "enriched_context": _context(whole),
        "metadata": {
            "analysis_type": metadata["analysis_type"],
            "escalation_id": metadata["escalation_id"],
            **without_absent({name: metadata[name] for name in kept}),
            "signals_held": [signal["name"] for signal in metadata["signals"] if signal["held"]],
            "skipped": metadata["pack"]["skipped"] if metadata["pack"] else [],
            "failures": [
                {"model": f["model"], "code": f["code"], "message": f["message"]} for f in metadata["failures"]
            ],
        },
    }


def _context(whole: Mapping[str, Any]) -> dict[str, Any]:
    """What the asker's own model may go on with: when it was, what is open, what nobody looked at, and the evidence."""
    context, pack = whole["enriched_context"], whole["metadata"]["pack"]
    kept = ("tokens", "budget_tokens", "partial", "not_sent_whole_count")
    return {
        **without_absent({name: context[name] for name in ("onset", "incident")}),
        "open_questions": context["open_questions"],
        "could_not_look": context["could_not_look"][:6],
        "a_specialist_could_add": context["a_specialist_could_add"],
        "pack": None if pack is None else {"section": "pack", **{name: pack[name] for name in kept}},
    }


def sections_of(answer: EscalationAnswer) -> dict[str, Any]:
    """What it can read of it piece by piece."""
    whole = answer.as_json()
    opinion = answer.opinion
    return {
        "causes": whole["findings"]["causes"],
        "findings": whole["findings"]["findings"],
        "claims": [claim.as_json() for claim in opinion.claims] if opinion else [],
        "answer": opinion.text if opinion else "",
        "recommendations": whole["recommendations"],
        "pack": answer.pack.text if answer.pack else "",
        "signals": whole["metadata"]["signals"],
        "metadata": [whole["metadata"]],
    }
