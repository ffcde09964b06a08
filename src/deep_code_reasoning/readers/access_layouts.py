"""The layouts of web servers' access logs: their fields have fixed places, so they are written down and not learnt.

Sources: the Common Log Format and the combined one (Apache httpd's and nginx's documentation), with what is often put
before (the virtual host) and behind (durations); Envoy's and Istio's default access log formats. The attributes' names
are those of the OpenTelemetry semantic conventions for HTTP.
"""

from __future__ import annotations

import re
from typing import Final

from .log_times import FORMS, TimeForm

_METHOD: Final = "http.request.method"
_PATH: Final = "url.path"
STATUS: Final = "http.response.status_code"
_SIZE: Final = "http.response.body.size"
_AGENT: Final = "user_agent.original"
# What of them is for arithmetic.
NUMBERS: Final = frozenset({STATUS, _SIZE, "http.request.body.size", "duration_ms", "upstream_duration_ms"})

_QUOTED: Final = r'"((?:[^"\\]|\\.)*+)"'
_REQUEST: Final = r'"(?:([A-Z]{2,12}) (\S*)(?: HTTP/[\d.]+)?|(?:[^"\\]|\\.)*+)"'


def _form(name: str) -> TimeForm:
    return next(form for form in FORMS if form.name == name)


_COMMON: Final = (
    r"(?:\S+ )?(\S+) \S+ (\S+|[^\[\"]+?) \[" + _form("access log").pattern
    # The request and its status are the message: they tell what happened.
    + rf"\] ({_REQUEST} (\d{{3}}))(?: (\d+|-))?(?: {_QUOTED} {_QUOTED})?[ ]?(.*)"
)  # fmt: skip
_ENVOY: Final = (
    r"\[" + _form("iso").pattern + rf"\] ({_REQUEST} (\d{{1,3}})(?: (?!\d+ \d+ \d+ )\S+)?)(?: \S+ \S+ {_QUOTED})?"
    rf" (\d+) (\d+) (\d+) (\d+|-) {_QUOTED} {_QUOTED} {_QUOTED} {_QUOTED} {_QUOTED}[ ]?(.*)"
)

# Expression, time form, what the groups hold.
ACCESS: Final[tuple[tuple[str, TimeForm, tuple[str, ...]], ...]] = (
    (
        _COMMON,
        _form("access log"),
        ("client.address", "user.name", "time", "fraction", "zone", "message", _METHOD, _PATH, STATUS, _SIZE,
         "http.request.header.referer", _AGENT, "rest"),
    ),
    (
        _ENVOY,
        _form("iso"),
        ("time", "fraction", "zone", "message", _METHOD, _PATH, STATUS, "envoy.failure", "http.request.body.size",
         _SIZE, "duration_ms", "upstream_duration_ms", "client.address", _AGENT, "http.request.header.x-request-id",
         "server.address", "upstream.address", "rest"),
    ),
)  # fmt: skip


def access_patterns(lines: list[str]) -> list[tuple[str, TimeForm, tuple[str, ...]]]:
    """The access log layouts that some of the lines have."""
    return [entry for entry in ACCESS if any(map(re.compile(entry[0]).match, lines))]
