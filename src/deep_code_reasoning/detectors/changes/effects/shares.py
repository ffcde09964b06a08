"""Requests sent another way: what a flag is by default, whom its rules let in, the shares and weights of ways.

Files of flags, of gateways and of meshes say of each way by its name who takes it. One is known by its name, and not
by the line that it stands on: such files are sorted, and their rules look alike.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from ...vocabulary.words import words
from ..code import lines_around
from ..diff import Hunk, Line, Patch
from ..effect import Effect

# What files, headings and blocks are called that say who takes which way.
_OF_WAYS: Final = frozenset(
    """flag flags feature features toggle toggles rollout rollouts canary experiment experiments variation variations
    targeting split splits traffic weight weights segment segments cohort unleash launchdarkly flagd growthbook flipt
    fallthrough""".split()
)
# What says how many take a way.
_SAYS: Final = frozenset(
    """default enabled enable state on active serve value variation fallthrough percent percentage rollout weight share
    ratio fraction traffic canary treatment offvariation defaultvariant""".split()
)
# Blocks of a way that have no names of their own.
_RULES: Final = frozenset("rules strategies strategy parameters targeting conditions environments production".split())
_PAIR: Final = re.compile(
    r"""^-?\s*["']?([\w.\-/]+)["']?\s*(?::|=>|=)\s*["']?(true|false|on|off|\d+(?:\.\d+)?)\s*%?["']?,?$""", re.I
)
_OPENS: Final = re.compile(r"""^-?\s*["']?([\w.\-/]+)["']?\s*(?::|=>|=)?\s*[\[{]?$""")
_ON: Final = {"true": 1.0, "on": 1.0, "false": 0.0, "off": 0.0}
# A share of as much as this more or less is a step of a rollout that a system has room for.
_STEP: Final = 1.5


def extract(patch: Patch) -> list[Effect]:
    """Ways that more take than before, or fewer, the one that changes most first."""
    found: list[Effect] = []
    for hunk in patch.running:
        if hunk.kind in ("config", "code"):
            before, after = _ways(hunk, hunk.before), _ways(hunk, hunk.after)
            for name in sorted(before.keys() & after.keys()):
                old, new = before[name], after[name]
                if old != new and (not old or not new or not 1 / _STEP < new / old < _STEP):
                    what = "more" if new > old else "fewer"
                    says = f"{what} take the way of {'.'.join(name)}: {old:g} becomes {new:g}"
                    found.append(Effect("way_shifted", says, hunk.path, (name[0], ".".join(name)), sureness=0.9))
    return found


def _ways(hunk: Hunk, side: Sequence[Line]) -> Mapping[tuple[str, ...], float]:
    """How many take a way, by the name of the way and what says so; those that are told twice left out."""
    found: dict[tuple[str, ...], float] = {}
    twice = set()
    for index, line in enumerate(side):
        pair = _PAIR.match(line.code)
        if pair is None or not _SAYS & {"".join(words(pair[1])), *words(pair[1])}:
            continue
        opened = [match[1] for one in lines_around(side, index) if (match := _OPENS.match(one.code))]
        if not opened or not _OF_WAYS.intersection(words(" ".join((hunk.path, hunk.heading, *opened, pair[1])))):
            continue
        depth = next((n for n, one in enumerate(opened) if one.lower() not in _SAYS | _RULES), 0)
        name = (*opened[: depth + 1][::-1], pair[1])
        twice |= {name} & found.keys()
        share = _ON.get(pair[2].lower())
        found[name] = float(pair[2]) if share is None else share
    return {name: share for name, share in found.items() if name not in twice}
