"""Settings: numbers and switches that a change lowers, raises, flips or takes away."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from ...vocabulary.quantities import TIME_MS, Setting, settings, show_quantity
from ...vocabulary.words import word_set, words
from ..code import is_log_statement, lines_around
from ..diff import Hunk, Line, Patch
from ..effect import Effect
from ..paths import has_extension
from .defaults import variable_default, with_defaults

# What a setting is for, from the words of its name and, failing that, of its surroundings. Ordered: the first role
# all of whose words stand in the name wins, so that "max conn idle time" is an idle time before it is a pool.
_ROLES: Final[tuple[tuple[str, str], ...]] = (
    (
        "probe",
        r"\b(liveness|readiness|startup)\b.*\bprobe|\bfailure threshold\b|\bunhealthy threshold\b"
        r"|\bhealth ?check (timeout|threshold|interval)\b",
    ),
    (
        "breaker",
        r"\b(circuit ?breakers?|breakers?|failure (rate )?threshold|error (rate |percentage )?threshold"
        r"|min(imum)? number of calls|request volume threshold|outlier detection"
        r"|consecutive (gateway )?(errors|failures))\b",
    ),
    (
        "cost",
        r"\b((memory|time) cost|work factor|(log|salt|bcrypt|hash) (rounds|cost|strength|iterations)"
        r"|(bcrypt|argon\d?|scrypt|pbkdf\d?)\b.*"
        r"|password iterations|iterations|compression (level|quality)"
        r"|(gzip|brotli|zstd|deflate) (\w+ )?(level|quality))\b",
    ),
    ("grace", r"\b(grace|graceful|termination|drain|shutdown)\b"),
    ("idle_time", r"\b(idle|keep alive|keepalive|keep alives?|max lifetime|life ?time|max age conn)\b"),
    ("lease", r"\b(lease|lock ttl|lock timeout|visibility|session timeout|heartbeat)\b"),
    (
        "backoff",
        r"\b(backoff|back off|jitter|wait (exponential|fixed|random)\w*|retry (delay|wait|interval)|base delay|"
        r"initial (delay|interval)|cooldown|wait duration|min timeout)\b",
    ),
    ("retries", r"\b(retry|retries|attempts?|redeliver\w*|max (tries|times))\b"),
    (
        "cache_ttl",
        r"\b(ttl|time to live|cache (time|expir\w*|seconds|max age|remember|set|put|add|store)|setex|psetex"
        r"|redis set|memcached? set|max age|s maxage|expir(y|es|ation|e)"
        r"( (after|in))?|stale)\b",
    ),
    (
        "timeout",
        r"\b(timeouts?|time out|deadline|time limit|with timeout|budget|max wait|wait (time|timeout|ms|seconds))\b",
    ),
    ("rate_limit", r"\b(rate|rps|qps|tps|throttl\w*|quota|burst|limiter|per (second|minute|hour|day))\b"),
    (
        "payload",
        r"\b(max (\w+ )?(bytes|body|payload|message|request|header|upload)( size)?|body (limit|size)|envelope"
        r"|(message|payload|frame|packet) (size|max|bytes)|client max body)\b",
    ),
    ("memory", r"\b(memory|mem|heap|xmx|max old space size|max ram\w*|shared buffers|work mem)\b"),
    ("cpu", r"\b(cpu|cpus|gomaxprocs|cores?|millicores?)\b"),
    (
        "pool",
        r"\b(pool|(db|database|jdbc|datasource) (\w+ )?max(imum)? size|max (open )?conn(s|ections?)?|conns?"
        r"|connections?|maxconn|max open|maximum pool size|checkout)\b",
    ),
    ("cache_size", r"\b((cache|lru)\b.*\b(size|max|entries|capacity|items)|maxsize|max entries|lru)\b"),
    ("prefetch", r"\b(prefetch|qos|max in ?flight|inflight|in flight|fetch (min|max)|max poll records)\b"),
    (
        "workers",
        r"\b(workers?|threads?|concurrency|parallelism|goroutines?|executors?|processes|max parallel|consumers)\b",
    ),
    ("replicas", r"\b((min|max|desired) capacity|autoscal\w* (min|max)\w*)\b"),
    ("queue", r"\b(queue|buffer|backlog|capacity|channel|maxlen)\b"),
    ("replicas", r"\b(replicas?|instances?|min replicas|max replicas|desired count|nodes?|shards?|partitions?)\b"),
    ("batch", r"\b(batch|chunk|page|bulk|flush|limit per)\b"),
    ("schedule", r"\b(cron|schedule|interval|period|frequency|poll|every|refresh|ticker)\b"),
    ("sampling", r"\b(sampl\w+|ratio|percent|percentage|rollout|weight)\b"),
    ("threshold", r"\b(threshold|limit|max|min|maximum|minimum|size|length|cap|ceiling|floor)\b"),
)
_ROLE_PATTERNS: Final = tuple((role, re.compile(pattern)) for role, pattern in _ROLES)
_ON: Final = frozenset({"true", "on", "yes", "enabled", "enable", "1"})
_SWITCH: Final = re.compile(
    (
        r"""["']?([A-Za-z_][\w.\-]*)["']?\s*(?::\s*bool(?:ean)?\s*)?(?::=|=>|[:=(,])\s*["']?(true|false|"""
        r"""on|off|yes|no|enabled|disabled)\b["']?"""
    ),
    re.I,
)
_NAME_LINE: Final = re.compile(r"""^-?\s*["']?(?:name|key)["']?\s*:\s*["']?([\w.\-]+)["']?,?$""")
_PARENT_LINE: Final = re.compile(r"""^-?\s*["']?([\w.\-]+)["']?\s*[:=]?\s*[{(]?\s*$""")
_COSMETIC: Final = frozenset(
    "padding margin width height color colour font border radius opacity zindex px rem em line column offset".split()
)


