"""Versions of what a service is built of: libraries, base images, runtimes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from ..diff import Hunk, Patch
from ..effect import Effect

_VERSION: Final = r"[\^~>=<! ]*v?(\d+)(?:\.(\d+))?(?:\.(\d+))?([\w.\-+]*)"
_FORMS: Final = (
    re.compile(r"""^(?:require\s+)?([\w.\-]+(?:/[\w.\-]+)+)\s+""" + _VERSION + r"(?:\s*//.*)?$"),  # go.mod
    re.compile(r"""["']([@\w./\-]+)["']\s*:\s*["']""" + _VERSION + r"""["']"""),  # package.json, composer.json
    re.compile(r"""^([\w.\-]+)(?:\[[\w,]+\])?\s*(?:==|>=|~=|<=)""" + _VERSION + "$"),  # requirements
    re.compile(
        r"""^["']?([\w.\-]+)["']?\s*=\s*(?:\{\s*version\s*=\s*)?["']""" + _VERSION + r"""["']"""
    ),  # Cargo, pyproject
    re.compile(r"""^["']?([\w.\-]+)(?:\[[\w,]+\])?\s*(?:==|>=|~=)""" + _VERSION + r"""["'],?$"""),
    re.compile(r"""gem\s+["']([\w\-]+)["']\s*,\s*["']""" + _VERSION + r"""["']"""),
    re.compile(r"""^([\w.\-]+)\s+\(""" + _VERSION + r"\)$"),  # Gemfile.lock
    re.compile(r"""["']([\w.\-]+:[\w.\-]+):""" + _VERSION + r"""["']"""),  # Gradle
    re.compile(r"""<(version|[\w.\-]+\.version)>""" + _VERSION + "<"),  # Maven
    re.compile(r"""PackageReference Include="([\w.]+)" Version=\"""" + _VERSION),
    re.compile(r"""(?:FROM|image:)\s+["']?([\w./\-]+):""" + _VERSION + r"""["']?"""),
    re.compile(
        r"""(?:^|\s)(go|tag|appVersion|version|node|python|runtime|engine_version)["']?\s*[:=]?\s*["']?"""
        + _VERSION
        + r"""["']?,?$"""
    ),
)
# Settings are numbers, too: of those only what is called so is a version, or what has its dot.
_OF_VERSIONS: Final = re.compile(r"(?i)version|image|runtime|^tag$|[/:]|^(?:go|node|python)$")


@dataclass(frozen=True, slots=True)
class _Version:
    numbers: tuple[int, int, int]
    rest: str

    def __str__(self) -> str:
        return ".".join(map(str, self.numbers)) + self.rest


def extract(patch: Patch) -> list[Effect]:
    """Dependencies that went up or down a major, minor or patch version, or away."""
    found: list[Effect] = []
    for hunk in patch.hunks:
        if hunk.kind in ("manifest", "lock", "image", "config"):
            found += _versions(hunk)
    return found


def _read(codes: Iterable[str], kind: str) -> dict[str, _Version]:
    found: dict[str, _Version] = {}
    for code in codes:
        for form in _FORMS:
            match = form.search(code.strip().rstrip(","))
            if match:
                if kind == "config" and not match[3] and not _OF_VERSIONS.search(match[1]):
                    continue  # a number among settings
                numbers = tuple(int(part or 0) for part in match.groups()[1:4])
                found[match[1]] = _Version((numbers[0], numbers[1], numbers[2]), match[5] or "")
                break
    return found


def _versions(hunk: Hunk) -> Iterator[Effect]:
    old, new = (_read((line.code for line in lines), hunk.kind) for lines in (hunk.removed, hunk.added))
    for name, before in old.items():
        after = new.get(name)
        if after is None:
            if hunk.kind == "manifest" and "version" not in name:
                yield Effect(
                    "dependency_removed", f"{name} is no longer required", hunk.path, _aliases(name), sureness=0.8
                )
            continue
        if before == after:
            continue
        step = _step(before, after)
        yield Effect(f"dependency_{step}", f"{name} {before} -> {after}", hunk.path, _aliases(name), sureness=0.9)


def _step(before: _Version, after: _Version) -> str:
    if after.numbers < before.numbers:
        return "downgraded"
    if after.numbers[0] != before.numbers[0]:
        return "major"
    # Below 1.0 a minor version may break (semantic versioning, item 4), but seldom does.
    if after.numbers[1] != before.numbers[1]:
        return "minor"
    return "patch"


def _aliases(name: str) -> tuple[str, ...]:
    parts = [
        part for part in re.split(r"[/:@]", name) if part and not re.fullmatch(r"v\d+|github\.com|golang\.org|x", part)
    ]
    return tuple(dict.fromkeys((name, *parts[-2:])))
