"""Plain-text logs of any usual layout, among them the system logs of syslog, Android, Hadoop or Apache.

Every line, or run of lines that belong together, becomes a row of `logs`: time, level, logger and message apart, what
else the header says as attributes. See `log_layouts` for the layouts, `log_clock` for times without date or zone,
`log_lines` for continuation lines, `access_layouts` for web servers' access logs. The messages of `docker compose logs`
and `kubectl logs --prefix` are told apart by their sender.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..store import neighbours
from ..store.writer import CaseWriter
from .access_layouts import access_patterns
from .base import EvidenceFile, Head, Reader, read_head
from .line_batches import Batch, clean, encoding_of, iterate_batches
from .log_clock import Clock, Sample, clock_for, traces_named
from .log_headers import HeaderReader
from .log_layouts import Layout, find_stamp, learn
from .log_lines import LineJoiner, split_stream
from .log_origin import origin_of
from .log_times import SCALES
from .trace_ids import ids_in

# A table of values and a log both have a time a line; the table's lines are all cut alike by its separator.
_SEPARATORS: Final = ",;\t"
_SNIFFED_LINES: Final = 60
_TAIL_BYTES: Final = 16_384
_SAMPLED_TRACES: Final = 20
_LEVEL_FIRST: Final = re.compile(
    r"\[?(?:TRACE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL|CRITICAL)\b|(?:info|warn|error|debug): "
)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A file with what its head shows; `sample` is None when its times are whole."""

    file: EvidenceFile
    layouts: tuple[Layout, ...]
    encoding: str
    streams: bool
    sample: Sample | None


def sniff(head: Head) -> float:
    """Text of which a good part of the lines has a time near the start, or begins with a level."""
    if b"\0" in head.data[:4096]:
        return 0.0
    lines = first_lines(head)
    if not lines or (lines[0][0] in "{[<" and _is_document(lines[0])):
        return 0.0
    starts = [line for line in lines[:_SNIFFED_LINES] if line[0] not in " \t"]
    if not starts:
        return 0.0
    if access_patterns(starts):
        return 0.7
    timed = sum(find_stamp(line) is not None for line in starts)
    levelled = sum(_LEVEL_FIRST.match(line) is not None for line in starts)
    # Stack traces and banners may outnumber the lines with a header.
    share = timed / len(starts)
    if share < 0.2 and not (timed and find_stamp(starts[0])) and levelled < 0.5 * len(starts):
        return 0.1
    if _is_table(lines):
        return 0.25
    return 0.35 + 0.25 * max(share, 0.5 * levelled / len(starts))


Taker = Callable[[list[dict[str, Any]], bool], object]
"""Takes rows that are done, of one file and in its order; the flag says that there are no more."""


def read(files: Sequence[EvidenceFile], writer: CaseWriter) -> None:
    """Read text logs into rows of `logs`."""
    read_texts(files, writer, lambda file: (origin_of(file).columns(), lambda rows, end: writer.rows("logs", rows)))


def read_texts(
    files: Sequence[EvidenceFile],
    writer: CaseWriter,
    taker_of: Callable[[EvidenceFile], tuple[Mapping[str, Any], Taker]],
) -> None:
    """Read text with times: files whose times are whole first, so that they may date the others.

    Args:
        files: the files.
        writer: takes what is rejected, and notes.
        taker_of: what a file's rows have in common, and who takes them.
    """
    undated: dict[str, list[_Prepared]] = {"": [], "year": [], "date": []}
    for file in files:
        prepared = _prepare(file)
        if prepared.sample is None:
            _read_file(prepared, Clock(), writer, *taker_of(file))
        else:
            undated[prepared.sample.missing].append(prepared)
    # Lines with a whole time in files that are otherwise undated.
    samples = [prepared.sample for group in undated.values() for prepared in group]
    dated = [sample.dated_ns for sample in samples if sample and sample.dated_ns]
    for group in undated.values():
        if not group:
            continue
        known = neighbours.known_range(writer) or ((min(dated), max(dated)) if dated else None)
        named = traces_named([prepared.sample for prepared in group if prepared.sample])
        starts = neighbours.trace_starts(writer, named)
        for prepared in group:
            if prepared.sample is not None:
                clock = clock_for(prepared.sample, prepared.file.name, known, starts, writer.anchor_ns)
                _read_file(prepared, clock, writer, *taker_of(prepared.file))


def first_lines(head: Head) -> list[str]:
    """The first lines of a head that are not blank, without colours and without the senders that are all written."""
    lines = [clean(line) for line in head.lines[:_SNIFFED_LINES]]
    split = [split_stream(line) for line in lines]
    if all(split):
        lines = [parts[1] for parts in split if parts]
    return [line for line in lines if line.strip()]


