"""Numbers that stand behind names: constants, defaults of environment variables, and of Terraform's."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from ...vocabulary.quantities import Setting, settings
from ..code import lines_around
from ..diff import Line, Patch

# `Integer(ENV.fetch("X", 12))`, `int(os.getenv("X", "12"))`, `Number(process.env.X ?? 12)`, `env('X', 12)`, `${X:-12}`.
_ASKED: Final = re.compile(
    r"""(?:\b(?:Integer|int|parseInt|Number|intval|float|Convert\.ToInt32)\s*\(\s*)?"""
    r"""(?:\b(?:ENV\.fetch|os\.environ\.get|os\.getenv|getenv|get_?env\w*|env|envInt|getEnvInt|getOrDefault)\(\s*["']\w+["']\s*,\s*["']?(\d+)["']?\s*\)"""
    r"""|\bprocess\.env\.\w+\s*(?:\|\||\?\?)\s*["']?(\d+)["']?|\bENV\[["']\w+["']\]\s*\|\|\s*["']?(\d+)["']?|\$\{\w+:-?(\d+)\})(?:\.to_i)?(\s*\))?"""
)
_GIVES: Final = re.compile(r"(?:[\w@]+\s+)*?(\w{4,})\s*(?::\s*[A-Za-z]\w*\s*=|[:=])\s*(.+)$")
_DEFAULT: Final = re.compile(r"^default\s*[:=]\s*(\d+)$")
_VARIABLE: Final = re.compile(r'^variable\s+"(\w+)"')


_BY_NAME: Final = re.compile(
    r"""\b(?:ENV\.fetch|os\.environ\.get|os\.getenv|getenv|get_?env\w*|env|envInt|getEnvInt)\(\s*["'](\w+)["']\s*,\s*["']?(\d+)\b"""
    r"""|\bprocess\.env\.(\w+)\s*(?:\|\||\?\?)\s*["']?(\d+)\b|\$\{([\w.-]+):-?(\d+)\}"""
)


def asked_with_default(code: str) -> list[tuple[str, str]]:
    """Variables that a line asks for, each with the number that stands in for it where nobody sets it."""
    return [(name, number) for m in _BY_NAME.finditer(code) for name, number in [tuple(filter(None, m.groups()))]]


def named_numbers(patch: Patch) -> Mapping[str, str]:
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


def with_numbers(code: str, named: Mapping[str, str]) -> str:
    """A line with numbers in the place of the names that stand for them, and of variables that are asked for."""
    code = _ASKED.sub(lambda match: next(filter(None, match.groups()), match[0]), code)
    for name in sorted(named.keys() & set(re.findall(r"\w+", code))) if named else ():
        code = re.sub(rf"(?:\b[\w$]+\.)*\b{name}\b(?!\s*[:=(])", named[name], code)
    return code


def _written(number: Setting) -> str:
    """A quantity as a literal with its unit, so that it is read as the same wherever it stands."""
    unit = {"ms": "ms", "bytes": "b"}.get(number.dimension, "")
    return f"{number.value:.17g}{unit}"


def variable_default(lines: Sequence[Line], place: int) -> tuple[str, str] | None:
    """Which variable of Terraform a line gives a default to, and which; None when it gives none."""
    default = _DEFAULT.match(lines[place].code)
    around = next(lines_around(lines, place), None) if default else None
    variable = _VARIABLE.match(around.code) if around else None
    return (variable[1], default[1]) if default and variable else None
