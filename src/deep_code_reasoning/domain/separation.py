"""What sets bad requests apart: values of attributes, and pairs of them, ranked by how well they separate.

As Honeycomb's BubbleUp, each value's share among the bad requests is held against its share among the others; pairs
are tried as RiskLoc (Kalander, 2022) tries combinations: a pair is told only where it separates better than its parts.
Requests are numbered from 0, and a set of them is an integer with their bits set.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Final

Requests = int
"""A set of requests: bit n stands for request n."""

# A pair must separate better than either part by this much, or it only repeats it.
_GAIN: Final = 0.1
# Pairs are made of the values that separate best: of two that separate nothing none ever did.
_PAIRED: Final = 16
_MIN_PART: Final = 0.1


@dataclass(frozen=True, slots=True, order=True)
class Facet:
    """One value of an attribute, or one threshold of a number (`key` and `> 12`)."""

    key: str
    value: str

    def __str__(self) -> str:
        return f"{self.key} {self.value}" if self.value.startswith("> ") else f"{self.key}={self.value}"


@dataclass(frozen=True, slots=True)
class Trait:
    """What some requests share: one facet, or two together.

    Attributes:
        facets: what they share.
        bad: how many requests with it are bad, of `total`.
        other_bad: how many are bad among those that have the same attributes with other values, of `other_total`.
        covered: the share of all bad requests that have it.
        separation: 0 (tells nothing) to 1 (all bad requests have it, and no other): the smaller of the correlations
            (phi) among all requests, and among those that have the attribute at all. An attribute that only the
            failing operation has separates nothing by that.
    """

    facets: tuple[Facet, ...]
    bad: int
    total: int
    other_bad: int
    other_total: int
    covered: float
    separation: float

    @property
    def rate(self) -> float:
        """The share of bad requests among those with it."""
        return self.bad / self.total

    @property
    def other_rate(self) -> float:
        """The share of bad requests among the others that have the attributes."""
        return self.other_bad / self.other_total if self.other_total else 0.0


def requests(numbers: Iterable[int]) -> Requests:
    """The set of these requests."""
    found = 0
    for number in numbers:
        found |= 1 << number
    return found


def members(found: Requests) -> list[int]:
    """The numbers of the requests of a set."""
    return [number for number, bit in enumerate(reversed(f"{found:b}")) if bit == "1"]


def threshold(key: str, values: Mapping[int, float], bad: Requests, of: Requests) -> tuple[Facet, Requests] | None:
    """The limit of a number above which requests are bad: the one that separates best, and those above it."""
    looked = sorted(((value, number) for number, value in values.items() if of >> number & 1), reverse=True)
    all_bad, hits = sum(bad >> number & 1 for _, number in looked), 0
    best = (0.0, 0)
    for place, (value, number) in enumerate(looked[:-1], start=1):
        hits += bad >> number & 1
        if looked[place][0] < value:
            best = max(best, (_phi(hits, place, all_bad, len(looked)), place))
    if not best[1]:
        return None
    limit = looked[best[1]][0]
    return Facet(key, f"> {limit:g}"), requests(number for number, value in values.items() if value > limit)


def separate(
    bad: Requests, of: Requests, facets: Mapping[Facet, Requests], known: Mapping[str, Requests], min_bad: int
) -> list[Trait]:
    """Facets, and pairs of them, that set the bad requests apart from the others; the best first.

    Args:
        bad: the bad requests among `of`.
        of: the requests that are looked at.
        facets: the requests that have each value.
        known: by key, the requests that have the attribute with any value.
        min_bad: so many bad requests have it at least.
    """
    single = {}
    for facet, having in sorted(facets.items()):
        trait = _trait((facet,), having, bad, of, known[facet.key])
        if trait.bad >= min_bad and trait.separation > 0:
            single[facet] = trait
    found = list(single.values())
    best = sorted(single, key=lambda facet: (-single[facet].separation, facet))[:_PAIRED]
    for a, b in combinations(sorted(best), 2):
        if a.key == b.key or min(single[a].separation, single[b].separation) < _MIN_PART:
            continue
        pair = _trait((a, b), facets[a] & facets[b], bad, of, known[a.key] & known[b.key])
        if pair.bad >= min_bad and pair.separation >= _GAIN + max(single[a].separation, single[b].separation):
            found.append(pair)
    return sorted(found, key=lambda trait: (-trait.separation, trait.facets))


def _trait(facets: tuple[Facet, ...], having: Requests, bad: Requests, of: Requests, known: Requests) -> Trait:
    having, known = having & of, known & of
    n, hits, all_bad = having.bit_count(), (having & bad).bit_count(), bad.bit_count()
    known_n, known_bad = known.bit_count(), (known & bad).bit_count()
    return Trait(
        facets=facets,
        bad=hits,
        total=n,
        other_bad=known_bad - hits,
        other_total=known_n - n,
        covered=hits / all_bad if all_bad else 0.0,
        separation=min(_phi(hits, n, all_bad, of.bit_count()), _phi(hits, n, known_bad, known_n)),
    )


def _phi(both: int, having: int, bad: int, of: int) -> float:
    """The correlation of two yes-or-no properties of `of` things."""
    spread = having * (of - having) * bad * (of - bad)
    return (both * of - having * bad) / math.sqrt(spread) if spread else 0.0
