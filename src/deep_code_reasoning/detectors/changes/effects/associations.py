"""What a mapper loads only when it is read: eager loading undone, associations newly read in a view of an object."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from ..code import is_import, without_strings
from ..diff import Hunk, Line
from ..effect import ANY, Effect, each_hunk
from ..paths import has_extension

# Words by which mappers and loaders are told to bring what belongs to an object along.
_EAGER: Final = re.compile(
    r"(?i)\b(includes|preload|eager_load|select_related|prefetch_related|joinedload|selectinload|subqueryload|load_many"
    r"|join\s*_?fetch|EntityGraph|ThenInclude|Include|withGraph(?:Fetched|Joined)|(?:get)?data_?loaders?|loaders?"
    r"|leftJoinAndSelect|populate|BatchSize|eager)\b|(?:->|::)with(?=\()|\brelations(?=\s*:)|\bFetchType\.EAGER"
    r"|\binclude(?=\s*:\s*[\[{])|\blazy\s*=\s*[\"'](?:joined|selectin|subquery)"
)
_BRINGS: Final = re.compile(
    r"(?:joinedload|selectinload|subqueryload|ThenInclude|Include)\(\s*(?:\w+\s*=>\s*)?\w+\.(\w+)"
)
# What they are asked to bring, as symbols or texts: `includes(:prices, :images)`, `with(['prices'])`.
_LISTED: Final = re.compile(
    r"(?:\b(?:includes|preload|eager_load|select_related|prefetch_related|populate|withGraphFetched|relations)|(?:->|::)with)"
    r"\s*[(:]\s*\[?([^)\]]*)"
)
_RELATION: Final = re.compile(r"(?:(?<![\w:]):|[\"'])(\w+)")
# Queries in strings of code: `join fetch` of JPA.
_JOIN_FETCH: Final = re.compile(r"(?i)\bjoin\s+fetch\b")
# A loader by its name, however it is come by, with what it is asked for; another call that asks for the same.
_LOADS: Final = re.compile(
    r"\b(\w*(?:By[A-Z]\w*|_by_\w+|[lL]oader\w*))\b[\w\"'\]().:,\s]*?(?:\.|->)[lL]oad\w*\(\s*(?:ctx,\s*)?(\$?\w+(?:\.|->)\w+(?:\(\))?)"
)
_ASKS: Final = re.compile(r"(?:\.|->|::)(\w+)\(\s*(?:ctx,\s*)?(\$?\w+(?:\.|->)\w+(?:\(\))?)")
_SIZED: Final = re.compile(r"([\w@]+(?:&?\.\w+)*)&?\.(?:size|length|empty\?|any\?|present\?|include\?)")
_COUNTED: Final = re.compile(r"([\w@]+(?:&?\.\w+)*)&?\.(?:count\b(?!\s*[({&])|exists\?)")
# Places where objects are turned into answers.
_VIEW: Final = re.compile(
    r"(?i)view|dto|serializ|resource|mapper|present|respon|represent|blueprint|payload|output|schema|resolver|transform"
)
_READS: Final = re.compile(
    r"(?<![\w.>])\$?(\w+)(?:\??\.|->)(?:get)?([A-Z]?\w*[a-rt-z]s)(?:\(\))?(?:\??\.|->)"
    r"(?i:size|count|length|len|sum|map|stream|any|exists|isEmpty|first|last|pluck|each|all|select|filter|order_?by|values)\b"
)
_DECLARES: Final = re.compile(
    r"\bhas_many\s+:(\w+)|\bassociation\s+:(\w+)|\b(\w+)\s*=\s*\w*(?:Serializer|Schema)\(.*\bmany=True"
    r"|\b(\w+)\s*=\s*\w*Nested\w*\("
)
# The item of a loop (`for (Row r : rows)`, `for r in rows`, `for _, r := range rows`, `of`, `each |r|`, `map(r ->`).
_EACH: Final = re.compile(
    r"\bfor(?:each)?\b\s*\(?\s*(?:[\w<>,.?\[\]$]+\s+|_,\s*)*?\$?(\w+)\s*(?::=\s*range|:|\bin\b|\bof\b)\s"
    r"|\b(?:each|map|forEach|stream|collect|flat_map)\b[^|(]*[|(]\s*\(?\s*\$?(\w+)\s*\)?\s*(?:\||->|=>)"
)
# Languages whose mappers load a row when a member is read; others have to ask for it.
_LAZY: Final = ("java", "kt", "groovy", "scala", "py", "rb", "php", "cs")
# An accessor of what an accessor brings: entities of JPA, Django, ActiveRecord, Doctrine, Entity Framework. Parts of
# plain values (texts, lists, dates, members of enumerations) are none.
_THROUGH: Final = re.compile(
    r"(?<![\w.>])\$?(\w+)\??(?:\.|->)(?:get)?_?([A-Za-z]\w{2,})(?:\(\))?\??(?:\.|->)"
    r"(?!(?:length|size|count|year|month|day|hour|value|ordinal|bytes|getBytes|getClass|getTime)\b)"
    r"(?:get[A-Z]\w*\(\)|[a-z]\w*\b(?!\s*\())"
)
# Members of the process, and of what was asked for: nothing is loaded for them.
_OURS: Final = frozenset("this self request req args params config settings Math Object Arrays ctx context".split())


def _asked_for_each(hunk: Hunk) -> list[Effect]:
    return _no_longer_eager(hunk) or _loaded_one_by_one(hunk) or _counted_anew(hunk)


def _no_longer_eager(hunk: Hunk) -> list[Effect]:
    """Loaders that are gone, or that load less: of two relations one."""
    before, after = _eager(hunk.removed), _eager(hunk.added)
    gone = before - after
    # One way to load along for another (`includes` and `eager_load`) takes nothing away.
    if len(gone) > len(after - before):
        names = tuple(sorted(gone))
        says = f"eager loading ({', '.join(names)}) taken away"
        return [Effect("call_in_loop", says, hunk.path, names, sureness=0.9)]
    less = tuple(dict.fromkeys((_loaded(hunk.removed) - _loaded(hunk.added)).elements()))
    if less:
        return [Effect("call_in_loop", f"{', '.join(less)} no longer loaded along", hunk.path, less, sureness=0.9)]
    return []


def _loaded_one_by_one(hunk: Hunk) -> list[Effect]:
    """What a loader gathered from many objects into one question is asked for each by itself."""
    loaded = {m[2]: m[1] for line in hunk.removed for m in _LOADS.finditer(line.code)}
    for line in hunk.added:
        for match in _ASKS.finditer(line.code):
            if match[2] in loaded and not match[1].lower().startswith(("load", "prime", "clear")):
                says = f"{match[1]} of each object, which {loaded[match[2]]} loaded for all at once"
                return [Effect("call_in_loop", says, hunk.path, (match[1], loaded[match[2]]), sureness=0.85)]
    return []


def _counted_anew(hunk: Hunk) -> list[Effect]:
    """ActiveRecord counts with `size` what is loaded, and asks the database with `count`, each time."""
    sized = {m[1] for line in hunk.removed for m in _SIZED.finditer(without_strings(line.code))}
    for line in hunk.added if hunk.path.endswith((".rb", ".erb", ".jbuilder")) else ():
        for match in _COUNTED.finditer(without_strings(line.code)):
            if match[1] in sized:
                says = f"asks for `{match[0]}` of each object, which took what was loaded before"
                return [Effect("call_in_loop", says, hunk.path, (match[1].rpartition(".")[2],), sureness=0.8)]
    return []


def _loaded(lines: Iterable[Line]) -> Counter[str]:
    """What loaders are asked to bring, as often as they are: `hours` of `selectinload(Restaurant.hours)`."""
    codes = [line.code for line in lines if not is_import(line.code)]
    brought = [match[1] for code in codes for match in _BRINGS.finditer(code)]
    listed = (match[1] for code in codes for match in _LISTED.finditer(code))
    return Counter([*brought, *(name for names in listed for name in _RELATION.findall(names))])


def _eager(lines: Iterable[Line]) -> set[str]:
    codes = [line.code for line in lines if not is_import(line.code)]
    found = {match[0] for code in codes for match in _EAGER.finditer(without_strings(code))}
    return found | {"join fetch" for code in codes if _JOIN_FETCH.search(code)}


def _read_in_view(hunk: Hunk) -> Iterator[Effect]:
    if hunk.kind != "view" and not _VIEW.search(f"{hunk.path} {hunk.heading}"):
        return
    before = " ".join(line.code for line in hunk.before)
    for line in hunk.added:
        for match in (*_READS.finditer(without_strings(line.code)), *_DECLARES.finditer(line.code)):
            owner, name = (match[1], match[2]) if match.re is _READS else ("", next(filter(None, match.groups())))
            is_known = re.search(rf"(?i)\b(?:get)?{re.escape(name)}\b", before)
            if not is_known and (owner not in _OURS or match[0].startswith("$this")):
                says = f"shows `{match[0].strip()}` of each object, a query each where it is loaded lazily"
                yield Effect("call_in_loop", says, hunk.path, (name, name.rstrip("s")), sureness=0.7)
                return


def _reached_through(hunk: Hunk) -> Iterator[Effect]:
    """A member of a member of each item of a loop, newly read: a row of another table, where it is loaded lazily."""
    if not has_extension(hunk.path, *_LAZY):
        return
    before = " ".join(line.code for line in hunk.before)
    items = {m[1] or m[2] for line in hunk.lines if line.sign != "-" for m in _EACH.finditer(line.code)}
    for line in hunk.added:
        for match in _THROUGH.finditer(without_strings(line.code)):
            owner, name = match[1], match[2]
            if owner in items and owner not in _OURS and not re.search(rf"(?i)\b(?:get_?)?{re.escape(name)}\b", before):
                says = f"reads `{match[0].strip()}` of each `{owner}`, a query each where it is loaded lazily"
                yield Effect("call_in_loop", says, hunk.path, (name,), sureness=0.7)
                return


extract: Final = each_hunk({_asked_for_each: ANY, _read_in_view: "code view", _reached_through: "code view"})
