"""What claims are held against: the rows of a case, the files of its code, the experiments that were run."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from ..domain.citation import Citation
from ..domain.experiment import ExperimentResult
from ..domain.window import Windows
from ..errors import CitationError, EngineError, QueryError, SourceError
from ..packing.redaction import redact
from ..source.roots import Roots
from ..store import CaseStore, Row
from ..store.resolve import resolve
from ..store.user_query import checked, run_bounded

# A quote may stand so many lines from the line that is cited: numbers of lines are miscounted easily.
_NEARBY_LINES: Final = 5
_BLANKS: Final = re.compile(r"\s+")
_LINES: Final = re.compile(r"(.+?)(?:#L?(\d+)(?:-L?(\d+))?)?")


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a claim does not hold as it stands; `refutes` when the evidence says the opposite."""

    reason: str
    refutes: bool = False


@dataclass(frozen=True, slots=True)
class Exhibit:
    """What a citation stands for. `reason` says why there is nothing; `texts` is all that it says."""

    found: bool
    reason: str = ""
    rows: tuple[Row, ...] = ()
    texts: tuple[str, ...] = ()

    def holds(self, quote: str) -> bool:
        """Whether a text stands in it, as it is or as a model gets to see it: blanks and what was redacted apart."""
        wanted = _plain(quote.strip().strip("…").removesuffix("...").removeprefix("..."))
        return any(wanted in _plain(text) or wanted in _plain(redact(text).text) for text in self.texts)


@dataclass(frozen=True)
class Ground:
    """The evidence at hand; any of it may be missing. `experiments` are those of this session, by id."""

    store: CaseStore | None = None
    roots: Roots | None = None
    windows: Windows | None = None
    experiments: Mapping[str, ExperimentResult] = field(default_factory=dict)

    def look_up(self, citation: str) -> Exhibit:
        """What a citation stands for."""
        kind, _, ref = citation.partition(":")
        if kind == "experiment":
            return self._experiment(ref)
        if kind == "code":
            return self._code(ref)
        if self.store is None:
            return Exhibit(False, f"{citation} cannot be looked up: there is no case")
        try:
            rows = resolve(self.store, Citation.parse(citation))
        except (CitationError, EngineError) as fault:
            return Exhibit(False, fault.message)
        return Exhibit(True, rows=tuple(rows), texts=tuple(_text_of(row) for row in rows))

    def number(self, sql: str) -> float:
        """The one number that a query of the model's gives.

        Raises:
            QueryError: when it is no plain SELECT over the case, fails, or gives no number.
        """
        if self.store is None:
            raise QueryError("there is no case to query")
        try:
            rows = run_bounded(self.store, checked(sql), 2)
        except EngineError as refusal:
            raise QueryError(refusal.message) from refusal
        values = list(rows[0].values()) if len(rows) == 1 else []
        try:
            return float(values[0]) if len(values) == 1 else float("nan")
        except (TypeError, ValueError):
            return float("nan")

    @cached_property
    def services(self) -> frozenset[str]:
        """Every service that the case's telemetry and changes are of."""
        if self.store is None:
            return frozenset()
        tables = ("spans", "logs", "metrics", "changes")
        union = " UNION DISTINCT ".join(f"SELECT DISTINCT service AS s FROM {table}" for table in tables)
        return frozenset(row["s"] for row in self.store.query(f"SELECT s FROM ({union}) WHERE s != '' ORDER BY s"))

    def _code(self, ref: str) -> Exhibit:
        place = _LINES.fullmatch(ref)
        if place is None or not self.roots:
            return Exhibit(False, f"code:{ref} cannot be looked up: no code was given")
        try:
            lines = self.roots.read(place[1]).lines
        except SourceError as refusal:
            return Exhibit(False, refusal.message)
        first = int(place[2] or 1)
        last = int(place[3] or place[2] or len(lines))
        if not 1 <= first <= last <= len(lines):
            return Exhibit(False, f"code:{ref}: the file has {len(lines)} lines")
        near = lines[max(0, first - 1 - _NEARBY_LINES) : last + _NEARBY_LINES]
        return Exhibit(True, texts=("\n".join(near),))

    def _experiment(self, number: str) -> Exhibit:
        result = self.experiments.get(number)
        if result is None:
            return Exhibit(False, f"experiment:{number} was never run")
        return Exhibit(True, texts=(result.stdout, result.stderr))


def _text_of(row: Row) -> str:
    """All that a row says, one value a line."""
    return "\n".join(_texts(row))


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _texts(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in _texts(inner)]
    return [] if value is None else [str(value)]


def _plain(text: str) -> str:
    return _BLANKS.sub(" ", text).strip().lower()