def extract(patch: Patch) -> list[Effect]:
    """Settings whose value went up or down, switches that flipped, limits that were taken away."""
    found: list[Effect] = []
    named = _named_numbers(patch)
    for hunk in patch.running:
        if hunk.kind in ("manifest", "image") and not _has_flags(hunk):
            continue
        found += _numbers(hunk, named)
        found += _switches(hunk)
    return [effect for effect in found if not _is_set_elsewhere(effect, patch)]


def _is_set_elsewhere(effect: Effect, patch: Patch) -> bool:
    """Whether what one place no longer sets is set to the same by another: moved to a module, or to who calls."""
    if not effect.kind.endswith("_removed") or effect.old is None:
        return False
    name = effect.subjects[-1]
    return any(
        number.owner.split(".")[-1] == name and (number.value, number.dimension) == (effect.old, effect.dimension)
        for line in patch.added
        if name in line.code
        for number in settings(line.code)
    )


def _named_numbers(patch: Patch) -> Mapping[str, str]:
    """Names that a patch gives to one number each: literals that moved into a constant or a setting."""
    known = {name for hunk in patch.running for line in hunk.before for name in re.findall(r"\w+", line.code)}
    found = {}
    for line in patch.added:
        match = _GIVES.match(line.code)
        numbers = settings(match[0]) if match else []
        if match and len(numbers) == 1 and match[1] not in known:
            found[match[1]] = _written(numbers[0])
    for hunk in patch.running:
        for place, line in enumerate(hunk.after):
            given = variable_default(hunk.after, place) if line.sign == "+" else None
            if given and given[0] not in known:
                found[given[0]] = given[1]
    return found


def _written(number: Setting) -> str:
    """A quantity as a literal with its unit, so that it is read as the same wherever it stands."""
    unit = {"ms": "ms", "bytes": "b"}.get(number.dimension, "")
    return f"{number.value:.17g}{unit}"


