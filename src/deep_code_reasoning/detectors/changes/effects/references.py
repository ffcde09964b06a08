"""What a setting says that refers to another one, where the same patch shows that other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from ..code import lines_around
from ..diff import Patch

# As Helm's templates, Terraform and Spring's placeholders refer to a value by its path.
_REFERENCE: Final = re.compile(
    r"(?:\{\{-?\s*\.?(?:Values\.)?|\$\{(?:var\.|local\.)?|\b(?:var|local)\.)([\w\-]+(?:\.[\w\-]+)*)"
    r"(?:\s*\|\s*\w+)*\s*-?\}{0,2}"
)
_KEY: Final = re.compile(r"""^-?\s*["']?([\w\-]+)["']?\s*(?:[:={]|$)""")
_VALUE: Final = re.compile(r"""^-?\s*["']?[\w\-]+["']?\s*[:=]\s*["']?([^"'\s{][^"']*?)["']?,?$""")


def values_of(patch: Patch) -> Mapping[str, str]:
    """What a patch's configuration sets since, by the path of keys (`assets.replica.region`)."""
    return dict(_set(patch))


def _set(patch: Patch) -> Iterator[tuple[str, str]]:
    for hunk in patch.running:
        if hunk.kind != "config":
            continue
        for index, line in enumerate(hunk.after):
            value = _VALUE.match(line.code)
            if value and not _REFERENCE.search(value[1]):
                around = sorted(lines_around(hunk.after, index), key=lambda other: other.indent)
                keys = [match[1] for other in (*around, line) if (match := _KEY.match(other.code))]
                yield ".".join(keys), value[1]


def resolved(value: str, known: Mapping[str, str]) -> str:
    """A value; where it is nothing but a reference to one that is known, that one."""
    match = _REFERENCE.fullmatch(value.strip())
    return known.get(match[1], value) if match else value
