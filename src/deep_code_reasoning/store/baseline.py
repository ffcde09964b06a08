"""Calm evidence from another time, laid right before the incident for the length of an analysis.

Change points and rates per stretch of time need one line of time. A baseline of last week would leave a gap in which
nothing happens; one from after the incident would stand on the wrong side. So an analysis sees the baseline's rows
moved as a whole, to end where the incident's evidence begins. Files and citations keep the recorded times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..domain.case import Source
from ..domain.citation import Citation, metric_citation
from ..domain.instant import parse_instant
from .schema import Table


@dataclass(frozen=True, slots=True)
class BaselineShift:
    """Rows of these sources are seen `shift_ns` later than they were recorded; before `seam_ns` all are theirs."""

    source_ids: tuple[int, ...] = ()
    shift_ns: int = 0
    seam_ns: int = 0

    @classmethod
    def of(cls, sources: Sequence[Source]) -> BaselineShift:
        """What moves the baseline of a case next to its incident; nothing when either has no times."""
        calm = [source for source in sources if source.role == "baseline" and source.to_ns is not None]
        bad = [source.from_ns for source in sources if source.role == "incident" and source.from_ns is not None]
        if not calm or not bad:
            return cls()
        seam_ns = min(bad)
        last_ns = max(source.to_ns for source in calm if source.to_ns is not None)
        return cls(tuple(source.id for source in calm), seam_ns - last_ns - 1, seam_ns)

    def select(self, table: Table, scan: str) -> str:
        """A scan of a table with the baseline's rows moved."""
        if not self.source_ids or not table.time:
            return scan
        column = table.time
        moved = f"source_id IN ({', '.join(map(str, self.source_ids))}) AND {column} > 0"
        return f"SELECT * REPLACE (if({moved}, {column} + {self.shift_ns}, {column}) AS {column}) FROM ({scan})"

    def recorded_ns(self, seen_ns: int) -> int:
        """The recorded time of a moment that an analysis saw."""
        return seen_ns - self.shift_ns if self.source_ids and seen_ns < self.seam_ns else seen_ns

    def recorded(self, citation: Citation) -> Citation:
        """A citation with its recorded time; only those of metrics carry one."""
        if not self.source_ids or citation.kind != "metric":
            return citation
        series, _, moment = citation.ref.rpartition("@")
        seen_ns = parse_instant(moment)
        name, _, service = series.removesuffix("}").rpartition("{")
        return citation if seen_ns is None else metric_citation(name, service, self.recorded_ns(seen_ns))
