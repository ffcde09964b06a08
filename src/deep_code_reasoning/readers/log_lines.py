"""Lines of text made into rows of `logs`: stack traces and other continuation lines joined to their record.

It serves plain files as well as the messages in containers' logs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from .access_layouts import STATUS
from .log_headers import HeaderReader, Row, severity_of_word
from .log_origin import service_of_stream, workload_of
from .log_records import decode, row_of
from .logfmt_pairs import logfmt_row
from .trace_ids import ids_in

# A record takes this many lines and characters; what comes behind begins one of its own, so that a file whose layout
# changes midway does not become one record.
_MAX_LINES: Final = 1_000
_MAX_CHARACTERS: Final = 262_144
# Lines before the first that has a time wait for it, up to this many.
_MAX_WAITING: Final = 1_000
# In containers' logs every line has its own time: what belongs to one record is written at once.
_SAME_RECORD_NS: Final = 1_000_000_000

# What a line of a stack trace looks like when it is not indented (Java, Python, Go, .NET, Node.js).
_STACK: Final = re.compile(
    r"at |\.\.\. \d+ |Caused by: |Suppressed: |Traceback \(|goroutine \d+ |created by |During handling of |"
    r"The above exception |--- End of |[)\]}]{1,9}[;,]?$|"
    r"(?:[\w$]{1,100}[./]){0,20}[\w$]{0,100}(?:Exception|Error|Throwable)\b(?::|$)"
)
_GO_FRAME: Final = re.compile(r"[\w./*()\[\]-]{1,300}\(.{0,500}\)$|\[signal |exit status \d")
_LEVEL_FIRST: Final = re.compile(r"([A-Z]{4,11}): ")


class LineJoiner:
    """Makes rows of one stream of lines.

    Args:
        headers: reads first lines.
        common: columns that all rows share: the source, and what the file's path says.
    """

    def __init__(self, headers: HeaderReader, common: Mapping[str, Any]) -> None:
        self._headers = headers
        self._common = dict(common)
        self._done: list[Row] = []
        self._open: Row | None = None
        # The lines behind the first one of the open record.
        self._more: list[str] = []
        self._characters = 0
        self._headed = False
        self._last_ns = 0
        self._line_ns = 0
        self._waiting: list[Row] = []

    def add_lines(self, first_line: int, lines: Sequence[str | None]) -> None:
        """Take lines that follow each other; None stands for one that was rejected."""
        read, common = self._headers.read, self._common
        for number, line in enumerate(lines, first_line):
            if line and line[0] not in " \t":
                row = read(line, common)
                if row is None:
                    self._add_without_header(number, line, 0)
                elif "time_ns" in row and not self._waiting:
                    # The short way, for the lines that are nearly all of a file.
                    if self._open is not None:
                        self._close()
                    row["line"] = number
                    self._last_ns = row["time_ns"]
                    self._open = row
                    self._headed = True
                    self._line_ns = 0
                else:
                    self._begin(number, row, 0, headed=True)
            else:
                self.add(number, line, 0)

    def add(self, number: int, line: str | None, at_ns: int) -> None:
        """Take the next line; `at_ns` is its time, which comes from elsewhere, or 0. None: it was rejected."""
        if line is None and self._open is not None:
            # It may have begun a record: what follows does not belong to the one before it.
            self._close()
        if not line or line.isspace():
            return
        row = self._headers.read(line, self._common) if line[0] not in " \t" else None
        if row is None:
            self._add_without_header(number, line, at_ns)
        else:
            self._begin(number, row, at_ns, headed=True)

    def add_row(self, number: int, row: Row, at_ns: int = 0) -> None:
        """Take a record that was read by other means; lines that follow may continue it."""
        merged = {**self._common, **row}
        if "attributes" in row and "attributes" in self._common:
            merged["attributes"] = {**self._common["attributes"], **row["attributes"]}
        self._begin(number, merged, at_ns, headed=True)

    def take(self, end: bool = False) -> list[Row]:
        """The rows that are done; with `end`, the last one too."""
        if end and self._open is not None:
            self._close()
        done, self._done = self._done, []
        if end or len(self._waiting) > _MAX_WAITING:
            self._waiting.clear()
        return done

    def _add_without_header(self, number: int, line: str, at_ns: int) -> None:
        row = structured_row(line)
        # A structure without time and level is a payload that was logged on a line of its own.
        if row is not None and (not self._headed or row.get("time_ns") or row.get("severity")):
            self.add_row(number, row, at_ns)
            return
        if self._open is not None and self._continues(line, at_ns):
            self._more.append(line)
            self._characters += len(line)
            self._line_ns = at_ns
            return
        self._begin(number, {**self._common, "body": line.rstrip()}, at_ns, headed=False)

    def _begin(self, number: int, row: Row, at_ns: int, headed: bool) -> None:
        if self._open is not None:
            self._close()
        row["line"] = number
        if at_ns and (not row.get("time_ns") or row.get("time_guess")):
            row["time_ns"], row["time_guess"] = at_ns, ""
        if row.get("time_ns"):
            self._last_ns = row["time_ns"]
            for waiting in self._waiting:
                waiting["time_ns"], waiting["time_guess"] = self._last_ns, "neighbour"
            self._waiting.clear()
        elif self._last_ns:
            row["time_ns"], row["time_guess"] = self._last_ns, "neighbour"
        else:
            self._waiting.append(row)
        self._open = row
        self._headed = headed
        self._line_ns = at_ns

    def _close(self) -> None:
        row = self._open
        if row is None:
            return
        if self._more:
            if "severity" not in row and (level := _LEVEL_FIRST.match(self._more[0])):
                # java.util.logging writes its level on the second line.
                row["severity"] = severity_of_word(level[1])
            row["body"] = "\n".join((row["body"], *self._more) if row["body"] else self._more)
            self._more = []
            self._characters = 0
        if "trace_id" not in row:
            trace_id, span_id = ids_in(row["body"])
            if trace_id:
                row["trace_id"], row["span_id"] = trace_id, span_id
        self._done.append(row)
        self._open = None

    def _continues(self, line: str, at_ns: int) -> bool:
        if len(self._more) >= _MAX_LINES or self._characters + len(line) > _MAX_CHARACTERS:
            return False
        if at_ns and abs(at_ns - self._line_ns) > _SAME_RECORD_NS:
            return False
        if line[0] in " \t":
            return True
        if self._headed and self._headers.knows_headers:
            # A request in an access log is one line: what follows without a header is something else.
            return STATUS not in (self._open or {}).get("number_names", ())
        if _STACK.match(line):
            # An error's name at the beginning of a line ends a trace; it may as well be a record of its own.
            return self._headed or not line[0].isalpha() or self._in_trace() or line.startswith(("at ", "Caused by"))
        return bool(self._in_trace() and _GO_FRAME.match(line))

    def _in_trace(self) -> bool:
        if self._more and self._more[-1][0] in " \t":
            return True
        first = self._open["body"] if self._open else ""
        return bool(first.startswith(("panic:", "goroutine ", "fatal error:", "Traceback (")))


def structured_row(line: str) -> Row | None:
    """The row of a line that is one record in JSON or logfmt, or None."""
    if line[0] != "{":
        return logfmt_row(line) if "=" in line[:40] and line[0].isalpha() else None
    try:
        record = decode(line.strip())
    except (ValueError, RecursionError):
        return None
    return row_of(record) if type(record) is dict and record else None


_COMPOSE: Final = re.compile(r"([\w.-]{1,64})[ \t]{0,60}\| ?(.*)", re.DOTALL)
_POD: Final = re.compile(r"\[pod/([^/\]]+)/([^\]]+)\] ?(.*)", re.DOTALL)


def split_stream(line: str) -> tuple[str, str, dict[str, Any]] | None:
    """Split off the sender that `docker compose logs` and `kubectl logs --prefix` write before every line.

    Returns:
        The sender, the line without it, and the columns that it fills; None for a line without one.
    """
    match = _COMPOSE.match(line)
    if match is not None:
        return match[1], match[2], {"service": service_of_stream(match[1]), "instance": match[1]}
    match = _POD.match(line)
    if match is not None:
        resource = {"k8s.pod.name": match[1], "k8s.container.name": match[2]}
        columns = {"service": workload_of(match[1]), "instance": match[1], "resource": resource}
        return f"{match[1]}/{match[2]}", match[3], columns
    return None
