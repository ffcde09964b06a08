"""What a service prints of its settings when it starts: the diff of a commit that has none, as far as it goes.

Clients of brokers and databases, frameworks and many services print the settings that they run with, once a start
(Kafka's `ConsumerConfig values:`, a data source's URL, `listening workers=8`). Where a deploy brought one commit whose
diff nobody has, and the first such line after it differs from the last one before, that commit changed those settings,
unless another of the same deploy says that it did.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from ...domain.instant import NS_PER_S
from ...store import CaseStore
from .trial import Change
from .undiffed import is_idle

# Processes print as they start, which is before a deploy is ready, or as instances follow after it.
_EARLIER_NS: Final = 120 * NS_PER_S
_LATER_NS: Final = 300 * NS_PER_S
# What is printed once a start is seldom printed; what is said of requests is said often.
_MOST_STARTS: Final = 12
_LINES: Final = """
SELECT substring(body, 1, position(body, '=')) AS head,
       argMaxIf(body, (time_ns, body), time_ns < {since:Int64}) AS old,
       argMinIf(body, (time_ns, body), time_ns >= {since:Int64}) AS new
FROM logs
WHERE service = {service:String} AND position(body, '=') > 1 AND lower(severity) IN ('', 'info', 'debug', 'trace')
GROUP BY head
HAVING countIf(time_ns < {since:Int64}) > 0 AND count() <= {most:UInt32}
   AND countIf(time_ns BETWEEN {since:Int64} AND {until:Int64}) > 0
ORDER BY head LIMIT 50
"""
_PAIR: Final = re.compile(r"(?<![\w.-])([A-Za-z_][\w.-]{2,}) ?= ?\"?([^\s,;&)\]}\"]+)")
# What is another one at every start: moments, addresses, versions, hashes, how long it took.
_OF_ONE_START: Final = re.compile(r"(?i)\d[:.]\d+[:.]\d|^[0-9a-f-]{12,}$|T\d\d:|^v?\d+\.\d+\.|(?:ms|µs|us|ns)$")
_NAMES_OF_ONE_START: Final = re.compile(
    r"(?i)(?:^|[._-])(?:pid|host|node|pod|id|version|build|commit|sha|time|uptime|took|seed)$"
)


def with_printed(store: CaseStore, changes: Sequence[Change]) -> tuple[Change, ...]:
    """The changes, those without a diff with what the logs print before and after their deploy as one."""
    brought: dict[tuple[str, int], list[Change]] = defaultdict(list)
    for change in changes:
        for service, time_ns in dict.fromkeys((r.service, r.time_ns) for r in change.rollouts):
            brought[service, time_ns].append(change)
    found: dict[str, Change] = {}
    for (service, live_ns), together in brought.items():
        unknown = [one for one in together if one.kind == "commit" and not one.diff and not one.never_runs]
        if len(unknown) > 1:
            unknown = [one for one in unknown if not is_idle(one)]
        if len(unknown) != 1 or not service:
            continue
        known = " ".join(one.diff for one in together)
        if diff := _diff(store, service, live_ns, known):
            found.setdefault(unknown[0].sha, replace(unknown[0], diff=diff))
    return tuple(found.get(change.sha, change) if not change.diff else change for change in changes)


def _diff(store: CaseStore, service: str, live_ns: int, known: str) -> str:
    """What is printed otherwise since a deploy, as a diff of settings; '' where nothing is."""
    since_ns, until_ns = live_ns - _EARLIER_NS, live_ns + _LATER_NS
    rows = store.query(_LINES, service=service, since=since_ns, until=until_ns, most=_MOST_STARTS)
    lines: list[str] = []
    for row in rows:
        old, new = _settings(row["old"]), _settings(row["new"])
        if len(old.keys() | new.keys()) < 2 or not old.keys() & new.keys():
            continue  # one value beside a text is as often what it is about
        for name in dict.fromkeys((*old, *new)):
            if old.get(name) != new.get(name) and name not in known:
                lines += [f"-{name}={old[name]}"] if name in old else []
                lines += [f"+{name}={new[name]}"] if name in new else []
    path = f"{service}/printed.properties"
    return "\n".join((f"--- a/{path}", f"+++ b/{path}", "@@ -1 +1 @@", *lines)) if lines else ""


def _settings(line: str) -> Mapping[str, str]:
    return {
        name: value
        for name, value in _PAIR.findall(line)
        if not _OF_ONE_START.search(value) and not _NAMES_OF_ONE_START.search(name)
    }