def _with_numbers(code: str, named: Mapping[str, str]) -> str:
    """A line with the numbers in the place of the names that stand for them."""
    for name in sorted(named.keys() & set(re.findall(r"\w+", code))) if named else ():
        code = re.sub(rf"(?:\b[\w$]+\.)*\b{name}\b(?!\s*[:=(])", named[name], code)
    return code


_GIVES: Final = re.compile(r"(?:[\w@]+\s+)*?(\w{4,})\s*(?::\s*[A-Za-z]\w*\s*=|[:=])\s*(.+)$")


def _has_flags(hunk: Hunk) -> bool:
    return any(re.search(r"-X|--[a-z]", line.code) or line.code.startswith("ENV") for line in hunk.lines)


def role_of(owner: str, surroundings: Sequence[str] = ()) -> str:
    """What a setting is for: the role that its name tells, else the one its surroundings tell, else ''."""
    for text in (owner, *surroundings):
        spaced = " ".join(words(text))
        for role, pattern in _ROLE_PATTERNS:
            if pattern.search(spaced):
                return role
    return ""


def _numbers(hunk: Hunk, named: Mapping[str, str]) -> Iterator[Effect]:
    before = _owned(hunk.before)
    after = _owned(hunk.after, named)
    if hunk.kind == "view":
        return
    seen: set[tuple[str, str]] = set()
    for owner, olds in before.items():
        news = after.get(owner, []) or _attempts_by_another_call(owner, before, after)
        for place, ((old, line, around), (new, _, _)) in enumerate(zip(olds, news, strict=False)):
            old, new = (_with_unit(one, other, hunk) for one, other in ((old, new), (new, old)))
            if old.value == new.value or old.dimension != new.dimension:
                continue
            effect = _changed(hunk, owner, old, new, line, around, place)
            if effect is not None and (effect.kind, effect.summary) not in seen:
                seen.add((effect.kind, effect.summary))
                yield effect
        if not news and owner.split(".")[-1] not in {o.split(".")[-1] for o in after}:
            still = any(re.search(rf"\b{re.escape(owner.split('.')[-1])}\b", line.code) for line in hunk.added)
            yield from (replace(e, sureness=0.3 if still else e.sureness) for e in _dropped(hunk, owner, olds))
    yield from _computed_expiry(before, after, hunk)


def _attempts_by_another_call(owner: str, before: _Owned, after: _Owned) -> list[_Placed]:
    """What took the place of attempts that are set by another name now: `WaitAndRetryAsync(1)`, `RetryAsync(7)`."""
    if role_of(owner) != "retries":
        return []
    others = [other for other in after if other not in before and role_of(other) == "retries"]
    return after[others[0]] if len(others) == 1 else []


def _with_unit(one: Setting, other: Setting, hunk: Hunk) -> Setting:
    """A bare number of code beside one that has a unit of time: in the unit that its language takes it for."""
    if hunk.kind != "code" or one.dimension or other.dimension != "ms":
        return one
    return replace(one, value=one.value * _bare_unit_ms(hunk.path), dimension="ms")


def _bare_unit_ms(path: str) -> float:
    if has_extension(path, "py", "rb", "php"):
        return TIME_MS["s"]
    return TIME_MS["ns"] if has_extension(path, "go") else TIME_MS["ms"]


