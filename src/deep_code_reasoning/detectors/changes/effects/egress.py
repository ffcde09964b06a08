"""What may leave: network policies that name what is let out, and so forbid all else.

Kubernetes, Network Policies: once a pod is selected by a policy for egress, only what some policy allows leaves it.
Names are asked for by UDP, and by TCP where the answer is too long for that (RFC 7766): a policy that lets only the one
out breaks the names that have many addresses, and no others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from ..diff import Hunk, Line
from ..effect import Effect, each_hunk

_POLICY: Final = re.compile(r"NetworkPolic|CiliumNetwork|GlobalNetworkPolicy")
_EGRESS: Final = re.compile(r"(?i)\begress\b")
_ALL: Final = re.compile(r"^-\s*\{\s*\}$|\begress\s*:\s*\[\s*\{\s*\}\s*\]")
_PROTOCOL: Final = re.compile(r"(?i)\bprotocol\W{1,4}(TCP|UDP|ANY)\b")
_PORT: Final = re.compile(r"(?i)\bport\W{1,4}(\d+)\b")
# What runtimes say of a name that they ask for by TCP.
_BY_TCP: Final = ("dial tcp", "read tcp", "TCP retry", "over TCP")


def _lets_out(hunk: Hunk) -> Iterator[Effect]:
    if not any(_POLICY.search(line.code) for line in hunk.lines):
        return
    begins = any(_EGRESS.search(line.code) for line in hunk.added)
    gone = _ports(hunk.removed) - _ports(hunk.after) if not begins else set()
    out = _ports(hunk.after)
    if any(_ALL.search(line.code) for line in hunk.after) or not (begins or gone):
        return
    names = {protocol for protocol, port in out if port == "53"}
    missing = "names" if not names else "names by TCP" if not names & {"TCP", "ANY"} else ""
    shown = ", ".join(f"{protocol} {port}" for protocol, port in sorted(out, key=lambda one: (int(one[1]), one[0])))
    says = f"lets nothing out but {shown or 'nothing'}" + (f": no {missing}" if missing else "")
    subjects = _BY_TCP if missing == "names by TCP" else ()
    yield Effect("egress_limited", says, hunk.path, subjects, sureness=1.0 if missing or gone else 0.6)


def _ports(lines: Iterable[Line]) -> set[tuple[str, str]]:
    """Protocols and ports that lines allow, on one line or one below the other; TCP where none is said."""
    entries: list[str] = []
    for line in lines:
        if line.code.startswith("-") or not entries:
            entries.append("")
        entries[-1] += f" {line.code}"
    found = set()
    for entry in entries:
        protocol = _PROTOCOL.search(entry)
        found |= {(protocol[1].upper() if protocol else "TCP", port) for port in _PORT.findall(entry)}
    return found


extract: Final = each_hunk({_lets_out: "config"})
