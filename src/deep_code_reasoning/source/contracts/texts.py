"""A value as a text in which something is not known yet: `HOLE` for what only the running program knows, and variables
of the environment (or keys of the configuration) between marks with their defaults, until `fill` puts in what a
deployment gives them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

HOLE: Final = "\0"
_OPEN, _DEFAULT, _CLOSE = "\1", "\2", "\3"
VARIABLE: Final = re.compile(f"{_OPEN}([^{_OPEN}{_DEFAULT}{_CLOSE}]*){_DEFAULT}([^{_OPEN}{_DEFAULT}{_CLOSE}]*){_CLOSE}")
_PLACEHOLDER: Final = re.compile(r"\$\{([\w.\-]+)(?::-?([^{}]*))?\}|#\{[^{}]*\}")
# Spring: `#{'${topics}'.split(',')}` is what is in it.
_INNER: Final = re.compile(r"#\{\s*'(\$\{[^{}]*\})'[^{}]*\}")
# Symfony: `%env(URL)%`, `%env(resolve:URL)%`.
_SYMFONY: Final = re.compile(r"%env\((?:\w+:)*(\w+)\)%")
_TOO_LONG: Final = 2_000


def variable(name: str, default: str = "") -> str:
    """A variable of the environment or key of the configuration, as a part of a value."""
    return f"{_OPEN}{name}{_DEFAULT}{default}{_CLOSE}"


def relaxed(name: str) -> str:
    """A name as all ways to write it are the same: `Services:Tax:Url`, `services.tax.url`, `SERVICES__TAX_URL`."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def fill(value: str, environment: Mapping[str, str]) -> str:
    """Put in what an environment (by `relaxed` names) gives the variables, else their defaults, else `HOLE`."""

    def given(found: re.Match[str]) -> str:
        name = relaxed(found[1])
        # `stock.url: ${STOCK_URL:http://stock}` names itself, for both are one name: its default is meant.
        told = VARIABLE.sub(lambda own: own[2] if relaxed(own[1]) == name else own[0], environment.get(name, ""))
        return told or found[2] or HOLE

    while True:
        filled = VARIABLE.sub(given, value)
        if filled == value or len(filled) > _TOO_LONG:
            return filled
        value = filled


def variables(value: str) -> list[str]:
    """The names of the variables in a value."""
    return re.findall(f"{_OPEN}([^{_OPEN}{_DEFAULT}{_CLOSE}]+){_DEFAULT}", value)


def placeholders(text: str) -> str:
    """`${name:default}` of Spring, shells and compose files as variables."""
    text = _SYMFONY.sub(r"${\1}", _INNER.sub(r"\1", text))
    return _PLACEHOLDER.sub(lambda found: variable(found[1], found[2] or "") if found[1] else HOLE, text)
