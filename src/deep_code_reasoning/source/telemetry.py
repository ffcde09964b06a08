"""From telemetry to code: what a span says of itself (`code.*`), and which statement wrote a log line.

`code.function.name`, `code.file.path` and `code.line.number` are OpenTelemetry's stable names; the older ones,
`code.function` with `code.namespace`, `code.filepath` and `code.lineno`, are still what many agents send.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from .hints import Frame
from .index import SourceIndex, StatementHit
from .log_statements import HOLE, wrote
from .words import words

# Statements whose text is compared with a message; what fits comes early.
_MAX_STATEMENTS: Final = 1_000
# What stands in front of a message in a line (time, level, thread, logger) is in its beginning.
_MAX_MESSAGE: Final = 4_000


@dataclass(frozen=True, slots=True)
class LogOrigin:
    """A statement that may have written a line; `whole` when its template is all of the line, not only its end."""

    repo: str
    path: str
    line: int
    template: str
    whole: bool


def code_frame(attributes: Mapping[str, str]) -> Frame | None:
    """Where a span, a log record or an event says that it came from; None when it does not.

    Without a path, a function with its namespace is a frame whose path is empty.
    """
    path = attributes.get("code.file.path") or attributes.get("code.filepath") or ""
    function = attributes.get("code.function.name") or ""
    if not function and attributes.get("code.function"):
        function = ".".join(filter(None, (attributes.get("code.namespace"), attributes["code.function"])))
    line = attributes.get("code.line.number") or attributes.get("code.lineno") or ""
    if not path and not function:
        return None
    return Frame(path.replace("\\", "/"), int(line) if line.isdecimal() else None, function or None)


def log_origins(
    index: SourceIndex, trees: Sequence[int], message: str, logger: str = "", limit: int = 5
) -> list[LogOrigin]:
    """The statements that may have written a message, the likeliest first.

    A statement whose template is the whole message goes before one that is only its end; then one in the file that
    the logger is named after, as Python and Java do; then the one with the most constant text.

    Args:
        index: where the trees were read into.
        trees: which trees to look in, best those of the revision that ran.
        message: the line, with or without time, level and logger in front.
        logger: its logger's name, when it is known.
        limit: how many statements at most.
    """
    text = message.strip()[:_MAX_MESSAGE]
    fits = []
    for hit in index.statements(words(text), trees, _MAX_STATEMENTS):
        whole = wrote(hit.template, text)
        if whole or wrote(f"{HOLE}{hit.template}", text):
            fits.append((not whole, -_named_after(hit, logger), -_constant(hit), hit.repo, hit.path, hit.line, hit))
    return [
        LogOrigin(hit.repo, hit.path, hit.line, hit.template, not in_part)
        for in_part, *_, hit in sorted(fits, key=lambda fit: fit[:6])[:limit]
    ]


def _constant(hit: StatementHit) -> int:
    return len(hit.template) - hit.template.count(HOLE)


def _named_after(hit: StatementHit, logger: str) -> int:
    """How many parts of a logger's name, from its end, are those of the file's path."""
    parts = hit.path.rpartition(".")[0].removesuffix("/__init__").split("/")
    common = 0
    for named, part in zip(reversed(logger.replace("::", ".").split(".")), reversed(parts), strict=False):
        if named != part:
            break
        common += 1
    return common
