"""What is wrong, from what the system says of itself: error texts and metrics as symptoms of a known kind."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from ...domain.citation import Citation
from ..vocabulary.lexicon import WEIGHTS, kinds_of_text
from ..vocabulary.metrics import kind_of_shift
from ..vocabulary.quantities import SIZE_BYTES, TIME_MS
from ..vocabulary.words import COMMON, identifiers, telling_words


@dataclass(frozen=True, slots=True)
class Text:
    """Something a service said that it did not say before, or says much more often: a log template, a span's error."""

    service: str
    text: str
    level: str = "error"
    count: int = 1
    first_ns: int = 0
    citations: tuple[Citation, ...] = ()

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of trouble that it speaks of: an error in words that are not known is a complaint all the same."""
        return kinds_of_text(self.text) or (("complaint",) if self.level in ("error", "fatal") else ())


@dataclass(frozen=True, slots=True)
class Shift:
    """A metric that left its calm range. `ramp_ns` is when it began to climb, for one that climbs and does not jump."""

    service: str
    name: str
    before: float
    after: float
    first_ns: int = 0
    ramp_ns: int | None = None
    citations: tuple[Citation, ...] = ()

    @property
    def rises(self) -> bool:
        """Whether it went up."""
        return self.after > self.before

    @property
    def kind(self) -> str:
        """The kind of trouble that it speaks of; '' when it speaks of none."""
        return kind_of_shift(self.name, self.rises, self.ramp_ns is not None)


@dataclass(frozen=True)
class Symptom:
    """One kind of trouble at one service.

    `weight` (0..1) is how specific the kind is: an undefined column says far more than "error ratio up".
    `texts` are the words in which it was said, `said` whether any of them is a message (and not a metric's name);
    `levels` what its metrics went from and to; `ramp_ns` when one of them began to climb.
    """

    kind: str
    service: str
    weight: float
    texts: tuple[str, ...]
    first_ns: int = 0
    said: bool = True
    ramp_ns: int | None = None
    levels: tuple[tuple[float, float], ...] = ()
    citations: tuple[Citation, ...] = field(default=(), compare=False)

    @cached_property
    def names(self) -> frozenset[str]:
        """Names quoted in its texts, in lower case, whole."""
        return frozenset(name.lower() for text in self.texts for name in _quoted_names(text))

    @cached_property
    def words(self) -> frozenset[str]:
        """Telling words of its texts."""
        return telling_words(self.texts)

    @cached_property
    def numbers(self) -> tuple[tuple[float, str], ...]:
        """Quantities in its texts: (value, dimension)."""
        return tuple(quantity for text in self.texts for quantity in quantities_in(text))


def symptoms_of(texts: Iterable[Text], shifts: Iterable[Shift]) -> tuple[Symptom, ...]:
    """Join texts and metric shifts into symptoms, one a kind and service, the most specific first."""
    gathered: dict[tuple[str, str], list[Text | Shift]] = {}
    for text in texts:
        for kind in text.kinds:
            gathered.setdefault((kind, text.service), []).append(text)
    for shift in shifts:
        if kind := shift.kind:
            gathered.setdefault((kind, shift.service), []).append(shift)
    found = [_symptom(kind, service, parts) for (kind, service), parts in gathered.items()]
    return tuple(sorted(found, key=lambda s: (-s.weight, s.first_ns, s.service, s.kind)))


def without_more_requests(found: Sequence[Shift]) -> list[Shift]:
    """Metrics that moved, but for queries and calls that became no more than the requests that they are made for."""
    more: dict[str, float] = {}
    for shift in found:
        if shift.kind == "traffic_up" and shift.before > 0:
            more[shift.service] = max(more.get(shift.service, 1.0), shift.after / shift.before)
    return [
        shift
        for shift in found
        if shift.kind != "fanout" or shift.after > MORE_EACH * more.get(shift.service, 0.0) * shift.before
    ]


MORE_EACH: Final = 1.5
"""Queries and calls that grow by so much more than the requests are more for each."""


def _symptom(kind: str, service: str, parts: list[Text | Shift]) -> Symptom:
    texts = tuple(part.text if isinstance(part, Text) else part.name for part in parts)
    ramps = [part.ramp_ns for part in parts if isinstance(part, Shift) and part.ramp_ns is not None]
    weight = WEIGHTS.get(kind, 1.0)
    said = any(isinstance(part, Text) for part in parts)
    if not said:
        weight *= 0.9  # a metric's name alone says less than a message does
    # Messages are dated to the moment; metrics to the interval in which they are scraped.
    dated = [part for part in parts if part.first_ns and (isinstance(part, Text) or not said)]
    return Symptom(
        kind,
        service,
        weight,
        texts,
        min((part.first_ns for part in dated), default=0),
        said,
        min(ramps, default=None),
        tuple((part.before, part.after) for part in parts if isinstance(part, Shift)),
        tuple(citation for part in parts for citation in part.citations)[:6],
    )


_QUANTITY: Final = re.compile(
    r"(?<![\w.\-:/])(\d+(?:\.\d+)?)\s?(ms|s|sec|seconds?|m|min|minutes?|us|µs|[KMG]i?B?|bytes|B)?\b(?![.:\-]\d)"
)


def quantities_in(text: str) -> list[tuple[float, str]]:
    """Numbers of a text with their dimension (`ms`, `bytes` or '')."""
    found = []
    for match in _QUANTITY.finditer(text):
        value, unit = float(match[1]), (match[2] or "").lower()
        if unit in TIME_MS or unit.rstrip("s") in TIME_MS:
            found.append((value * TIME_MS.get(unit, TIME_MS.get(unit.rstrip("s"), 1.0)), "ms"))
        elif unit in SIZE_BYTES:
            found.append((value * SIZE_BYTES[unit], "bytes"))
        else:
            found.append((value, ""))
    return found


_DIGITS: Final = re.compile(r"^\d+$")


def _quoted_names(text: str) -> list[str]:
    """Names in a text that may be looked for in code: identifiers of at least four letters that are no common word.

    Plain lower-case words count when the text quotes them; otherwise a name has to look like one (`snake_case`,
    `camelCase`, `a.dotted.name`, `UPPER`).
    """
    names = []
    for name in identifiers(text):
        for part in {name, *re.split(r"[./]", name)}:
            looks = (
                "_" in part or "-" in part or "." in part or re.search(r"[a-z][A-Z]|^[A-Z]{3,}$|\d", part) is not None
            )
            if len(part) >= 4 and looks and part.lower() not in COMMON:
                names.append(part)
    for match in re.finditer(r"""["'`]([\w.\-/$]{2,80})["'`]""", text):
        if match[1].lower() not in COMMON and not _DIGITS.match(match[1]):
            names.append(match[1])
    return names
