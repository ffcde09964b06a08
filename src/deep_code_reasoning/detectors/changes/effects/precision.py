"""Numbers that are kept with fewer digits than before: decimals as binary fractions, doubles as singles.

IEEE 754: a single holds 24 bits, so that cents of more than 167,772.16 are rounded away; a double holds 53, and no
tenth exactly.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from ...vocabulary.words import word_set
from ..code import computes_nothing
from ..diff import Hunk, Line
from ..effect import Effect, each_hunk
from ..paths import has_extension

_DECIMAL: Final = frozenset("decimal bigdecimal bignumber big numeric money bigint biginteger".split())
_WHOLE: Final = frozenset("i64 u64 i128 u128 int64 uint64 long ulong bigint biginteger".split())
_DOUBLE: Final = frozenset("f64 float64 double number".split())
_SINGLE: Final = frozenset("f32 float32 real single".split())
# Where `float` holds as much as a double.
_FLOAT_IS_DOUBLE: Final = ("py", "php", "rb", "sql")
_MODIFIER: Final = frozenset(
    """private public protected internal final static readonly const let var val pub mut required optional repeated
    column add alter modify""".split()
)
_WORD: Final = re.compile(r"[A-Za-z_$][\w$]*(?:(?:\.|::)[A-Za-z_]\w*)*")
_OF_MONEY: Final = frozenset(
    """amount balance price total subtotal cost fee tax vat credit debit charge payout refund money cents salary wage
    principal interest premium discount revenue""".split()
)


def _kept_shorter(hunk: Hunk) -> Iterator[Effect]:
    old, new = (_numbers(lines, hunk.path) for lines in (hunk.removed, hunk.added))
    for name in (name for name in old if name in new):
        before, after = old[name], new[name]
        money = bool(_OF_MONEY & word_set(name))
        sureness = 0.0
        if before in _DECIMAL - _WHOLE and after in _DOUBLE | _SINGLE:
            sureness = 0.95 if money or after in _SINGLE else 0.85
        elif before in _DOUBLE | _WHOLE and after in _SINGLE:
            sureness = 0.9 if money else 0.4  # of what is measured a single has digits enough
        elif before in _WHOLE and before.startswith("big") and after in _DOUBLE:
            sureness = 0.8 if money else 0.4
        if sureness:
            says = f"{name} is kept as {after}, which was {before}: with fewer digits"
            yield Effect("rounding_changed", says, hunk.path, (name, before, after), sureness=sureness)


def _numbers(lines: Iterable[Line], path: str) -> dict[str, str]:
    """Types of numbers by the names that lines declare, `x: Decimal`, `BigDecimal x`, `X decimal.Decimal`."""
    found: dict[str, str] = {}
    for line in lines:
        tokens = [] if computes_nothing(line.code) or "(" in line.code.split(":")[0] else _WORD.findall(line.code)
        for place, token in enumerate(tokens):
            kind = re.split(r"\.|::", token)[-1].lower()
            if kind == "float":
                kind = "double" if has_extension(path, *_FLOAT_IS_DOUBLE) else "single"
            if kind not in _DECIMAL | _WHOLE | _DOUBLE | _SINGLE:
                continue
            before = tokens[place - 1] if place else ""
            after = tokens[place + 1] if place + 1 < len(tokens) else ""
            name = before if before and before.lower() not in _MODIFIER else after
            if name:
                found.setdefault(name, kind)
            break
    return found


extract: Final = each_hunk({_kept_shorter: "code schema sql"})
