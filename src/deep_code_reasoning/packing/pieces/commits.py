"""Commits with their diffs: first those that a cause or a finding names, then what was deployed, then by time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from ...domain.citation import Citation, change_citation
from ...domain.instant import NS_PER_S
from ...domain.pack import Piece
from ...store import WENT_LIVE, CaseStore, Row
from ...store.resolve import resolve
from ..draft import Draft, Line
from ..subject import Subject
from .wording import moment, relative

# Commits offered with their diffs at the usual depth; the rest are told in a line each.
_WITH_DIFF: Final = 40
_MAX_COMMITS: Final = 500
# From this value on a commit is told at length even without a diff: a finding names it.
_NAMED_VALUE: Final = 3.0
# Letters of the shortest name that git gives a commit.
_SHORT_SHA: Final = 7
# Lines of one diff that are offered: more is generated code.
_MAX_DIFF_LINES: Final = 600
# Files that no running service reads; a change to them is worth little, unless it is the one that is named.
_IDLE_FILES: Final = re.compile(
    r"(?i)(^|/)(docs?|tests?|testdata|\.github|__tests__)/|_test\.\w+$|\.(md|rst|txt|css|scss|svg|png|lock|sum)$"
)


def drafts(subject: Subject) -> Iterator[Draft]:
    """A draft for each commit that comes with its diff, and one that lists the others in a line each."""
    windows = subject.investigation.windows
    onset_ns = windows.onset_ns if windows else None
    rows = [(_value(row, subject, onset_ns), row) for row in _commits(subject, onset_ns)]
    rows.sort(key=lambda item: (-item[0], -int(item[1]["time_ns"]), item[1]["id"]))
    told = [item for item in rows if item[1]["diff"] or item[0] >= _NAMED_VALUE][: subject.many(_WITH_DIFF)]
    for value, row in told:
        yield commit_draft(row, onset_ns, value)
    for _, row in rows:
        if _is_asked(row, subject):
            yield replace(commit_draft(row, onset_ns, 2.0), asked=True)
    known = {id(row) for _, row in told}
    others = sorted(
        (item for item in rows if id(item[1]) not in known), key=lambda item: (int(item[1]["time_ns"]), item[1]["id"])
    )
    if others:
        lines = tuple(Line(_headline(row, onset_ns), (_cite(row),), 0.1 + value) for value, row in others)
        yield Draft("commit/others", "Other commits, without their diffs", lines, unit="commits", value=0.1)


def commit_piece(store: CaseStore, citation: Citation, max_tokens: int | None = None) -> Piece:
    """One commit with its diff.

    Raises:
        CitationError: when the case has no such commit.
    """
    return commit_draft(resolve(store, citation)[0], None, 1.0).piece(max_tokens)


def commit_draft(row: Row, onset_ns: int | None, value: float) -> Draft:
    """A commit's headline, its message, its files and its diff; changed lines are worth more than those around."""
    subject_line, _, body = row["message"].partition("\n")
    lines = [Line(line, weight=3) for line in body.strip().splitlines()[:20] if line.strip()]
    if row["files"]:
        shown = ", ".join(row["files"][:30]) + (f" and {len(row['files']) - 30} more" if len(row["files"]) > 30 else "")
        lines.append(Line(f"files: {shown}", weight=5))
    diff = row["diff"].splitlines()
    lines += [Line(line, weight=_worth(line)) for line in diff[:_MAX_DIFF_LINES]]
    if len(diff) > _MAX_DIFF_LINES:
        lines.append(Line(f"[... {len(diff) - _MAX_DIFF_LINES} lines of the diff left out]", weight=4))
    if not diff:
        lines.append(Line("(no diff in the evidence)", weight=1))
    cited = _cite(row)
    head = f"{_headline(row, onset_ns)}"
    first, *rest = lines
    lines = [Line(first.text, (cited,), first.weight), *rest]
    return Draft(f"commit/{row['repo'] or '-'}/{row['id']}", f"Commit: {subject_line}", tuple(lines), head, value=value)


def _commits(subject: Subject, onset_ns: int | None) -> list[Row]:
    return subject.store.query(
        f"""
        SELECT id, time_ns, repo, message, author, files, diff,
               id IN (SELECT commit_sha FROM changes WHERE kind = 'deploy' AND {WENT_LIVE}) AS deployed
        FROM changes WHERE kind = 'commit'
        ORDER BY deployed DESC, abs(time_ns - {{onset:Int64}}), id LIMIT {{limit:UInt32}}
        """,
        onset=onset_ns or 0,
        limit=_MAX_COMMITS,
    )


def _value(row: Row, subject: Subject, onset_ns: int | None) -> float:
    """How likely a commit is to matter, in 0 to 10."""
    investigation = subject.investigation
    sha, time_ns = row["id"], int(row["time_ns"])
    named = [n for n, cause in enumerate(investigation.causes) if cause.change and cause.change.id == sha]
    if named:
        return 10 - min(named[0], 4)
    value = 3.0 if any(f.change == ("commit", sha) for f in investigation.findings) else 0.0
    value += 1.5 if row["deployed"] else 0.0
    if onset_ns is not None:
        value += 1 / (1 + abs(onset_ns - time_ns) / (6 * 3_600 * NS_PER_S)) if time_ns <= onset_ns else 0
    if row["files"] and all(_IDLE_FILES.search(path) for path in row["files"]):
        value *= 0.2
    text = f"{row['message']} {' '.join(row['files'])}".lower()
    if any(stem and stem in text for stem in map(_stem, subject.suspects[:3])):
        value += 1.0
    return value + (0.5 if row["diff"] else 0)


def _is_asked(row: Row, subject: Subject) -> bool:
    """Whether the question names the commit, or it touches a file of the scope."""
    named = any(row["id"].startswith(word) for word in subject.asked_words if len(word) >= _SHORT_SHA)
    return named or any(path.endswith(subject.scope.files) for path in row["files"])


def _stem(service: str) -> str:
    """The part of a service's name that tells it from others: `cart` of `cartservice` and of `ts-cart-service`."""
    return re.sub(r"(?i)^(ts|svc|app)-|[-_]?(service|svc|api|server|app)$", "", service).lower()


def _headline(row: Row, onset_ns: int | None) -> str:
    subject_line = row["message"].partition("\n")[0]
    when = f"{moment(int(row['time_ns']))} {relative(int(row['time_ns']), onset_ns)}".strip()
    return f"{_cite(row)} {when}: {subject_line}"


def _cite(row: Row) -> Citation:
    return change_citation("commit", row["id"], row["repo"])


def _worth(line: str) -> float:
    """Of a diff's lines: where we are, what changed, and what merely stands around."""
    if line.startswith(("@@", "+++", "diff ")):
        return 4
    return 3 if line.startswith(("+", "-")) and line[1:].strip() else 1