def _changed(
    hunk: Hunk, owner: str, old: Setting, new: Setting, line: Line, around: tuple[str, ...], place: int
) -> Effect | None:
    if frozenset(words(owner)) & _COSMETIC and role_of(owner) in ("", "threshold"):
        return None  # `line-height`, but not `LINE_BATCH_SIZE`
    role = "probe" if _in_probe(around) else role_of(owner, (line.code, *around, hunk.heading))
    role = _of_attempts(role, owner, line.code, place, old)
    if not role and old.dimension == "ms" and role_of(_stem(hunk.path)) == "timeout":
        role = "timeout"  # `timeouts.ts` holds nothing else
    if (
        role in ("", "threshold")
        and old.dimension == "ms"
        and _LIMITS.search(" ".join(words(" ".join((owner, *around[:1])))))
    ):
        role = "timeout"  # a limit of time
    if role == "timeout" and _KEYED_LOCK.search(line.code):
        role = "lease"  # how long a lock by that name is held at most
    if role == "cache_ttl" and _is_of_lease(owner, (*around, hunk.heading, hunk.path)):
        role = "lease"
    direction = "lowered" if new.value < old.value else "raised"
    show_old, show_new = (show_quantity(s.value, s.dimension) for s in (old, new))
    if not role:
        if re.search(r"\b(return|if|while)\b|[<>]=?", line.code) or not owner:
            return None  # arithmetic: a matter of logic
        role = "constant"
    # A change of a quarter at most is tuning; it seldom breaks what worked.
    known = 1.0 if role != "constant" else 0.6  # a number whose purpose is not known
    sureness = known if not (0.75 <= _ratio(old.value, new.value) <= 1 / 0.75) else 0.5 * known
    if role == "threshold" and not old.dimension and _OF_TEXT & word_set(owner, hunk.path):
        sureness *= 0.2  # how long a text may be takes no time
    if around[:1] == ("requests",):
        sureness *= 0.5  # what a container asks for is reserved; what it is limited to is all that it gets
    return Effect(
        f"{role}_{direction}",
        f"{owner} {direction} from {show_old} to {show_new}",
        hunk.path,
        (owner, owner.split(".")[-1]),
        old.value,
        new.value,
        old.dimension,
        sureness,
    )


_LIMITS: Final = re.compile(r"\b(?:limits?|max|maximum|cap|caps)\b")
_OF_TEXT: Final = frozenset("length len chars characters text letters digits name label comment caption".split())


def _stem(path: str) -> str:
    return path.rsplit("/", 1)[-1].split(".")[0]


def _of_attempts(role: str, owner: str, code: str, place: int, old: Setting) -> str:
    """The role of a number beside others of one retry: by place the attempts come first, then the time between them."""
    if not re.search(r"(?i)retr(?:y|ies)", code):
        return role
    if role == "retries" and place and owner.lower() in code.lower():
        return "backoff"
    if role == "backoff" and not place and not old.dimension and re.search(rf"{re.escape(owner)}\s*\(", code):
        return "retries"
    names = set(words(owner))
    if len(names) == 1 and names & _ATTEMPTS:
        return "retries"
    return "backoff" if len(names) == 1 and names & _BETWEEN else role


_ATTEMPTS: Final = frozenset("max total count times limit attempts tries".split())
_BETWEEN: Final = frozenset("interval delay wait min pause sleep factor base".split())


def _dropped(hunk: Hunk, owner: str, olds: list[_Placed]) -> Iterator[Effect]:
    role = role_of(owner)
    if role == "workers" and "--" in olds[0][1].code:
        old = olds[0][0]
        says = f"{owner} ({old.show()}) no longer asked for: the command has its default"
        yield Effect("workers_lowered", says, hunk.path, (owner,), old.value, None, sureness=0.8)
    if role in (
        "timeout",
        "idle_time",
        "sampling",
        "backoff",
        "rate_limit",
        "retries",
        "pool",
        "cache_size",
        "payload",
        "cache_ttl",
        "memory",
        "breaker",
    ):
        old = olds[0][0]
        yield Effect(
            f"{role}_removed", f"{owner} ({old.show()}) taken away", hunk.path, (owner, owner.split(".")[-1]),
            old.value, None, old.dimension, 0.7,
        )  # fmt: skip


def _computed_expiry(before: _Owned, after: _Owned, hunk: Hunk) -> Iterator[Effect]:
    """A cache's time to live that was a number and is whatever something says now, which may be none at all."""
    known = [owner for owner, olds in before.items() if _expires(olds[0][1].code) and owner not in after]
    if not known or any(_expires(placed[0][1].code) for placed in after.values()):
        return
    for line in hunk.added:
        if _expires(line.code):
            says = f"{known[0]} ({before[known[0]][0][0].show()}) becomes `{line.code[:80]}`"
            yield Effect("cache_ttl_lowered", says, hunk.path, (known[0], known[0].split(".")[-1]), sureness=0.8)
            return


