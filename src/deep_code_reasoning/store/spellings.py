"""One service under one name, however its sources spell it.

Zipkin's exporters write names of services in small letters, metrics exporters turn hyphens into underscores, and logs
keep what the program is called. Names that have the same letters and digits are one service's, which goes by the
spelling that keeps most: the capitals and separators that others lost.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from .schema import Table


def spellings_of(services: Iterable[str]) -> Mapping[str, str]:
    """Find the spellings that are not the one to use, each with that one.

    Args:
        services: names as the sources spell them; of spellings that keep as much as each other the first is used.
    """
    alike: dict[str, list[str]] = defaultdict(list)
    for service in dict.fromkeys(services):
        alike["".join(filter(str.isalnum, service)).lower()].append(service)
    chosen = {}
    for letters, names in alike.items():
        if letters:
            best = max(names, key=_kept)
            chosen.update({name: best for name in names if name != best})
    return chosen


def read_as_one(spellings: Mapping[str, str]) -> tuple[str, ...]:
    """In words, which names are read as one service's; nothing where every service has one spelling."""
    others: dict[str, list[str]] = defaultdict(list)
    for spelling, name in sorted(spellings.items()):
        others[name].append(spelling)
    return tuple(f"{', '.join(names)} and {name} are read as one service" for name, names in sorted(others.items()))


def respelled(table: Table, scan: str) -> str:
    """A scan of a table with one name a service (by the table `service_spellings`), where it has services."""
    if not table.has("service"):
        return scan
    name = "CAST(if(s.name != '', s.name, toString(t.service)), 'LowCardinality(String)')"
    return (
        f"SELECT t.* REPLACE ({name} AS service) FROM ({scan}) AS t "
        "LEFT ANY JOIN service_spellings AS s ON toString(t.service) = s.spelling"
    )


def _kept(name: str) -> int:
    return sum(character.isupper() or not character.isalnum() for character in name)
