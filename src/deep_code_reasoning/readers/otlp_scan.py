"""OTLP JSON by the gigabyte: the engine reads what is usual and puts the rest aside for the thorough way.

Files of one plan (signal, dialect, layout) are read in one statement, however many they are. What the engine puts
aside (lines that are no JSON, of another signal, or that hold something unusual) goes through the engine again when it
is another signal's, and is left to the caller else.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from ..store.engine import EngineRefusal, is_plain_path, literal
from ..store.intake import Intake
from ..store.writer import CaseWriter
from .base import EvidenceFile, Head
from .otlp_logs import LOGS
from .otlp_metrics import KINDS, METRICS, metrics_of
from .otlp_signal import Signal
from .otlp_sql import Dialect
from .otlp_traces import TRACES

SIGNALS: Final = (TRACES, LOGS, METRICS)

_ROOT: Final = re.compile(
    rb'"(?:(?P<camel>resource(?:Spans|Logs|Metrics))|(?P<snake>resource_(?:spans|logs|metrics))|(?P<batches>batches))"'
    rb"\s*:\s*\["
)
_OUTER: Final = re.compile(rb'\s*\{\s*"(trace|data)"\s*:\s*\{\s*"(?:resource|batches)')
_SNAKE_NAMES: Final = re.compile(rb'"(?:scope_spans|instrumentation_library_spans|trace_id)"\s*:')
_LIBRARY: Final = re.compile(rb'"instrumentation_?[lL]ibrary_?(?:[sS]pans|[lL]ogs|[mM]etrics)"\s*:')

_BASE64: Final = re.compile(rb'"span_?[iI]d"\s*:\s*"[A-Za-z0-9+/_-]{11}="')
_LISTS: Final = re.compile(rb'"(?:array_?[vV]alue|kvlist_?[vV]alue)"')

# A document that is laid out over many lines gets true line numbers from the thorough way; beyond this size speed is
# worth more, and its place is its ordinal among the documents of the file.
_SMALL_DOCUMENT_BYTES: Final = 4_000_000
# What was put aside is worth another statement from here on; below, the thorough way is as quick.
WORTH_A_PASS_BYTES: Final = 500_000

_FORMATS: Final = {"lines": "LineAsString", "documents": "JSONAsString"}
_EXTENSIONS: Final = {"": "json", "gzip": "json.gz", "zstd": "json.zst"}


@dataclass(frozen=True, slots=True)
class Plan:
    """How a file is read: of which signal most of it seems to be, how it spells, and what one record of text is."""

    signal: Signal
    dialect: Dialect
    layout: str = "lines"

    @property
    def root(self) -> str:
        """The name of the list of resources, in quotes, as documents have it."""
        return f'"{self.dialect.spell(self.signal.member + " ").strip()}"'

    def parsed(self, texts: str) -> str:
        """A SELECT that extracts the signal from rows of `source_id`, `line`, `text`, `before`."""
        others = [] if self.dialect.batches else [signal for signal in SIGNALS if signal.name != self.signal.name]
        kind = ", ".join([f"{self.signal.member} {self.signal.type}", *(f"{other.member} String" for other in others)])
        outer = "".join(f"{literal(key)}, " for key in self.dialect.outer)
        more = " OR ".join(f"notEmpty(document.{number + 2})" for number in range(len(others))) or "0"
        return (
            f"SELECT source_id, line, text, before, document.1 AS resources, {more} AS more "
            f"FROM (SELECT *, JSONExtract(text, {outer}'Tuple({kind})') AS document FROM ({texts}))"
        )


def plan_of(head: Head, size_bytes: int) -> Plan | None:
    """The plan for a file by its head; None when the thorough way is the better one."""
    root = _ROOT.search(head.data)
    if root is None:
        return None
    layout = _layout_of(head)
    if layout == "documents" and size_bytes < _SMALL_DOCUMENT_BYTES:
        return None
    name = root[0].lower()
    signal = LOGS if b"logs" in name else _metrics_in(head) if b"metrics" in name else TRACES
    outer = _OUTER.match(head.data)
    dialect = Dialect(
        outer=(outer[1].decode(),) if outer else (),
        batches=root["batches"] is not None,
        snake=root["snake"] is not None or (root["batches"] is not None and _SNAKE_NAMES.search(head.data) is not None),
        library=_LIBRARY.search(head.data) is not None,
        base64=_BASE64.search(head.data) is not None,
        lists=_LISTS.search(head.data) is not None,
    )
    return Plan(signal, dialect, layout)


def _metrics_in(head: Head) -> Signal:
    """Metrics of the kinds that a head shows; of all kinds where it shows none."""
    shown = tuple(kind for kind in KINDS if re.search(rb'"%s"\s*:\s*\{' % kind.encode(), head.data))
    return metrics_of(shown or KINDS)


def _layout_of(head: Head) -> str:
    """`lines` when every line is a document; `documents` when they are laid out over lines or are a list."""
    lines = head.data.lstrip(b"\xef\xbb\xbf \t\r\n").split(b"\n", 2)
    first = lines[0].strip()
    if first.startswith(b"["):
        return "documents"
    # The second line of a file of lines begins as the first did.
    begins_anew = len(lines) < 2 or not lines[1].strip() or lines[1].startswith(first[:1])
    return "lines" if begins_anew or first.endswith(b"}") else "documents"


class Scan:
    """Reads files by plan. Use as a context manager; `aside` gives what is left then."""

    def __init__(self, writer: CaseWriter) -> None:
        self._writer = writer
        self._intake = Intake(writer)
        self.left: list[str] = []

    def __enter__(self) -> Scan:
        self._intake.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._intake.__exit__()

    def read(self, plan: Plan, files: Sequence[EvidenceFile]) -> None:
        """Read files of one plan; tables of what is put aside (`source_id`, `line`, `text`, `done`) go to `left`.

        Raises:
            EngineRefusal: when the engine cannot read one of the files; nothing of them is kept then.
        """
        with _links(files, self._writer.scratch) as pattern:
            texts = (
                "SELECT toUInt32(splitByChar('.', _file)[1]) AS source_id, assumeNotNull(_row_number) + 1 AS line, "
                f"text, '' AS before FROM file({literal(pattern)}, {_FORMATS[plan.layout]}, 'text String')"
            )
            aside = self._run(plan, texts)
        if aside:
            self._read_aside(plan, aside)

    def _run(self, plan: Plan, texts: str) -> str:
        signal = plan.signal
        # Only what is said of the extracted type is the dialect's; the names of our columns have no such words.
        spell = plan.dialect.spell
        steps = signal.steps(plan.parsed(texts), plan.dialect.base64, plan.dialect.lists)
        spelled = [replace(step, select=spell(step.select)) for step in steps]
        whole, *parts = self._intake.run(
            spelled, spell(signal.flat()), signal.structure, signal.outputs(), signal.asides()
        )
        if parts and parts[0]:
            careful = replace(plan.dialect, base64=True, lists=True)
            for pieces in signal.pieces:
                self._writer.scan(pieces.table, careful.spell(pieces.select_from(parts[0])))
        return whole

    def _read_aside(self, plan: Plan, aside: str) -> None:
        """Send what can be told to be a signal's through the engine, with care; leave the rest."""
        (signal,) = (signal for signal in SIGNALS if signal.name == plan.signal.name)
        alike = Plan(signal, replace(plan.dialect, base64=True, lists=True))
        others = [Plan(signal, Dialect(snake=s, base64=True, lists=True)) for signal in SIGNALS for s in (False, True)]
        ways = list(dict.fromkeys((alike, *others)))
        chosen = ", ".join(
            f"position(text, {literal(other.root)}) > 0 AND position(done, {literal(other.signal.name)}) = 0, {number}"
            for number, other in enumerate(ways)
        )
        rows = f"(SELECT *, multiIf({chosen}, -1) AS way, isValidJSON(text) AS valid FROM {aside})"
        sizes = self._writer.database.query(
            f"SELECT way, sum(length(text)) AS bytes FROM {rows} WHERE valid AND way >= 0 GROUP BY way ORDER BY way"
        )
        worth = [int(row["way"]) for row in sizes if int(row["bytes"]) >= WORTH_A_PASS_BYTES]
        for way in worth:
            texts = f"SELECT source_id, line, text, done AS before FROM {rows} WHERE valid AND way = {way}"
            rest = self._run(ways[way], texts)
            if rest:
                self.left.append(f"(SELECT source_id, line, text, done FROM {rest})")
        self.left.append(
            f"(SELECT source_id, line, text, done FROM {rows} WHERE NOT (valid AND has({worth}::Array(Int16), way)))"
        )


@contextmanager
def _links(files: Sequence[EvidenceFile], scratch: Path) -> Iterator[str]:
    """Plain names for files, by which the engine takes them all at once and a row tells its source."""
    folder = scratch / f"files-{files[0].source_id}"
    if not is_plain_path(folder):
        raise EngineRefusal(f"the engine does not take paths like {folder}")
    folder.mkdir()
    try:
        for file in files:
            (folder / f"{file.source_id}.{_EXTENSIONS[file.compression]}").symlink_to(file.path.resolve())
        yield f"{folder}/*"
    finally:
        shutil.rmtree(folder)
