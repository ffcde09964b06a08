"""Holders of heap dumps, followed from one dump of an instance to the next."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from ...domain.citation import Citation, heap_citation
from ...domain.finding import Fact
from ...store import CaseStore, Row

# Of the last heap. Dumps of a process under other load differ by a few per cent;
_MIN_GROWTH: Final = 0.05
# and a pile has grown by a third at least: caches breathe by less.
_MIN_RATIO: Final = 1.33
_BOUNDARY: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[^A-Za-z]+")


@dataclass(frozen=True)
class Pile:
    """A holder in the last dump of an instance, and the same one (by the way to it) in the dumps before.

    Attributes:
        row: the last dump's row of `heap_holders`.
        retained: bytes retained in each dump of the instance, in order of time; 0 where it was none of note.
        dumps: how many dumps of the instance there are.
        before: the citation of it in the first dump that has it, None when only the last has.
    """

    row: Row
    retained: tuple[float, ...]
    before: Citation | None

    @property
    def service(self) -> str:
        """Whose heap it is in."""
        return str(self.row["service"])

    @property
    def share(self) -> float:
        """Of the heap that it keeps alive, 0 to 1."""
        return float(self.row["retained_bytes"]) / max(1.0, float(self.row["heap_bytes"]))

    @property
    def growth(self) -> float:
        """How much of the last heap it has grown by since the first dump, 0 to 1; 0 when it ever shrank."""
        if len(self.retained) < 2 or any(b < a for a, b in zip(self.retained, self.retained[1:], strict=False)):
            return 0.0
        return (self.retained[-1] - self.retained[0]) / max(1.0, float(self.row["heap_bytes"]))

    @property
    def is_growing(self) -> bool:
        """Whether it has grown from dump to dump by so much that it is no breathing."""
        return self.growth >= _MIN_GROWTH and self.retained[-1] >= _MIN_RATIO * self.retained[0]

    @property
    def place(self) -> str:
        """The field that holds it, as programmers would say it: the last step of the way that is no library's."""
        steps = [str(step) for step in self.row["path"]]
        own = [step for step in steps if "." in step and not _is_of_library(step)]
        return _without_package(own[-1] if own else steps[-1])

    @property
    def contents(self) -> str:
        """What it holds most of, the application's own class if there is one: `20000 Delivery`."""
        counted = list(zip(self.row["content_classes"], self.row["content_counts"], strict=True))
        own = [pair for pair in counted if not _is_of_library(str(pair[0]))]
        name, count = (own or counted or [("objects", self.row["objects"])])[0]
        return f"{int(count)} {_without_package(str(name))}"

    @cached_property
    def words(self) -> frozenset[str]:
        """The words of which its way, its contents and the texts in fields there are made."""
        texts = [
            *self.row["path"],
            *self.row["content_classes"],
            *self.row["attributes"],
            *self.row["attributes"].values(),
        ]
        return frozenset(word.lower() for text in texts for word in _BOUNDARY.split(str(text)) if word)

    @property
    def facts(self) -> dict[str, Fact]:
        """What is known of it, for a finding's facts."""
        return {
            "place": self.place,
            "path": " > ".join(str(step) for step in self.row["path"]),
            "retained_bytes": int(self.retained[-1]),
            "retained_bytes_before": int(self.retained[0]) if len(self.retained) > 1 else None,
            "share": round(self.share, 4),
            "objects": int(self.row["objects"]),
            "contents": self.contents,
        }

    @property
    def citations(self) -> tuple[Citation, ...]:
        """The holder in the last dump, and in the first that has it."""
        last = heap_citation(str(self.row["dump"]), str(self.row["node"]))
        return (last, self.before) if self.before is not None else (last,)


# Packages of run times and containers: a way leads through them, but they are nobody's leak.
_LIBRARY: Final = re.compile(
    r"^(?:class )?(?:java|javax|jdk|sun|kotlin|scala|com\.sun)\.|^\(|^system /|^(?:byte|char|int|long)\["
    r"|^(?:Map|Set|Array|Object|Window|global)(?:\.|$)"
)


_PACKAGE: Final = re.compile(r"^(?:class )?(?:[a-z_][\w$]*\.)+(?=[A-Z])")


def _without_package(name: str) -> str:
    return _PACKAGE.sub("", name)


def _is_of_library(name: str) -> bool:
    return _LIBRARY.match(name) is not None


def piles(store: CaseStore) -> tuple[Pile, ...]:
    """Every holder of the last dump of each instance, the largest share first."""
    return store.once("piles", lambda: _followed(store))


def _followed(store: CaseStore) -> tuple[Pile, ...]:
    taken = store.query(
        "SELECT service, instance, dump, min(time_ns) AS time_ns FROM heap_classes "
        "GROUP BY service, instance, dump ORDER BY service, instance, time_ns, dump"
    )
    rows = store.query("SELECT * FROM heap_holders ORDER BY dump, line")
    by_dump: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_dump[str(row["dump"])].append(row)
    dumps: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in taken:
        dumps[str(row["service"]), str(row["instance"])].append(str(row["dump"]))
    found = [pile for names in dumps.values() for pile in _of_instance([by_dump[name] for name in names])]
    return tuple(sorted(found, key=lambda pile: (-pile.share, pile.service, pile.citations)))


def _of_instance(dumps: Sequence[Sequence[Row]]) -> Iterable[Pile]:
    earlier = [{_way(row): row for row in reversed(rows)} for rows in dumps[:-1]]
    seen: set[tuple[str, ...]] = set()
    for row in dumps[-1]:
        # Several holders at the end of like ways cannot be told apart: the largest is followed.
        if _way(row) in seen:
            continue
        seen.add(_way(row))
        known = [rows.get(_way(row)) for rows in earlier]
        first = next((each for each in known if each is not None), None)
        yield Pile(
            row,
            (*(float(each["retained_bytes"]) if each else 0.0 for each in known), float(row["retained_bytes"])),
            heap_citation(str(first["dump"]), str(first["node"])) if first else None,
        )


def _way(row: Row) -> tuple[str, ...]:
    # Places among a run time's own roots are numbers that differ from dump to dump.
    return tuple(str(step) for step in row["path"] if not str(step).startswith("("))