def _expires(code: str) -> bool:
    return re.search(r"\b(?:ttl|expir\w*|max age|time to live)\b", " ".join(words(code))) is not None


def _ratio(old: float, new: float) -> float:
    return new / old if old else float("inf")


def _in_probe(around: tuple[str, ...]) -> bool:
    return any(re.search(r"(?i)(liveness|readiness|startup)_?probe|health_?check", text) for text in around)


def _is_of_lease(owner: str, places: Sequence[str]) -> bool:
    """Whether a bare time to live stands among the settings of a lease or a lock rather than of a cache."""
    near = " ".join(word for text in (owner, *places) for word in words(text))
    return _LEASE.search(near) is not None and "cache" not in near


_KEYED_LOCK: Final = re.compile(
    r"(?i)\b(?:\w*redis\w*\.|redlock\.|lock_?client\.|new_?)?(?<!try)(?:lock|mutex)\w*\(\s*(?:f?[\"'`]|[A-Za-z_]\w*\s*,)"
)
_LEASE: Final = re.compile(r"\b(leases?|leader|election|locks?|mutex|fencing)\b")
# `300m` of a processor is read as minutes: they are thousandths.
_MS_A_MILLICORE: Final = 60_000.0
_Placed = tuple[Setting, Line, tuple[str, ...]]
_Owned = dict[str, list[_Placed]]


def _owned(side: Sequence[Line], known: Mapping[str, str] | None = None) -> _Owned:
    """Settings of one side's changed lines by owner, with the names of the blocks that they stand in."""
    found: _Owned = {}
    for index, line in enumerate(side):
        if not line.is_changed or is_log_statement(line.code):
            continue
        around = _enclosing(side, index)
        named = _NAME_LINE.match(side[index - 1].code) if index else None
        for setting in settings(_with_numbers(with_defaults(line.code), known or {}), around[:1]):
            owner = setting.owner
            if setting.dimension == "ms" and role_of(owner) == "cpu":
                setting = replace(setting, value=setting.value / _MS_A_MILLICORE / 1000, dimension="")
            if named and owner.lower() in ("value", "default"):
                owner = named[1]
            found.setdefault(owner, []).append((setting, line, around))
    return found


def _enclosing(side: Sequence[Line], index: int) -> tuple[str, ...]:
    """Names of the blocks around a line, innermost first."""
    codes = (line.code for line in lines_around(side, index))
    return tuple(match[1] if (match := _PARENT_LINE.match(code)) else code for code in codes)


def _switches(hunk: Hunk) -> Iterator[Effect]:
    if hunk.kind == "view":
        return
    old = {m[1]: m[2].lower() for line in hunk.removed for m in _SWITCH.finditer(line.code)}
    before = {m[1] for line in hunk.before for m in _SWITCH.finditer(line.code)}
    for line in hunk.added:
        for match in _SWITCH.finditer(line.code):
            name, new = match[1], match[2].lower()
            unkept = _no_longer_kept(name, new)
            flipped = name in old and (old[name] in _ON) != (new in _ON)
            if flipped or (unkept and name not in before):
                state = "on" if new in _ON else "off"
                kind = "connection_per_call" if unkept else "switch_flipped"
                yield Effect(kind, f"{name} switched {state}", hunk.path, (name, name.split(".")[-1]))


def _no_longer_kept(name: str, value: str) -> bool:
    """Whether a switch says that connections are not kept for the next call."""
    spaced = " ".join(words(name))
    if not re.search(r"\b(?:keep ?alives?|reuse|persistent|pooling)\b", spaced):
        return False
    return (value in _ON) == bool(re.search(r"\b(?:disable|no|without)\b", spaced))
