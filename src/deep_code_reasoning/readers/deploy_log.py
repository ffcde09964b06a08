"""Deploys told as text: logs of pipelines, what a channel of deploys says, a timeline that a team keeps by hand.

A file is one when most of its lines speak of deploys that name what goes out, or when it is called so and some do. See
`deploy_lines` for what a line may say and `deploy_runs` for which lines are one deploy. Lines that are of none are
read as logs: those of a service that mentions a deploy now and then stay a plain log.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from ..store.writer import CaseWriter
from .base import EvidenceFile, Head, Reader
from .deploy_lines import DeployLine, deploy_line, may_tell
from .deploy_runs import DeployRuns
from .log_clock import Clock
from .log_headers import HeaderReader
from .log_layouts import learn
from .log_lines import LineJoiner
from .text_logs import first_lines, read_texts

Row = dict[str, Any]

_CALLED_SO: Final = re.compile(r"deploy|releases?(?![a-z])|rollouts?|helm|jenkins|changelog", re.IGNORECASE)
# What a header of a log has beside the message: a sender or a job that may be named for the service.
_HEADERS: Final = re.compile(r"header\.\d+|thread\.name")
# Who tells of deploys and is none of what is deployed.
_ROBOT: Final = re.compile(r"bot$|^ci$|deploy|jenkins|slack|argo|pipeline", re.IGNORECASE)
_SILENT: Final = DeployLine(said=False)


def sniff(head: Head) -> float:
    """Most timed lines are of deploys that name what they deploy; fewer do where the file is called so."""
    if b"\0" in head.data[:4096]:
        return 0.0
    called_so = _CALLED_SO.search(head.name) is not None
    lines = first_lines(head)
    if not lines or lines[0][0] == "{" or not (called_so or 6 * sum(map(may_tell, lines)) >= len(lines)):
        return 0.0
    joiner = LineJoiner(HeaderReader(learn(lines), Clock()), {})
    joiner.add_lines(1, lines)
    told, of = told_of_deploys(joiner.take(end=True), called_so)
    if told and 2 * told >= of:
        return 0.7 + 0.28 * told / of
    # Above what a plain log is taken for at most.
    return 0.62 if called_so and told > 1 else 0.0


def told_of_deploys(rows: Sequence[Row], called_so: bool = False) -> tuple[int, int]:
    """How many of these rows tell of deploys that name what goes out, and of how many."""
    runs = DeployRuns()
    for row in rows:
        runs.add(_line_of(row, called_so), row)
    deploys, others = runs.take(end=True)
    return (len(rows) - len(others) if deploys else 0), len(rows)


def read(files: Sequence[EvidenceFile], writer: CaseWriter) -> None:
    """Read deploys; what is of none becomes rows of `logs`, of no service."""
    read_texts(files, writer, lambda file: ({}, taker(file.path.name, writer)))


def taker(name: str, writer: CaseWriter) -> Callable[[list[Row], bool], None]:
    """What takes the rows of a file of that name, in their order, the last ones with True, and writes what they are."""
    runs = DeployRuns()
    called_so = _CALLED_SO.search(name) is not None

    def take(rows: list[Row], end: bool) -> None:
        for row in rows:
            runs.add(_line_of(row, called_so), row)
        deploys, others = runs.take(end)
        writer.rows("changes", deploys)
        writer.rows("logs", others)

    return take


def _line_of(row: Row, meant: bool) -> DeployLine:
    """What a row says of a deploy: its message, with a structured record's members as pairs, else its header too."""
    if not row.get("time_ns") or row.get("time_guess") == "neighbour":
        return _SILENT
    sender, service = row.get("scope", ""), row.get("service", "")
    attributes = row.get("attributes", {})
    pairs = [f"{name}={text}" for name, text in attributes.items() if not _HEADERS.fullmatch(name)]
    pairs += [f"service={service}"] if service not in ("", sender) else []
    line = deploy_line(" ".join((row["body"], *pairs)), meant)
    if line.service or _ROBOT.search(sender):
        return line
    header = (text for name, text in attributes.items() if _HEADERS.fullmatch(name))
    return deploy_line(" ".join(filter(None, (sender, *header, row["body"], *pairs))), meant)


READER = Reader("deploy-log", "changes", sniff, read)
