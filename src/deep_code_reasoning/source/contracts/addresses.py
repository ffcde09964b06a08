"""Addresses that are put together by calls, as data: what sets a segment behind one, what gives one back as it is.

Learned from the documentation of java.net.URI, Spring's UriComponentsBuilder, OkHttp, JAX-RS, Flurl, yarl, net/url.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from .calls import Call, items
from .nodes import unwrapped
from .texts import HOLE

if TYPE_CHECKING:
    from tree_sitter import Node

# Calls on an address that set what they are given behind it.
_APPENDING: Final = frozenset(
    "path addPathSegment addPathSegments pathSegment pathSegments AppendPathSegment AppendPathSegments appendPath "
    "appendPathSegment joinpath JoinPath appendEncodedPath segment path_segments".split()
)
# Calls on an address that change nothing of its host and path.
_KEEPING: Final = frozenset(
    "newBuilder build toUri toUriString toURI buildAndExpand expand encode queryParam queryParams queryParamIfPresent "
    "addQueryParameter SetQueryParam SetQueryParams toString String resolveTemplate resolveTemplates clone with_query "
    "update_query toString uri url href encoded getUri toURL String request WithHeader WithHeaders WithTimeout "
    "WithOAuthBearerToken WithBasicAuth AllowAnyHttpStatus".split()
)
_RESOLVING: Final = frozenset("urljoin resolve ResolveReference join_url".split())
# What joins paths of files, and of addresses in Go.
_PATHS: Final = frozenset({"", "path", "filepath", "os.path"})
_ORIGIN: Final = re.compile(r"^([a-z]+://[^/]+)/.*")
# What makes an address of its parts: `url.URL{Scheme: ..., Host: ..., Path: ...}`.
_PARTS: Final = frozenset({"URL", "UriBuilder", "URI"})


def built_address(call: Call, given: Sequence[Node], one: Callable[[Node], str]) -> str:
    """The address that a call makes of others; '' when it makes none.

    Args:
        call: what may make it.
        given: what it is given.
        one: the value of an expression.
    """
    held = call.receiver_node
    if call.name in _PARTS and (host := call.named("Host", "host")) is not None:
        path = call.named("Path", "path")
        return f"http://{one(host)}" + (f"/{one(path).lstrip('/')}" if path is not None else "")
    if call.name in ("join", "Join", "resolve") and len(given) > 1 and call.receiver in _PATHS:
        return "/".join(one(node).strip("/") if at else one(node).rstrip("/") for at, node in enumerate(given))
    if call.name == "join" and held is not None and len(given) == 1:
        return _listed(held, given[0], one) or _resolved_by(held, given[0], one)
    if (call.name in _RESOLVING or (call.name, call.receiver) == ("join", "URI")) and given:  # URI: of Ruby
        if len(given) > 1:
            return resolved(one(given[0]), one(given[1]))
        return resolved(one(held), one(given[0])) if held is not None else ""
    if call.makes and call.name in ("URL", "Uri", "URI") and len(given) > 1:
        first, second = one(given[0]), one(given[1])  # new URL("/x", base), and C# the other way round
        return resolved(first, second) if "//" in first else resolved(second, first)
    if held is None or call.makes or call.name not in _APPENDING | _KEEPING:
        return ""
    base = one(held)
    if base == HOLE and call.name == "JoinPath" and len(given) > 1:  # Go: url.JoinPath(base, "x")
        return behind(one(given[0]), [one(node) for node in given[1:]])
    if base == HOLE or not ("/" in base or "\1" in base):
        return ""
    return behind(base, [one(node) for node in given]) if call.name in _APPENDING else base


def behind(base: str, parts: Sequence[str]) -> str:
    """Parts of a path behind an address, with one `/` between them."""
    return "/".join([base.rstrip("/"), *(part.strip("/") for part in parts)])


def resolved(base: str, reference: str) -> str:
    """A reference as it is from an address: `/x` is below its host, `x` below its folder."""
    if "//" in reference or base == HOLE:
        return reference
    origin = _ORIGIN.match(base)
    if origin is not None and reference.startswith("/"):
        return origin[1] + reference
    return behind(base, [reference])


def _resolved_by(held: Node, given: Node, one: Callable[[Node], str]) -> str:
    """Rust: `base.join("x")`, where it is an address that is joined to."""
    base = one(held)
    return resolved(base, one(given)) if "//" in base else ""


def _listed(held: Node, given: Node, one: Callable[[Node], str]) -> str:
    """`"/".join([base, "x"])`, `[base, "x"].join("/")`."""
    for separator, parts in ((held, given), (given, held)):
        inside = items(parts)
        if one(separator) == "/" and (len(inside) > 1 or unwrapped(inside[0]).id != unwrapped(parts).id):
            return "/".join(one(node).strip("/") if at else one(node).rstrip("/") for at, node in enumerate(inside))
    return ""
