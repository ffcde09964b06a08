"""Queries that read more than they did: a bound or a condition gone, a comparison that no index serves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ..diff import Hunk
from ..effect import Effect, each_hunk
from .pairs import paired

_QUERY: Final = re.compile(
    r"(?i)\b(?:select|where|from|join|query|limit|filter(?:_?by)?|find\w*|first\w*|order_?by\w*|objects|match|paginate|page|"
    r"any|count|single\w*|take|all)\b"
)
_HEAVY: Final = re.compile(
    r"(?i)LIKE\s+(?:CONCAT\s*\(\s*)?['\"]?%|__i?(?:contains|endswith|regex|iexact)\b|\.i?like\(\s*f?[\"']%|\.contains\("
    # With nothing in their brackets these are methods of a string.
    r"|\b(?:LOWER|UPPER|TRIM|COALESCE|CONCAT|DATE(?:_TRUNC|_FORMAT)?|EXTRACT|YEAR|SUBSTR\w*)\((?!\))"
    r"|\.ToLower\w*\(\)(?=\s*==)|\.ToUpper\w*\(\)(?=\s*==)|__date\b|\bCAST\("
    r"|(?:\.|->)(?:[sS]kip|[oO]ffset)\((?=[^)]*(?:\*|[pP]age|[oO]ffset))|\b(?:skip|offset)\s*:\s*(?=[^,]*(?:\*|page|offset))"
    r"|::\w+\s*=|\bOR\b|\bDISTINCT\b|ORDER BY RANDOM|"
    r"NOT IN \(|\bCROSS JOIN\b|\bCOUNT\(\*\)|\bOFFSET\b|\bJOIN\b|\bregexp?_?\w*\(|\$regex\b|SIMILAR TO"
    r"|[\"'`]%{1,3}(?:[\"'`{$#]|\|\||s%%)"
)
_BOUND: Final = re.compile(
    r"(?i)\bLIMIT\b|\bWHERE\b|\bTOP\s+\d|FETCH FIRST|\.limit\(|\.take\(|->take\(|\btake\s*:|\.page\(|paginate|per_?page"
    r"|\bfirst\b"
    r"|\[\s*\w*\s*:\s*\w+\s*\]|PageRequest|\bPageable\b|max_?results|\bpage_?size\b|\.head\("
)
_IS_SLICE: Final = re.compile(r"^\[\s*\w*\s*:\s*\w+\s*\]$")
_ALL_COLUMNS: Final = re.compile(r"(?i)\bSELECT\s+(?:\w+\.)?\*(?!\s*\))")
_SOME_COLUMNS: Final = re.compile(r"(?i)\bSELECT\s+(?!COUNT|EXISTS|1\b)[\w.\"`]+\s*(?:,|\s+FROM\b)")
_BY_EXPRESSION: Final = re.compile(
    r"(?i)\bORDER\s+BY\s+\w+\s*\(|order_?by\w*\(\s*(?:[\"'`]\s*\w+\s*\(|func\.|Func\(|Coalesce\(|Lower\(|raw)|orderByRaw\("
)
_CONDITION: Final = re.compile(r"[\w.\"`]+\s*(?:=|<=|>=|<|>)\s*[\w.$:@?%\"`]+")
_SQL_CLAUSE: Final = re.compile(r"(?i)\b(?:JOIN|ON|WHERE|AND)\b")


def _queries(hunk: Hunk) -> Iterator[Effect]:
    if not any(_QUERY.search(line.code) for line in (*hunk.removed, *hunk.added)):
        return
    old, new = (" ".join(line.code for line in lines) for lines in (hunk.removed, hunk.added))
    if not old or not new:
        if old and all(_BOUND.search(line.code) for line in hunk.removed):
            says = f"a query lost its bound: `{old[:80]}`"
            yield Effect("query_unbounded", says, hunk.path, _names(old), sureness=0.85)
        return
    if _of(_HEAVY, new) - _of(_HEAVY, old):
        yield Effect("query_heavier", f"a query does more: `{new[:80]}`", hunk.path, _names(new), sureness=0.8)
    if _of(_BOUND, old) - _of(_BOUND, new):
        says = f"a query lost its bound: `{old[:80]}`"
        yield Effect("query_unbounded", says, hunk.path, _names(old), sureness=0.85)
    if _ALL_COLUMNS.search(new) and not _ALL_COLUMNS.search(old) and _SOME_COLUMNS.search(old):
        says = f"a query takes all columns instead of some: `{new[:80]}`"
        yield Effect("payload_widened", says, hunk.path, _names(new), sureness=0.8)
    if (ordered := _BY_EXPRESSION.search(new)) and not _BY_EXPRESSION.search(old):
        says = f"a query sorts by what no index has: `{ordered[0][:80]}`"
        yield Effect("query_heavier", says, hunk.path, _names(new), sureness=0.8)
    for before, after in paired(hunk):
        gone, stay = set(_CONDITION.findall(before.code)), set(_CONDITION.findall(after.code))
        if stay < gone and stay and _SQL_CLAUSE.search(before.code) and _SQL_CLAUSE.search(after.code):
            says = f"a query narrows less: `{before.code[:60]}` becomes `{after.code[:60]}`"
            yield Effect("filter_removed", says, hunk.path, _names(before.code), sureness=0.85)


def _of(pattern: re.Pattern[str], text: str) -> set[str]:
    """What a pattern finds, however it is spelt; a slice is one whatever its ends are."""
    return {"[:]" if _IS_SLICE.match(match[0]) else match[0].lower() for match in pattern.finditer(text)}


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(re.findall(r"[a-z_]{4,}", text.lower())))[:12]


extract: Final = each_hunk({_queries: "code sql"})
