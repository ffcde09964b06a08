"""What calls share: objects that were each call's own, defaults that all calls change, rows that transactions see."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from ..code import function_of, is_import, without_strings
from ..diff import Hunk, Line
from ..effect import Effect, each_hunk

# Objects that change with each use, as their documentation warns: formatters, parsers, digests, builders, buffers.
_OF_ONE_USER: Final = re.compile(
    r"\b(?:(?:Simple)?DateFormat|DecimalFormat|NumberFormat|MessageFormat|Calendar|GregorianCalendar|MessageDigest|Matcher|Cipher|Mac"
    r"|Deflater|Inflater|StringBuilder|StringBuffer|bytes\.Buffer|strings\.Builder|StringIO|BytesIO|DocumentBuilder|Unmarshaller"
    r"|Marshaller|Transformer|Scanner|StringScanner|Hasher|HashAlgorithm|SHA256|MD5|XmlSerializer|DbContext|Connection|Session"
    r"|EntityManager)\b"
)
_MAKES: Final = re.compile(
    r"\bnew\b|\.getInstance\(|\.getDateInstance\(|\.create\w*\(|\.newInstance\(|\.new\b|\w\(|\w\{"
)
_STATIC: Final = re.compile(r"\bstatic\b|@@\w+\s*=|^\s*[A-Z][A-Z_0-9]{2,}\s*=")
_MUTABLE_DEFAULT: Final = re.compile(
    r"\bdef\s+\w+\(.*\b(\w+)(?:\s*:\s*[\w\[\], .|]+)?\s*=\s*(?:\[\]|\{\}|set\(\)|list\(\)|dict\(\))"
)
_LEVELS: Final = (
    re.compile(r"(?i)read[\s_]*uncommitted"),
    re.compile(r"(?i)read[\s_]*committed"),
    re.compile(r"(?i)repeatable[\s_]*read|\bsnapshot\b"),
    re.compile(r"(?i)serializable"),
)
_OF_ISOLATION: Final = re.compile(r"(?i)isolation|transaction")
_RESOLVES: Final = re.compile(
    r"(?i)\b(?:gethostbyname\w*|getaddrinfo|InetAddress\.get\w*ByName|net\.(?:Lookup|Resolve)\w+|dns\.(?:lookup|resolve)\w*|Dns\.GetHost\w+"
    r"|Resolv\.getaddress\w*|to_socket_addrs|lookup_host|dns_get_record)\s*\("
)
_KEEPS: Final = re.compile(
    r"(?:self|this)(?:\.|->)\w+\s*=|^(?:private|static|final|const|val|var|let)?\s*[A-Z_]{3,}\s*=|\b\w+\.\w+\s*=(?!=)|^@\w+\s*="
)


def _shared(hunk: Hunk) -> Iterator[Effect]:
    """An object that each call made for itself and that is made once: its type stood within a function before."""
    own = {
        match[0]
        for index, line in enumerate(hunk.before)
        if line.is_gone and _MAKES.search(line.code) and _is_of_a_call(hunk, hunk.before, index)
        for match in _OF_ONE_USER.finditer(without_strings(line.code))
    }
    for index, line in enumerate(hunk.after):
        if not line.is_new or (not _STATIC.search(line.code) and _is_of_a_call(hunk, hunk.after, index)):
            continue
        text = without_strings(line.code)
        if not is_import(line.code) and own & set(_OF_ONE_USER.findall(text)):
            says = f"all calls share what each made for itself: `{line.code[:80]}`"
            yield Effect("state_shared", says, hunk.path, tuple(re.findall(r"\w{3,}", text))[:6], sureness=0.85)
            return


def _is_of_a_call(hunk: Hunk, side: Sequence[Line], index: int) -> bool:
    """Whether a line stands in a function, as far as the hunk or its heading shows."""
    return bool(side[index].indent) and bool(function_of(hunk, side, index))


def _defaults(hunk: Hunk) -> Iterator[Effect]:
    for line in hunk.added:
        match = _MUTABLE_DEFAULT.search(line.code)
        if not match or not hunk.path.endswith(".py") or any(match[0] in old.code for old in hunk.removed):
            continue
        changed = re.compile(rf"\b{match[1]}(?:\.(?:append|add|update|extend|insert|setdefault|pop)\(|\[[^\]]+\]\s*=)")
        if any(changed.search(other.code) for other in hunk.after):
            says = f"all calls share the default of {match[1]}, and change it"
            yield Effect("state_shared", says, hunk.path, (match[1],), sureness=0.9)


def _isolation(hunk: Hunk) -> Iterator[Effect]:
    near = any(_OF_ISOLATION.search(line.code) for line in hunk.lines)
    old, new = (
        [level for line in lines for level, form in enumerate(_LEVELS) if form.search(line.code)]
        for lines in (hunk.removed, hunk.added)
    )
    if not near or (not old and not new) or old == new:
        return
    # The usual level where none is named: read committed.
    before, after = max(old, default=1), max(new, default=1)
    if before != after:
        direction = "raised" if after > before else "lowered"
        named = next(
            (line.code for line in (*hunk.added, *hunk.removed) if _LEVELS[max(before, after)].search(line.code)), ""
        )
        yield Effect(
            f"isolation_{direction}",
            f"transactions are kept apart {'more' if after > before else 'less'}: `{named[:80]}`",
            hunk.path,
            sureness=0.9,
        )


def _addresses(hunk: Hunk) -> Iterator[Effect]:
    for line in hunk.added:
        if (
            _RESOLVES.search(line.code)
            and _KEEPS.search(line.code)
            and not any(_RESOLVES.search(o.code) for o in hunk.before)
        ):
            says = f"asks for an address once and keeps it: `{line.code[:80]}`"
            yield Effect("address_kept", says, hunk.path, tuple(re.findall(r"\w{4,}", line.code))[:6], sureness=0.8)
            return


extract: Final = each_hunk({_shared: "code", _defaults: "code", _addresses: "code", _isolation: "code config sql"})
