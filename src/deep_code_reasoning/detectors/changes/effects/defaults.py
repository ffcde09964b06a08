"""Numbers that stand where a setting is asked for: defaults of environment variables, and of Terraform's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from ..code import lines_around
from ..diff import Line

# `Integer(ENV.fetch("X", 12))`, `int(os.getenv("X", "12"))`, `Number(process.env.X ?? 12)`, `env('X', 12)`, `${X:-12}`.
_ASKED: Final = re.compile(
    r"""(?:\b(?:Integer|int|parseInt|Number|intval|float|Convert\.ToInt32)\s*\(\s*)?"""
    r"""(?:\b(?:ENV\.fetch|os\.environ\.get|os\.getenv|getenv|get_?env\w*|env|envInt|getEnvInt|getOrDefault)\(\s*["']\w+["']\s*,\s*["']?(\d+)["']?\s*\)"""
    r"""|\bprocess\.env\.\w+\s*(?:\|\||\?\?)\s*["']?(\d+)["']?|\bENV\[["']\w+["']\]\s*\|\|\s*["']?(\d+)["']?|\$\{\w+:-?(\d+)\})(?:\.to_i)?(\s*\))?"""
)
_DEFAULT: Final = re.compile(r"^default\s*[:=]\s*(\d+)$")
_VARIABLE: Final = re.compile(r'^variable\s+"(\w+)"')


def with_defaults(code: str) -> str:
    """A line with the default in the place of a variable of the environment that is asked for."""
    return _ASKED.sub(lambda match: next(filter(None, match.groups()), match[0]), code)


def variable_default(lines: Sequence[Line], place: int) -> tuple[str, str] | None:
    """Which variable of Terraform a line gives a default to, and which; None when it gives none."""
    default = _DEFAULT.match(lines[place].code)
    around = next(lines_around(lines, place), None) if default else None
    variable = _VARIABLE.match(around.code) if around else None
    return (variable[1], default[1]) if default and variable else None
