"""How much of what hosts and servers have is in use, made of what their exporters count: shares of a whole.

An exporter hands over counters and pairs: seconds that processors were idle, bytes that are left and bytes there are,
connections and their limit. Only together they say whether something is short. Names are those of node_exporter, the
collector's host receivers, and the exporters of PostgreSQL and MySQL.

Two kinds are told apart. A server (a processor, a disk's queue) makes others wait long before all of its time is taken
(Gregg, *The USE Method*); a stock (space, memory, a table of connections) hurts nobody until it is used up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from ...domain.instant import NS_PER_S
from ...store import CaseStore
from ..timeline.machines import prepare_machines
from ..vocabulary.metrics import Meaning
from .series import Series, increases

_CPU_TIMES: Final = ("node_cpu_seconds_total", "system.cpu.time", "system_cpu_time_seconds_total")
_MODE: Final = "firstNonDefault(attributes['mode'], attributes['cpu.mode'], attributes['state'])"
_BUSY_TIMES: Final = ("node_disk_io_time_seconds_total", "system.disk.io_time", "system_disk_io_time_seconds_total")
# What a program lacks while its machine does another's work.
STOLEN: Final = "steal"


@dataclass(frozen=True, slots=True)
class _Stock:
    """A resource with an end: the metric of what is used, or of what is left, and that of the whole."""

    kind: str
    part: str
    whole: str
    is_left: bool = False


_STOCKS: Final = (
    _Stock("disk", "node_filesystem_avail_bytes", "node_filesystem_size_bytes", is_left=True),
    _Stock("memory", "node_memory_MemAvailable_bytes", "node_memory_MemTotal_bytes", is_left=True),
    _Stock("files", "node_nf_conntrack_entries", "node_nf_conntrack_entries_limit"),
    _Stock("files", "node_filefd_allocated", "node_filefd_maximum"),
    _Stock("pool", "pg_stat_database_numbackends", "pg_settings_max_connections"),
    _Stock("pool", "mysql_global_status_threads_connected", "mysql_global_variables_max_connections"),
)
# Parts of a machine of which it has several; all others are added up.
_PLACE: Final = "firstNonDefault(attributes['mountpoint'], attributes['device'])"
# Read-only images and memory that goes by the name of a disk are full, or not, as they were made.
_NO_DISK: Final = ("tmpfs", "squashfs", "overlay", "iso9660", "ramfs", "devtmpfs")
COVERED: Final = frozenset((*_CPU_TIMES, *_BUSY_TIMES, *(name for s in _STOCKS for name in (s.part, s.whole))))
"""The metrics that say more together than alone."""


@dataclass(frozen=True, slots=True)
class Share:
    """The share in use of something that a host or server has, 0..1, over time.

    `series.service` is the machine's own name where nothing else runs on it, '' for a host that others share; `part`
    is what of the resource (`steal`), or ''; `is_stock`: it hurts nobody until it is used up.
    """

    host: str
    series: Series
    part: str
    is_stock: bool


def shares(store: CaseStore) -> list[Share]:
    """All that can be told of a case, by host, metric and place."""
    return store.once("shares", lambda: [*_cpu(store), *_busy(store), *_stocks(store)] if _any(store) else [])


def _any(store: CaseStore) -> bool:
    known = store.query("SELECT count() AS n FROM metrics WHERE name IN {names:Array(String)}", names=sorted(COVERED))
    return bool(known[0]["n"])


_Key = tuple[str, str, str, str]


def _points(
    store: CaseStore, names: tuple[str, ...], what: str, place: str = "''"
) -> dict[_Key, dict[str, dict[int, float]]]:
    """By service, host, metric and place: the sums by `what` (SQL) at each moment."""
    prepare_machines(store)
    rows = store.query(
        f"""
        SELECT toString(service) AS service, host, name, {place} AS place, {what} AS what, time_ns, sum(value) AS v
        FROM metrics
        WHERE name IN {{names:Array(String)}} AND host != '' AND isFinite(value) AND time_ns > 0
          AND instance = '' AND attributes['fstype'] NOT IN {{virtual:Array(String)}}
          AND (service = '' OR service = host OR (service, host) IN (SELECT machine, host FROM machines))
        GROUP BY service, host, name, place, what, time_ns ORDER BY service, host, name, place, what, time_ns
        """,
        names=list(names),
        virtual=list(_NO_DISK),
    )
    found: dict[_Key, dict[str, dict[int, float]]] = defaultdict(lambda: defaultdict(dict))
    for row in rows:
        found[row["service"], row["host"], row["name"], row["place"]][row["what"]][int(row["time_ns"])] = float(
            row["v"]
        )
    return found


def _increases(points: Mapping[int, float]) -> dict[int, float]:
    """What was added until each moment."""
    return dict(zip(tuple(points)[1:], increases(points.values()), strict=True))


def _cpu(store: CaseStore) -> Iterator[Share]:
    for key, modes in _points(store, _CPU_TIMES, _MODE).items():
        added = {mode: _increases(points) for mode, points in modes.items()}
        if "idle" not in added:
            continue
        whole = {at: sum(one.get(at, 0.0) for one in added.values()) for at in added["idle"]}
        waits = ("idle", "iowait", "wait", STOLEN)
        left = {at: sum(added.get(mode, {}).get(at, 0.0) for mode in waits) for at in whole}
        yield from _share(key, "cpu", {at: 1 - left[at] / all_s for at, all_s in whole.items() if all_s > 0})
        stolen = {at: added[STOLEN].get(at, 0.0) / s for at, s in whole.items() if s > 0} if STOLEN in added else {}
        yield from _share(key, "cpu", stolen, STOLEN)


def _busy(store: CaseStore) -> Iterator[Share]:
    for key, counted in _points(store, _BUSY_TIMES, "''", _PLACE).items():
        points = counted[""]
        pauses = {b: (b - a) / NS_PER_S for a, b in pairwise(points)}
        yield from _share(key, "disk", {at: min(1.0, s / pauses[at]) for at, s in _increases(points).items()})


def _stocks(store: CaseStore) -> Iterator[Share]:
    names = tuple(name for stock in _STOCKS for name in (stock.part, stock.whole))
    found = _points(store, names, "''", _PLACE)
    for stock in _STOCKS:
        for (service, host, name, place), points in found.items():
            if name != stock.part:
                continue
            whole = found.get((service, host, stock.whole, place), {}).get("", {})
            used = {at: v / whole[at] for at, v in points[""].items() if whole.get(at, 0.0) > 0}
            if stock.is_left:
                used = {at: 1 - share for at, share in used.items()}
            yield from _share((service, host, name, place), stock.kind, used, is_stock=True)


def _share(
    key: _Key, kind: str, points: Mapping[int, float], part: str = "", is_stock: bool = False
) -> Iterator[Share]:
    service, host, name, _ = key
    if points:
        about = Meaning(kind, ratio=True, percent=False, limit=False, counter=False, shared=False)
        times, values = tuple(points), tuple(min(1.0, max(0.0, value)) for value in points.values())
        yield Share(host, Series(service, "", name, "1", about, times, values), part, is_stock)
