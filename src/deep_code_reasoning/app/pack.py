"""Packs a case for a model: the evidence and the code that matter for a question, under a token budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..domain.investigation import Investigation
from ..domain.pack import Pack, Scope
from ..domain.tokens import ESTIMATE_METHOD, estimate_tokens
from ..errors import UsageError
from ..packing.draft import TokenCounter
from ..packing.pack import pack
from ..packing.subject import ANALYSIS_TYPES, DEPTHS, Subject
from ..source import Roots
from ..store import open_case
from ..store.library import find_case
from .investigate import investigation_of
from .localise import with_code


@dataclass(frozen=True, slots=True)
class PackRequest:
    """What to pack for: a question, where to look, the folders whose code may be read, and how much fits.

    `count` counts tokens for the model at hand, and `counted` says how; without a counter they are estimated.
    """

    question: str = ""
    scope: Scope = field(default_factory=Scope)
    roots: Sequence[Path] = ()
    budget_tokens: int = 32_000
    analysis_type: str = "cross_system"
    depth: int = 3
    count: TokenCounter = estimate_tokens
    counted: str = ESTIMATE_METHOD
    salt: str = ""


def pack_case(case: str, request: PackRequest) -> Pack:
    """Investigate a case, by name or by folder, and pack it.

    Raises:
        CaseNotFoundError: when there is no such case.
        UsageError: when the request makes no sense, or a root is no folder.
        EmptyPackError: when there is nothing to send.
    """
    _check(request)
    folder = find_case(case)
    return pack_investigation(folder, investigation_of(folder, request.question), request)


def pack_investigation(folder: Path, investigation: Investigation, request: PackRequest) -> Pack:
    """Pack a case that was investigated just now.

    Raises:
        UsageError: when the request makes no sense, or a root is no folder.
        EmptyPackError: when there is nothing to send.
    """
    _check(request)
    with open_case(folder) as store:
        subject = Subject(
            store,
            investigation,
            Roots(request.roots),
            request.scope,
            request.question,
            request.analysis_type,
            request.depth,
        )
        subject = with_code(subject)
        return pack(subject, request.budget_tokens, count=request.count, counted=request.counted, salt=request.salt)


def _check(request: PackRequest) -> None:
    if request.analysis_type not in ANALYSIS_TYPES:
        raise UsageError(f"'{request.analysis_type}' is no type of analysis", f"one of {', '.join(ANALYSIS_TYPES)}")
    if request.depth not in DEPTHS:
        raise UsageError(f"depth {request.depth} is not in {DEPTHS.start} to {DEPTHS.stop - 1}")
    if request.budget_tokens < 1:
        raise UsageError(f"a budget of {request.budget_tokens} tokens holds nothing", "32000 is usual")
