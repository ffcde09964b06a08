"""Calls that leave the process from where code runs for each call, object or value, though no loop is in sight.

Interceptors and middleware run for each request, validators and callbacks of models for each record, getters and
conversions for each reading; a loop over pages runs until there are no more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from ..code import (
    Call,
    block_after,
    call_names,
    calls,
    clients_of,
    definition,
    function_bodies,
    is_remote_call,
    lines_around,
)
from ..diff import Hunk, Line, Patch
from ..effect import Effect

_HOOK: Final = re.compile(
    r"(?i)interceptor|middleware|\bbefore_?(?:action|request|save|create|update|validation|each|insert)\b"
    r"|\bafter_?(?:find|initialize|load|request|commit|save)\b"
    r"|\bpre_?handle\b|\bdo_?filter\w*|\bOncePerRequestFilter\b|@(?:PostLoad|PrePersist|PreUpdate|BeforeAll"
    r"|ModelAttribute|computed_field|field_validator|validator|field_serializer|model_validator|property"
    r"|cached_property)\b"
    r"|\binterceptors\.(?:request|response)\b|\b(?:pre|post)_?(?:save|init|load)\b|\baddHook\(|\bonRequest\b"
    r"|\bpre(?:Handler|Validation|Serialization)\b|\bUseMiddleware\b|\bInvokeAsync\b|\bRoundTrip\b"
    r"|\b(?:get|set)\s*(?:\w+\s*\(\)\s*\{|=>|\{)|\bget\(\)\s*[={]|\b(?:toString|ToString|equals|hashCode|compareTo"
    r"|toJSON|toArray|jsonSerialize|as_json|to_json|to_s|serialize\w*|validate\w*|isValid|clean(?:_\w+)?"
    r"|get\w+Attribute|normali[sz]e|parse_?value)\s*\("
    r"|\b__(?:str|repr|eq|hash|getattr|get|len|bool|lt)__\b|\bConstraintValidator\b|\bIValidator\b"
    r"|\bAbstractValidator\b|\bvalidate\s+:|\bdelegate\b"
)
_PATHS: Final = re.compile(
    r"(?i)middleware|interceptor|(?:^|[/_])filters?[/.]|validat|serializ|resolver|guards?[/.]|hooks?[/.]|(?<![a-z])concerns/"
)
# Which of a model's functions check it: `validate :species_exists` of Rails, `@validates` of SQLAlchemy.
_NAMES_CHECK: Final = re.compile(r"\b(?:validate|before_\w+|after_\w+|helper_method)\s+:(\w+)")
_QUERIES: Final = re.compile(
    r"\b[A-Z]\w*::(?:with|where|find\w*|query|all|first\w*)\(|\b[A-Z]\w*\.(?:find\w*|where|objects|lookup|fetch|load"
    r"|query|count|exists)\w*[.(]|\.objects\.|\b(?:axios|fetch|requests|httpx)\b\s*[.(]|\bHttp::"
    r"|\bfile_get_contents\(\s*[\"']http"
)
_IN_TEXT: Final = re.compile(r"[$#]\{[^}]*?\b(\w+)\(")
_PAGES: Final = re.compile(r"(?i)\b(?:page\w*|cursor|next\w*|offset|token|has_?more|marker|continuation\w*|after)\b")
_ENDLESS: Final = re.compile(
    r"^\s*(?:for\s*\{|for\s*\(\s*;\s*;\s*\)|while\s*\(?\s*(?:true|True|1|!?\w*(?:next|more|page|cursor"
    r"|token)\w*.*)\s*\)?\s*[:{]?$|do\s*\{|loop\s*(?:\{|do)|until\b)",
    re.I,
)


def extract(patch: Patch) -> list[Effect]:
    """Calls newly made for each call, record or reading; and all pages asked for where it was one."""
    code = [hunk for hunk in patch.running if hunk.kind == "code"]
    clients = clients_of([line.code for hunk in code for line in hunk.after])
    bodies = {name: body for hunk in code for name, body in function_bodies(hunk.after).items()}
    checks = {match[1] for hunk in code for line in hunk.added for match in _NAMES_CHECK.finditer(line.code)}
    found: list[Effect] = []
    for hunk in code:
        found += _from_hooks(hunk, clients, bodies, checks)
        found += _all_pages(hunk, clients)
    return found


def _from_hooks(
    hunk: Hunk, clients: frozenset[str], bodies: Mapping[str, Sequence[Line]], checks: set[str]
) -> Iterator[Effect]:
    after = hunk.after
    known = call_names(hunk.before)
    for place, line in enumerate(after):
        if not line.is_new or not _is_of_hook(hunk, after, place, checks):
            continue
        names = [name for name in _called(line.code) if name not in known and not definition(line.code)]
        led_to = [other for name in names for other in bodies.get(name, ())]
        asks = _QUERIES.search(line.code) and not any(_QUERIES.search(old.code) for old in hunk.before)
        if asks or (names and any(_leaves(other, clients) for other in (line, *led_to))):
            says = f"calls somebody each time that a hook runs: `{line.code[:80]}`"
            yield Effect("call_in_loop", says, hunk.path, tuple(names), sureness=0.8)
            return


def _called(code: str) -> list[str]:
    """Names of what a line calls, in texts that it puts together too."""
    return [call.name for call in calls(code)] + _IN_TEXT.findall(code)


def _is_of_hook(hunk: Hunk, after: Sequence[Line], place: int, checks: set[str]) -> bool:
    if _PATHS.search(hunk.path) or _HOOK.search(hunk.heading) or _HOOK.search(after[place].code):
        return True
    around = list(lines_around(after, place))
    named = any(definition(line.code) in checks for line in around if definition(line.code))
    return named or any(_HOOK.search(line.code) for line in around) or _decorated(after, place, around)


def _decorated(after: Sequence[Line], place: int, around: Sequence[Line]) -> bool:
    """Whether the line above the function that a line stands in makes it a hook (`@property`)."""
    head = next(
        (n for n in range(place, 0, -1) if any(after[n] is line for line in around) and definition(after[n].code)), 0
    )
    return head > 0 and after[head - 1].code.startswith(("@", "[")) and _HOOK.search(after[head - 1].code) is not None


def _leaves(line: Line, clients: frozenset[str]) -> bool:
    return _QUERIES.search(line.code) is not None or any(_is_far(call, line.code, clients) for call in calls(line.code))


def _is_far(call: Call, code: str, clients: frozenset[str]) -> bool:
    return is_remote_call(call, code, clients) and call.name not in ("use", "next", "handle", "set")


def _all_pages(hunk: Hunk, clients: frozenset[str]) -> Iterator[Effect]:
    """A call that asked for one page and asks for all of them since, one after the other."""
    after = hunk.after
    for head, line in enumerate(after):
        if not line.is_new or not _ENDLESS.match(line.code):
            continue
        body = [after[place] for place in block_after(after, head)]
        asked = [
            other for other in body if any(is_remote_call(call, other.code, clients) for call in calls(other.code))
        ]
        if asked and any(_PAGES.search(other.code) for other in body):
            name = next(call.name for call in calls(asked[0].code) if is_remote_call(call, asked[0].code, clients))
            says = f"asks for all pages, one after the other: `{asked[0].code[:80]}`"
            yield Effect("call_in_loop", says, hunk.path, (name,), sureness=0.8)
            return
