"""Contracts between services as text and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ..source.contracts.compare import GraphDifference
from ..source.contracts.read import Contracts
from ..source.contracts.records import Contract
from .plain import printable

_SCHEMA: Final = "deep-code-reasoning/contracts/1"
# Files of one reason that a text names; JSON names all.
_SHOWN: Final = 5


def contracts_as_json(found: Contracts, differences: Sequence[GraphDifference], kind: str = "") -> dict[str, Any]:
    """One object: services, contracts, the edges that join them, and where traces say otherwise."""
    return {
        "schema": _SCHEMA,
        "services": list(found.services),
        "contracts": [_contract(each) for each in found.contracts if kind in ("", each.kind)],
        "edges": [
            {
                "caller": edge.source.service,
                "callee": edge.callee,
                "kind": edge.source.kind,
                "name": edge.source.name,
                "from": edge.source.place,
                "to": edge.target.place if edge.target else None,
                "joined_by": edge.by,
            }
            for edge in found.edges
            if kind in ("", edge.source.kind)
        ],
        "differences": [
            {
                "caller": each.caller,
                "callee": each.callee,
                "only_in": each.only_in,
                "kinds": list(each.kinds),
                "calls": each.calls,
            }
            for each in differences
        ],
        "commits": dict(sorted(found.commits.items())),
        "files": found.files,
        "apart": found.apart,
        "skipped": [{"path": each.path, "reason": each.reason} for each in found.skipped],
    }


def contracts_as_text(found: Contracts, differences: Sequence[GraphDifference], kind: str = "") -> str:
    """An edge a line, once for each name; then where traces say otherwise."""
    lines = dict.fromkeys(
        f"{printable(edge.source.service)} -> {printable(edge.callee)}"
        f"  {edge.source.kind} {printable(edge.source.name)}"
        for edge in sorted(found.edges, key=lambda edge: (edge.source.service, edge.callee, edge.source))
        if kind in ("", edge.source.kind)
    )
    said = {"code": "in the code, and not in the traces", "traces": "in the traces, and not in the code"}
    apart = [f"{printable(each.caller)} -> {printable(each.callee)}  {said[each.only_in]}" for each in differences]
    count = sum(kind in ("", each.kind) for each in found.contracts)
    total = (
        f"{count:,} contracts of {len(found.services)} services, {found.files:,} files read, "
        f"{found.apart:,} stand apart (tests, examples, vendored, generated)"
    )
    read = [f"{printable(name)} read at {commit[:12]}" for name, commit in sorted(found.commits.items())]
    return "\n".join([*lines, *apart, total, *read, *_skipped(found)])


def _skipped(found: Contracts) -> list[str]:
    """Which files were skipped, by the reason: those of one reason in one line."""
    by_reason: dict[str, list[str]] = {}
    for each in found.skipped:
        by_reason.setdefault(each.reason.removeprefix(each.path).strip(), []).append(each.path)
    return [
        f"skipped {len(paths):,}: {printable(', '.join(paths[:_SHOWN]))}{', ...' if len(paths) > _SHOWN else ''}"
        f" ({printable(reason)})"
        for reason, paths in sorted(by_reason.items())
    ]


def _contract(contract: Contract) -> dict[str, Any]:
    return {
        "kind": contract.kind,
        "side": contract.side,
        "name": contract.name,
        "method": contract.method or None,
        "service": contract.service,
        "host": contract.host or None,
        "handler": contract.handler or None,
        "citation": contract.place,
    }