def _is_document(line: str) -> bool:
    """Whether a line begins JSON or XML rather than a bracketed time, a priority or a level."""
    return line[0] == "{" or re.match(r"\[\s*(?:[\[{\"\]]|$)|<[?!A-Za-z/]", line) is not None


def _is_table(lines: Sequence[str]) -> bool:
    for separator in _SEPARATORS:
        cuts = {line.count(separator) for line in lines}
        if len(lines) > 1 and len(cuts) == 1 and cuts.pop() >= 2 and not re.search(r"\d", lines[0]):
            return True
    return False


def _prepare(file: EvidenceFile) -> _Prepared:
    head, _ = read_head(file.path)
    encoding = encoding_of(head)
    lines = [clean(line).rstrip("\r") for line in head.data.decode(encoding, "replace").split("\n")]
    if not head.complete and len(lines) > 1:
        lines.pop()
    lines = [line for line in lines if line.strip()]
    split = [split_stream(line) for line in lines]
    streams = bool(split) and all(split)
    if streams:
        lines = [parts[1] for parts in split if parts and parts[1].strip()]
    layouts = learn(lines)
    return _Prepared(file, layouts, encoding, streams, _sample(file, layouts, lines, encoding))


def _sample(file: EvidenceFile, layouts: tuple[Layout, ...], lines: Sequence[str], encoding: str) -> Sample | None:
    """What the beginning and the end of a file say of its clock; None when its times are whole."""
    timed = [(time, line) for line in lines if (time := _naive(layouts, line)) is not None]
    guessed = [(ns, missing, line) for (ns, missing, whole), line in timed if not whole]
    if not guessed:
        return None
    missing = guessed[0][1]
    traces: dict[str, int] = {}
    for ns, _, line in guessed:
        trace_id, _ = ids_in(line)
        if trace_id and len(traces) < _SAMPLED_TRACES:
            traces.setdefault(trace_id, ns)
    last = guessed[-1][0]
    if not file.compression and file.size_bytes > _TAIL_BYTES:
        with file.path.open("rb") as stream:
            stream.seek(-_TAIL_BYTES, 2)
            tail = stream.read().decode(encoding, "replace").split("\n")[1:]
        ends = [time[0] for line in tail if (time := _naive(layouts, line)) is not None and time[1] == missing]
        last = ends[-1] if ends else last
    dated = next((ns for (ns, _, whole), _ in timed if whole), 0)
    return Sample(guessed[0][0], last, missing, dated, tuple(traces.items()))


def _naive(layouts: Sequence[Layout], line: str) -> tuple[int, str, bool] | None:
    """The naive time of a line, what it does not say, and whether it is whole."""
    for layout in layouts:
        match = layout.match(line)
        if match is not None and layout.form is not None:
            at = layout.fields.index("time")
            ns = layout.form.read(match[at + 1])
            if ns is None:
                return None
            ns += int(match[at + 2]) * SCALES[len(match[at + 2])] if match[at + 2] else 0
            whole = not layout.form.missing and (layout.form.absolute or bool(match[at + 3]))
            return ns, layout.form.missing, whole
    return None


def _read_file(prepared: _Prepared, clock: Clock, writer: CaseWriter, columns: Mapping[str, Any], take: Taker) -> None:
    file = prepared.file
    common = {**columns, "source_id": file.source_id}
    headers = HeaderReader(prepared.layouts, clock)
    joiners = {"": LineJoiner(headers, common)}
    for batch in iterate_batches(file, writer, prepared.encoding):
        if prepared.streams:
            _add_by_stream(batch, headers, common, joiners)
        else:
            joiners[""].add_lines(batch.first_line, batch.lines)
        for joiner in joiners.values():
            take(joiner.take(), False)
    for joiner in joiners.values():
        take(joiner.take(end=True), False)
    take([], True)
    if clock.note:
        writer.note(file.source_id, clock.note)
    if prepared.encoding != "utf-8":
        writer.note(file.source_id, f"read as {prepared.encoding}: it is no UTF-8")


def _add_by_stream(
    batch: Batch, headers: HeaderReader, common: Mapping[str, Any], joiners: dict[str, LineJoiner]
) -> None:
    """Lines of several senders in one file: each sender's are joined apart."""
    for number, line in enumerate(batch.lines, batch.first_line):
        split = split_stream(line) if line else None
        if split is None:
            joiners[""].add(number, line, 0)
            continue
        sender, rest, columns = split
        if sender not in joiners:
            joiners[sender] = LineJoiner(headers, {**common, **columns})
        joiners[sender].add(number, rest, 0)


READER = Reader("plain-log", "logs", sniff, read)
