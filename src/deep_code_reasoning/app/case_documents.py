"""Documents about a case, as a reader wants them: what it holds, what was found, the report, the tables."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final

from ..report.answer import as_json
from ..report.markdown import as_markdown
from ..store.library import cases, find_case
from ..store.schema import TABLES
from .investigate import investigation_of
from .job_kinds import describe_case


def case_names(prefix: str = "") -> list[str]:
    """Names of cases that begin so."""
    return [folder.name for folder, _ in cases() if folder.name.startswith(prefix)]


def case_document(case: str, part: str) -> str:
    """One of `PARTS` of a case.

    Raises:
        CaseNotFoundError: when there is no such case.
    """
    return PARTS[part](case)


def schema_document() -> str:
    """The tables of a case and their columns, for who writes SQL."""
    parts = ["Tables of a case, for query_evidence (ClickHouse SQL). Times are nanoseconds since 1970, UTC.\n"]
    for table in TABLES.values():
        parts.append(f"\n{table.name}: {table.doc}\n")
        parts += [f"  {column.name} {column.type}: {column.doc}\n" for column in table.columns]
    return "".join(parts)


def _summary(case: str) -> str:
    described = describe_case(find_case(case))
    return json.dumps({**described["head"], **described["sections"]}, indent=1, ensure_ascii=False)


def _findings(case: str) -> str:
    answer = as_json(investigation_of(find_case(case)))
    kept = {name: answer[name] for name in ("verdict", "causes", "findings", "checks")}
    return json.dumps(kept, indent=1, ensure_ascii=False)


def _report(case: str) -> str:
    return as_markdown(investigation_of(find_case(case)))


PARTS: Final[dict[str, Callable[[str], str]]] = {"summary": _summary, "findings": _findings, "report": _report}
MIME_TYPES: Final = {"summary": "application/json", "findings": "application/json", "report": "text/markdown"}
