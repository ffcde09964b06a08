"""Does an endpoint answer, and does it still have the model? One request that costs nothing; no client library."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..domain.model import ModelCard
from .endpoints import OFFLINE_VARIABLE, base_url, is_local, refused
from .keys import Secret

_PATHS: Final[Mapping[str, str]] = {"google": "/v1beta/models?pageSize=1000", "anthropic": "/v1/models?limit=1000"}
_KEY_HEADERS: Final[Mapping[str, str]] = {"google": "x-goog-api-key", "anthropic": "x-api-key"}
_MAX_BYTES: Final = 8_000_000


@dataclass(frozen=True, slots=True)
class Probe:
    """`reachable` None: nobody asked, or there is no way to ask; `detail` says in words what was found."""

    reachable: bool | None
    detail: str


def probe(card: ModelCard, key: Secret | None, timeout_s: float) -> Probe:
    """Ask the endpoint for its list of models, and look for this one."""
    base = base_url(card)
    if not base.startswith(("http://", "https://")):
        return Probe(None, "no way to ask this provider")
    if refused(base):
        return Probe(None, f"not asked: ${OFFLINE_VARIABLE} is set")
    address = base.rstrip("/") + _PATHS.get(card.provider, "/models")
    request = urllib.request.Request(address, headers=_headers(card, key))  # noqa: S310 - http(s) alone, see above
    try:
        with _opener(base).open(request, timeout=timeout_s) as response:
            listed = _names(json.loads(response.read(_MAX_BYTES)))
    except urllib.error.HTTPError as fault:
        fault.close()
        return Probe(False, "the key is refused" if fault.code in (401, 403) else f"HTTP {fault.code}")
    except (OSError, ValueError) as fault:
        return Probe(False, f"no answer: {getattr(fault, 'reason', fault)}")
    if listed and card.model not in listed:
        return Probe(False, f"the endpoint answers, but has no model '{card.model}' (of {len(listed)})")
    return Probe(True, "answers")


def _headers(card: ModelCard, key: Secret | None) -> dict[str, str]:
    """The key where the provider expects it, and the version that one of them demands."""
    headers = {"anthropic-version": "2023-06-01"} if card.provider == "anthropic" else {}
    if key is not None:
        name = _KEY_HEADERS.get(card.provider, "authorization")
        headers[name] = f"Bearer {key.reveal()}" if name == "authorization" else key.reveal()
    return headers


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the key would go along to wherever it leads."""

    def redirect_request(self, *_: Any) -> None:
        """Refuse."""
        return


def _opener(base: str) -> urllib.request.OpenerDirector:
    """Opens an address; this machine's own without a proxy."""
    direct = [urllib.request.ProxyHandler({})] if is_local(base) else []
    return urllib.request.build_opener(_NoRedirect(), *direct)


def _names(content: Any) -> set[str]:
    """The ids in a list of models, of whichever vendor."""
    entries = content.get("data") or content.get("models") or [] if isinstance(content, dict) else []
    names = {str(entry.get("id") or entry.get("name") or "") for entry in entries if isinstance(entry, dict)}
    return {name.removeprefix("models/") for name in names} - {""}
