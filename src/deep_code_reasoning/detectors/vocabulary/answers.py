"""How a request was answered, by the label of a metric that counts requests.

HTTP tells by a number or its class (`http.response.status_code`, `code`, `response_code_class`), gRPC by a name or its
number (`grpc_code`, `rpc.grpc.status_code`), others by a word (`outcome`, `result`, `status`) or by what went wrong
(`error.type`, `exception`). Sources: OpenTelemetry semantic conventions (HTTP, RPC), gRPC "Status codes", the metrics
of Istio, Envoy, Micrometer, go-grpc-middleware and ingress-nginx.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from .metrics import KINDS
from .words import words

ANSWERED: Final = "answered"
FAILED: Final = "5xx"
REFUSED: Final = "4xx"

_TELLING: Final = frozenset("status code class outcome result success error exception failure".split())
# What else has a code or a class: `country_code`, `storage_class`, `error_budget`.
_NO_ANSWER: Final = frozenset(
    "country currency language lang postal zip area region source storage priority service traffic device budget "
    "product name file line id message version".split()
)
_HTTP: Final = re.compile(r"([1-5])(?:\d\d|xx)?", re.IGNORECASE)
# The names of gRPC by their numbers. Those that a server answers to a request that should not have been made are as
# HTTP's 4xx (google.rpc.Code's mapping to HTTP).
_GRPC: Final = (
    "ok cancelled unknown invalidargument deadlineexceeded notfound alreadyexists permissiondenied resourceexhausted "
    "failedprecondition aborted outofrange unimplemented internal unavailable dataloss unauthenticated"
).split()
_GRPC_REFUSED: Final = frozenset(
    "cancelled invalidargument notfound alreadyexists permissiondenied failedprecondition outofrange "
    "unauthenticated".split()
)
_RIGHT: Final = frozenset("ok success successful succeeded completed processed accepted unset none true".split())
_WRONG: Final = KINDS["errors"] | {"exceeded", "unknown"}
_CALLERS_FAULT: Final = frozenset("client invalid notfound denied".split())


def telling_labels(names: Iterable[str]) -> list[str]:
    """Those labels that may tell how a request was answered, sorted."""
    return sorted(name for name in names if (said := set(words(name))) & _TELLING and not said & _NO_ANSWER)


def answer(labels: Mapping[str, str]) -> str:
    """How requests with these labels were answered: `answered`, `5xx`, `4xx`; '' when none of them tells.

    What went wrong on the server's side is `5xx` in whatever words, what was wrong with the request `4xx`.
    """
    told = {name: _answer(name, value) for name, value in labels.items() if value}
    # A number says whose fault it was, the name of an exception does not.
    ends = {how for name, how in told.items() if not _names_what_failed(name)} - {""} or set(told.values())
    return next((how for how in (FAILED, REFUSED, ANSWERED) if how in ends), "")


def _names_what_failed(label: str) -> bool:
    key = set(words(label))
    return bool(key & {"error", "exception", "failure"}) and not key & {"code", "status", "class"}


def _answer(label: str, value: str) -> str:
    key, said = set(words(label)), "".join(words(value))
    if _names_what_failed(label):
        if said in ("", "none", "false", "0", "null", "no"):
            return ANSWERED
        return "" if said.isdecimal() and said[0] in "1234" else FAILED
    if "success" in key:
        return {"true": ANSWERED, "1": ANSWERED, "yes": ANSWERED, "false": FAILED, "0": FAILED, "no": FAILED}.get(
            said, ""
        )
    if said.isdecimal() and (key & {"grpc", "rpc"}) and int(said) < len(_GRPC):
        said = _GRPC[int(said)]
    elif http := _HTTP.fullmatch(value.strip()):
        return {"5": FAILED, "4": REFUSED}.get(http[1], ANSWERED)
    if said in _GRPC or said in _RIGHT:
        return ANSWERED if said in _RIGHT else REFUSED if said in _GRPC_REFUSED else FAILED
    spoken = set(words(value))
    if spoken & _CALLERS_FAULT and spoken & (_WRONG | {"argument"}):
        return REFUSED
    if spoken & _WRONG:
        return FAILED
    return ANSWERED if spoken & _RIGHT else ""
