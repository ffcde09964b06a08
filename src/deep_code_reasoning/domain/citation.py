"""Citations: ids that resolve to one row of the evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ..errors import CitationError
from .instant import format_instant

KINDS: Final = ("span", "log", "metric", "commit", "deploy", "flag", "notice", "code", "heap")


@dataclass(frozen=True, slots=True, order=True)
class Citation:
    """An id that resolves to a row: `kind:ref`, for example `span:TRACE/SPAN` or `log:api.log@17`."""

    kind: str
    ref: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.ref}"

    @classmethod
    def parse(cls, text: str) -> Citation:
        """Read `kind:ref`.

        Raises:
            CitationError: when the kind is unknown or the reference is empty.
        """
        kind, colon, ref = text.strip().partition(":")
        if not colon or kind not in KINDS or not ref:
            raise CitationError(
                f"'{text}' is not a citation", f"a citation is KIND:REF with KIND one of {', '.join(KINDS)}"
            )
        return cls(kind, ref)


def span_citation(trace_id: str, span_id: str) -> Citation:
    """`span:TRACE/SPAN`."""
    return Citation("span", f"{trace_id}/{span_id}")


def log_citation(source: str, line: int, item: int = 0) -> Citation:
    """`log:SOURCE@LINE`, with `.ITEM` behind it when one line of the source holds several records."""
    return Citation("log", f"{source}@{line}" + (f".{item}" if item else ""))


def metric_citation(name: str, service: str, time_ns: int) -> Citation:
    """`metric:NAME{SERVICE}@TIME`."""
    return Citation("metric", f"{name}{{{service}}}@{format_instant(time_ns)}")


def change_citation(kind: str, change_id: str, repo: str = "") -> Citation:
    """`commit:REPO@SHA`, `deploy:ID`, `flag:ID` or `notice:ID`."""
    return Citation(kind, f"{repo}@{change_id}" if kind == "commit" else change_id)


def heap_citation(dump: str, node: str) -> Citation:
    """`heap:DUMP#NODE`, an object of a heap dump; or the name of a class in place of the object."""
    return Citation("heap", f"{dump}#{node}")
