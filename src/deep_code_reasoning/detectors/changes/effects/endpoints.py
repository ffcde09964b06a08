"""Names that lead outside: hosts, URLs, topics, buckets, environment variables; and trust and rights on the way."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from ...vocabulary.words import words
from ..code import captured, computes_nothing, string_literals
from ..diff import Hunk, Line, Patch
from ..effect import Effect
from ..paths import has_extension
from .references import resolved, values_of
from .taken_over import handed_here, newcomers, texts

_ENV: Final = re.compile(
    r"""process\.env\.([A-Z][A-Z0-9_]+)|process\.env\[["'](\w+)|(?:os\.)?(?:Getenv|getenv|LookupEnv|"""
    r"""environ\.get|environ)[(\[]\s*["'](\w+)|ENV(?:\.fetch)?[\[(]["'](\w+)|"""
    r"""System\.getenv\(["'](\w+)|env::var\(["'](\w+)"""
    r"""|\$\{([A-Z][A-Z0-9_]+)(?::[^}]*)?\}|Environment\.GetEnvironmentVariable\(["'](\w+)|"""
    r"""@Value\(["']\$\{([\w.\-]+)|env\(["'](\w+)|(?:viper|config|cfg|settings|conf)\.(?:Get\w*|"""
    r"""get\w*|require)\(["']([\w.\-]+)|\benv(?:iron(?:ment)?)?\.(?:\w+)\(\s*["'](\w+)|\benvconfig:\\?"(\w+)|"""
    r"""`[^`]*\benv:"(\w+)|\benv\s*=\s*"([A-Z][A-Z0-9]*_[A-Z0-9_]+)\""""
)
# Languages in whose strings this is the value of a name of theirs, and no variable of the environment.
_INTERPOLATED: Final = re.compile(r"(?<!\\)\$\{\w+\}")
_INTERPOLATING: Final = tuple("js mjs cjs ts mts jsx tsx vue kt kts groovy scala dart php".split())
# In configuration; in code the same is a value put into a string.
_PLACEHOLDER: Final = re.compile(r"\$\{([A-Za-z][\w\-]*(?:\.[\w\-]+)+)\}")
_CONFIG_KEY: Final = re.compile(r"""^-?\s*["']?([A-Za-z_][\w.\-]*)["']?\s*[:=]""")
_ENV_NAME: Final = re.compile(
    r"""^-\s*name:\s*["']?([A-Z][A-Z0-9_]+)["']?$|^(?:export\s+|ENV\s+)?([A-Z][A-Z0-9_]{2,})\s*[:=]"""
)
_HOST: Final = re.compile(
    r"""(?:[a-z][a-z0-9+.\-]*://)?(?:[\w\-]+\.)+[a-zA-Z]{2,}(?::\d+)?(?:/[\w./\-{}]*)?|"""
    r"""[a-z][a-z0-9+.\-]*://[\w.\-]+(?::\d+)?(?:/[\w./\-{}]*)?|\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b|"""
    r"""\b[\w\-]+:\d{2,5}\b"""
)
_PLACE_KEY: Final = frozenset(
    """host hosts hostname url uri endpoint endpoints address addr server servers broker brokers port topic
    topics queue queues bucket region database dbname schema namespace group exchange routing channel
    stream table index subject path route prefix base upstream target domain dsn registry cluster""".split()
)
# Of the places, those that are a number and no quantity.
_NUMBERED: Final = frozenset({"port", "ports"})
_TRUST: Final = re.compile(
    r"(?i)\b(insecureskipverify|rejectunauthorized|verify(_?mode|_?ssl|_?peer|_?hostname)?|sslmode|"
    r"ssl_?mode|ca_?(file|cert|bundle|path)|root_?cas?|trust_?store|key_?store|client_?(cert|auth)|"
    r"minversion|tls_?min\w*|"
    r"cipher_?suites?|ssl_?(protocols?|ciphers)|tls_?(version|protocols?)|security_?protocol|mtls|"
    r"certificate|cert_?file|key_?file|tls_?config|usetls|peerauthentication)\b"
)
_RIGHTS: Final = re.compile(
    r"(?i)\b(scopes?|roles?|permissions?|policy|policies|iam|audience|aud|issuer|grant|"
    r"allow(ed)?(_?origins?|_?list|_?hosts?)?|deny|cors|rbac|verbs|resources|principal|action|effect|"
    r"security_?groups?|ingress|egress|"
    r"cidr\w*|firewall|network_?policy|authorization|api_?key|token|secret|signing|algorithm|jwt|oauth)\b"
)
# Where the large providers compute: `eu-central-1`, `us-gov-west-1`, `europe-west3`, `westeurope`, `eastus2`.
_REGION: Final = re.compile(
    r"(?<![a-z])(?:[a-z]{2}(?:-gov|-iso[a-z]?)?|northamerica|southamerica|australia|europe|africa|asia)"
    r"-(?:north|south|east|west|central){1,2}-?\d\b|\b(?:north|south|east|west|central)+(?:us|europe|india|asia)\d?\b"
)
_TEXT_KEY: Final = frozenset(
    "title label message description text placeholder caption tooltip help copy note summary comment heading".split()
)
_PAIR: Final = re.compile(
    r"""^-?\s*["']?([\w.\-\[\]"']+?)["']?\s*(?:\s*(?::=|=>|[:=])\s*|\s+(?=[\w\-]+$))["'`]?([^"'`]*?)["'`]?,?;?$"""
)


def extract(patch: Patch) -> list[Effect]:
    """Hosts, topics and the like that changed, variables read under another name, trust and rights that changed."""
    found: list[Effect] = []
    found += _variables(patch)
    known = values_of(patch)
    for hunk in patch.running:
        if hunk.kind in ("manifest", "schema", "sql"):
            continue
        found += _places(hunk, known)
        found += _routes(hunk)
        found += _trust(hunk, patch)
        if hunk.kind == "config":
            found += _values_changed(hunk, known)
    return found


def _variables(patch: Patch) -> Iterator[Effect]:
    before = {name for hunk in patch.running for name in _asked_for(hunk, hunk.before)}
    deployed = (line.code for hunk in patch.running if hunk.kind in ("config", "image") for line in hunk.added)
    before.update(captured(_ENV_NAME, deployed))  # where the patch sets it as well, it is there to be read
    for hunk in patch.running:
        old, new = _asked_for(hunk, hunk.removed), _asked_for(hunk, hunk.added)
        come = tuple(name for name in new if name not in before)
        gone = tuple(name for name in old if name not in new)
        if come:
            says = f"reads {', '.join(come)}" + (f" instead of {', '.join(gone)}" if gone else "")
            yield Effect("variable_renamed", says, hunk.path, (*come, *gone), sureness=0.95 if gone else 0.6)
        if hunk.kind in ("config", "image"):
            yield from _defined(hunk)


def _asked_for(hunk: Hunk, lines: Iterable[Line]) -> dict[str, None]:
    codes = [line.code for line in lines]
    if has_extension(hunk.path, *_INTERPOLATING):
        codes = [_INTERPOLATED.sub("", code) for code in codes]
    return captured(_ENV, codes) | (captured(_PLACEHOLDER, codes) if hunk.kind == "config" else {})


def _defined(hunk: Hunk) -> Iterator[Effect]:
    pattern = _ENV_NAME if any(_ENV_NAME.match(line.code) for line in hunk.removed) else _CONFIG_KEY
    old = [m for line in hunk.removed if (m := pattern.match(line.code))]
    new = {g for line in hunk.added for m in [pattern.match(line.code)] if m for g in m.groups() if g}
    gone = tuple(g for m in old for g in m.groups() if g and g not in new)
    if gone:
        yield Effect(
            "variable_renamed", f"no longer sets {', '.join(gone)}", hunk.path, (*gone, *sorted(new)), sureness=0.85
        )


def _places(hunk: Hunk, known: Mapping[str, str]) -> Iterator[Effect]:
    old_codes = [line.code for line in hunk.removed if not _is_talk(line.code)]
    new_codes = [line.code for line in hunk.added if not _is_talk(line.code)]
    all_before = " ".join(line.code for line in hunk.before)
    old_hosts = dict.fromkeys(m[0] for code in old_codes for m in _HOST.finditer(_values(code)))
    new_hosts = dict.fromkeys(m[0] for code in new_codes for m in _HOST.finditer(_values(code)))
    gone = [host for host in old_hosts if host not in new_hosts]
    come = [host for host in new_hosts if host not in old_hosts and host not in all_before]
    if gone and come and _looks_like_place(come[0], hunk):
        kind = _moved(gone[0], come[0])
        yield Effect(kind, f"{gone[0]} becomes {come[0]}", hunk.path, (*come, *gone))
        return
    old = dict(_pairs(old_codes))
    for key, said in _pairs(new_codes):
        value = resolved(said, known)
        before = old.get(key)
        if before is None or before == value or not before or not value:
            continue
        name = frozenset(words(key))
        if name & _TEXT_KEY or (re.fullmatch(r"[-\d.]+[a-zA-Z%]*", value) and not name & _NUMBERED):
            continue
        if (name & _PLACE_KEY or "location" in name) and not re.search(r"\s", value.strip()):
            yield Effect(
                _moved(before, value), f"{key} becomes {value}", hunk.path, (value, before, key), sureness=0.95
            )


def _moved(before: str, after: str) -> str:
    """The kind of effect that another place is: further off, where it is in another region of a provider."""
    old, new = (_REGION.search(text) for text in (before, after))
    return "region_changed" if old and new and old[0] != new[0] else "endpoint_changed"


# A path, or a piece of one that code puts together (`"/vendors/" + id`, `f"{base}vendors/{id}"`).
_ROUTE: Final = re.compile(
    r"""["'`]((?:%s|\$?\{[\w.]*\}|\$\w+)?(?:/[\w./:{}<>\-*$%]*|[a-z][\w\-]*/[\w./:{}<>\-*$%]*))["'`]"""
)


def _routes(hunk: Hunk) -> Iterator[Effect]:
    old = dict.fromkeys(m[1] for line in hunk.removed if not _is_talk(line.code) for m in _ROUTE.finditer(line.code))
    new = dict.fromkeys(m[1] for line in hunk.added if not _is_talk(line.code) for m in _ROUTE.finditer(line.code))
    gone = tuple(path for path in old if path not in new)
    come = tuple(path for path in new if path not in old)
    if gone and come:
        probe = re.search(r"(?i)health|ready|readiness|live(ness)?|ping|status|heartbeat", gone[0])
        yield Effect(
            "probe_path_changed" if probe else "route_renamed",
            f"{gone[0]} becomes {come[0]}",
            hunk.path,
            (*gone, *come),
            sureness=0.9,
        )


def _values_changed(hunk: Hunk, known: Mapping[str, str]) -> Iterator[Effect]:
    """Words that a setting had and has no more, in files of configuration."""
    old = dict(_pairs(line.code for line in hunk.removed))
    for key, said in _pairs(line.code for line in hunk.added):
        value = resolved(said, known)
        before = old.get(key)
        if (
            before
            and value
            and before != value
            and not re.search(r"\d", before + value)
            and not frozenset(words(key)) & _TEXT_KEY
        ):
            # A store that no longer evicts refuses writes when it is full.
            kind = "eviction_removed" if "noeviction" in value.replace("-", "").lower() else "setting_changed"
            yield Effect(kind, f"{key} changes from {before} to {value}", hunk.path, (key, value, before), sureness=0.8)


def _looks_like_place(host: str, hunk: Hunk) -> bool:
    return (
        hunk.kind in ("config", "image")
        or "://" in host
        or bool(re.search(r":\d+$|\.(svc|com|net|io|org|local|internal|dev|cloud)\b", host))
    )


def _values(code: str) -> str:
    # In code only quoted text names a host (`a.b.c` is a field otherwise); in configuration what is behind the key.
    quoted = re.findall(r"""["'`]([^"'`]*)["'`]""", code)
    if quoted:
        return " ".join(quoted)
    match = re.match(r"^-?\s*[\w.\-]+\s*[:=]\s*(.*)$", code)
    return match[1] if match and not re.search(r"[(){};]", code) else ""


def _pairs(codes: Iterable[str]) -> list[tuple[str, str]]:
    return [(match[1], match[2]) for code in codes if (match := _PAIR.match(code))]


# What is said to a compiler or a linter.
_TO_COMPILER: Final = re.compile(
    r"^#!?\[(?:cfg_attr\(.*)?(?:allow|deny|warn|expect|forbid)\(|@Suppress\w*\b|#pragma\b|\[SuppressMessage|#\s*noqa|@phpstan"
)


def _is_talk(code: str) -> bool:
    return _TO_COMPILER.match(code) is not None or computes_nothing(code)


def _trust(hunk: Hunk, patch: Patch) -> Iterator[Effect]:
    if hunk.kind == "view":
        return
    for kind, pattern, says in (
        ("trust_changed", _TRUST, "how a peer is trusted"),
        ("rights_changed", _RIGHTS, "what is allowed to whom"),
    ):
        old, new = (
            [line.code for line in lines if pattern.search(line.code) and not _is_talk(line.code)]
            for lines in (hunk.removed, hunk.added)
        )
        if kind == "rights_changed" and (old or new) and _demands_the_same(hunk, old, patch):
            continue
        inside = pattern.search(hunk.heading) or any(
            pattern.search(line.code) for line in hunk.before if line.sign == " "
        )
        plain = [
            line.code
            for line in (*hunk.removed, *hunk.added)
            if re.fullmatch(r"""-?\s*["']?[\w.:*/\-]+["']?,?""", line.code)
        ]
        lines = old or new or (plain if inside else [])
        if lines:
            names = dict.fromkeys(n.strip(".") for line in lines for n in re.findall(r"[A-Za-z][\w.\-:]{2,}", line))
            gone = not new or (kind == "rights_changed" and _grants_no_more(old, hunk))
            sureness = 0.85 if gone else 0.75 if _same_keys(old, new) else 0.6
            yield Effect(kind, f"changes {says}: `{lines[0][:80]}`", hunk.path, tuple(names), sureness=sureness)


def _demands_the_same(hunk: Hunk, old: Sequence[str], patch: Patch) -> bool:
    """Whether a function that is new asks for the same rights as were asked for here before."""
    demanded = {text for code in old for text in string_literals(code)}
    if demanded:
        return demanded <= texts(hunk.added) and bool(newcomers(hunk, patch))
    return not old and bool(texts(handed_here(hunk, patch)))


def _grants_no_more(old: Sequence[str], hunk: Hunk) -> bool:
    """Whether rights that were spelt out (`orders:read`) are none of the words that stand there now."""
    rights = {right for code in old for text in string_literals(code) for right in text.split() if ":" in right}
    return bool(rights) and not any(right in line.code for right in rights for line in hunk.after)


def _same_keys(old: Iterable[str], new: Iterable[str]) -> bool:
    """Whether the lines say something else of the same things: a claim, a policy, an audience with another value."""
    before, after = ({m[1] for code in codes if (m := _CONFIG_KEY.match(code))} for codes in (old, new))
    return bool(before) and before == after
