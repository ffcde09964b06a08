"""What the calls of some requests are of: one a row, the same ones over again, or many kinds.

perf-sentinel's distinction: calls of one kind with ever other parameters follow the data (N+1); with the same ones
they are redundant. Parameters are looked for in the statement, in `db.query.parameter.*`, in the address, and in the
address as the callee saw it. Where a sanitiser or a template hid them, calls follow the data when they last
differently long (coefficient of variation above .5), are fifteen or more, or are not as many in each request: what
code does a fixed number of times is none of the rows. Calls that say nothing of what they ask for are taken for a loop
over rows: that is what usually repeats one call.
"""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ...domain.citation import Citation, span_citation
from ...store import CaseStore, Row
from ..timeline.statements import statement_of
from ..vocabulary.words import without_numbers

# perf-sentinel's defaults for hidden parameters.
_MIN_VARIATION: Final = 0.5
_MANY: Final = 15
# What stands in for a value: placeholders of drivers, routes and templates.
_PLACEHOLDER: Final = re.compile(r"\?|\$\d+|%s|:[a-z_]\w*|@\w+|\{[^}]*\}|<[^>]*>|\*{3,}")
# Values: quoted text, numbers that are no part of a name, hex digests, ids.
_LITERAL: Final = re.compile(
    r"'[^']*'|\"[^\"]*\"|\b[0-9a-fA-F]{8}[0-9a-fA-F-]*\b|(?<![\w$])\d[\w.\-]*|(?<=[-_:/=])\d+\b"
)
_HIDDEN: Final = re.compile(r"'[^']*'|[0-9a-f]{8,}|[0-9]+")


@dataclass(frozen=True, slots=True)
class Sample:
    """The calls of some requests, and whether their number follows the data."""

    what: str
    why: str
    follows_data: bool
    resource: str | None
    citations: tuple[Citation, ...]


def kind_of_call(name: str) -> str:
    """SQL: the name of a call without the values that are in it, where it is an address or a statement."""
    quoted = f"replaceRegexpAll({name}, '\\'[^\\']*\\'', '#')"
    return without_numbers(quoted)


def sample_of(store: CaseStore, service: str, kind: str, traces: Sequence[str]) -> Sample | None:
    """Look at the calls that a service makes in some traces; `kind` is one of `kind_of_call`, '' for all."""
    rows = store.query(
        f"""
        WITH inside AS (SELECT * FROM spans WHERE trace_id IN {{traces:Array(String)}}),
        callees AS (SELECT trace_id, parent_span_id, min((toString(name), {_address_of("")})) AS told FROM inside
                    WHERE service != {{service:String}} GROUP BY trace_id, parent_span_id),
        inner AS (SELECT DISTINCT trace_id, parent_span_id FROM inside WHERE service = {{service:String}})
        SELECT i.trace_id AS trace_id, i.span_id AS span_id, toString(i.name) AS name, i.duration_ns AS duration_ns,
               {statement_of("i.")} AS statement, if(statement != '', statement, {_address_of("i.")}) AS text,
               arrayStringConcat(arrayFilter((value, key) -> match(toString(key), {{given:String}}),
                                             mapValues(i.attributes), mapKeys(i.attributes)), ' ') AS given,
               c.told.1 AS callee, c.told.2 AS callee_text,
               if(i.attributes['db.collection.name'] != '', i.attributes['db.collection.name'],
                  i.attributes['db.sql.table']) AS table
        FROM inside AS i LEFT ANY JOIN callees AS c ON c.trace_id = i.trace_id AND c.parent_span_id = i.span_id
        WHERE i.service = {{service:String}} AND i.status != 'error' AND i.parent_span_id != ''
          AND (i.trace_id, i.span_id) NOT IN inner AND {{kind:String}} IN ('', {kind_of_call("i.name")})
          AND (i.kind NOT IN ('server', 'consumer') OR {{kind:String}} != '')
        ORDER BY i.trace_id, i.start_ns, i.span_id LIMIT 2000
        """,
        service=service,
        kind=kind,
        traces=list(traces),
        given=r"^db\.(query|statement)\.parameter",
    )
    if not rows:
        return None
    kinds: dict[str, list[Row]] = {}
    for row in rows:
        kinds.setdefault(_kind(row), []).append(row)
    members = kinds[max(sorted(kinds), key=lambda known: len(kinds[known]))]
    cited = tuple(span_citation(row["trace_id"], row["span_id"]) for row in members[:4])
    if 2 * len(members) < len(rows):
        return Sample(f"{len(kinds)} kinds", "no kind stands out", False, None, cited)
    first = members[0]
    what = str(first["table"] or first["callee"] or _table(str(first["statement"])) or first["name"])
    follows, why = _follows_data(members)
    return Sample(what, why, follows, what, cited)


def _address_of(row: str) -> str:
    """SQL: the address that an HTTP span asks for, by conventions new and old."""
    names = ("url.full", "url.path", "http.url", "http.target")
    said = "".join(f"nullIf({row}attributes['{name}'], ''), " for name in names)
    return f"coalesce({said}'')"


def _kind(row: Row) -> str:
    """What a call is, its parameters masked."""
    return _HIDDEN.sub("?", str(row["text"] or row["callee"] or row["name"]))


def _parameters(row: Row) -> str | None:
    """With what a call is made; None where it is hidden, '' where there is nothing to tell calls apart by."""
    if row["given"]:
        return str(row["given"])
    texts = [text for text in (str(row["text"]), str(row["callee_text"])) if text]
    for text in texts:
        if not _PLACEHOLDER.search(text) and (found := _LITERAL.findall(text)):
            return " ".join(found)
    hidden = not texts or any(_PLACEHOLDER.search(text) for text in texts)
    return None if hidden else ""


def _follows_data(calls: Sequence[Row]) -> tuple[bool, str]:
    """Whether calls of one kind are made one a row, and how one can tell."""
    known = [(row["trace_id"], given) for row in calls if (given := _parameters(row)) is not None]
    if 2 * len(known) > len(calls):
        same = 2 * len(set(known)) < len(known)
        return not same, "the same ones over again" if same else "one per row, by their parameters"
    times = [float(row["duration_ns"]) for row in calls]
    numbers = Counter(row["trace_id"] for row in calls)
    middle = statistics.median(numbers.values())
    if middle >= _MANY or len(set(numbers.values())) > 1:
        return True, "one per row, by their number; parameters are hidden"
    if not any(row["text"] or row["callee_text"] for row in calls):
        return True, "one kind of call; nothing tells them apart"
    varied = statistics.pstdev(times) > _MIN_VARIATION * max(1.0, statistics.fmean(times))
    return varied, "one per row, by their times; parameters are hidden" if varied else "as many in each request"


def _table(statement: str) -> str:
    found = re.search(r"(?i)\b(?:from|into|update)\s+[`\"]?([\w.]+)", statement)
    return found[1] if found else ""
