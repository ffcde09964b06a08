"""logfmt: one record a line, `level=info ts=2026-06-18T14:00:00Z msg="order placed" id=5`.

Written by Go's log/slog, go-kit and logrus, by Heroku, Grafana's and HashiCorp's programs. Members are understood as
those of structured logs are, see `log_records`. Lines that are no logfmt (stack traces, what a crashing process writes)
are read as text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ..store.writer import CaseWriter
from .base import EvidenceFile, Head, Reader, read_head
from .line_batches import clean, encoding_of, iterate_batches
from .log_clock import Clock
from .log_headers import HeaderReader
from .log_layouts import learn
from .log_lines import LineJoiner
from .log_origin import origin_of
from .log_records import looks_like_log
from .logfmt_pairs import logfmt_record, logfmt_row

_SNIFFED_LINES: Final = 60


def sniff(head: Head) -> float:
    """Most lines are pairs throughout, and say a level, a message or a time."""
    lines = [line for line in head.lines[:_SNIFFED_LINES] if line[0] not in " \t{["]
    records = [record for line in lines if (record := logfmt_record(clean(line.lstrip("\ufeff"))))]
    if not records or 2 * len(records) < len(lines):
        return 0.0
    certain = [certainty for record in records if (certainty := looks_like_log(record))]
    return sum(certain) / len(records) if 2 * len(certain) >= len(records) else 0.0


def read(files: Sequence[EvidenceFile], writer: CaseWriter) -> None:
    """Read logfmt files."""
    for file in files:
        head, _ = read_head(file.path)
        common = {**origin_of(file).columns(), "source_id": file.source_id}
        plain = [line for line in map(clean, head.lines) if logfmt_record(line) is None]
        joiner = LineJoiner(HeaderReader(learn(plain), Clock()), common)
        for batch in iterate_batches(file, writer, encoding_of(head)):
            for number, line in enumerate(batch.lines, batch.first_line):
                row = logfmt_row(line) if line else None
                if row is None:
                    joiner.add(number, line, 0)
                else:
                    joiner.add_row(number, row)
            writer.rows("logs", joiner.take())
        writer.rows("logs", joiner.take(end=True))


READER = Reader("logfmt", "logs", sniff, read)
