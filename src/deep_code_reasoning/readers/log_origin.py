"""What a log file's path says of who wrote it: Kubernetes' folders, or a file that is named for its service.

Sources: Kubernetes' log layout (`/var/log/pods/NAMESPACE_POD_UID/CONTAINER/N.log` and
`/var/log/containers/POD_NAMESPACE_CONTAINER-ID.log`), and how its controllers name pods (a Deployment's pods are
NAME-HASH-SUFFIX, a StatefulSet's NAME-N, a DaemonSet's NAME-SUFFIX; a suffix is five letters or digits without vowels
and what is easily mistaken).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Final

from .base import EvidenceFile

_POD_LOG: Final = re.compile(
    r"(?:^|/)(?P<namespace>[a-z0-9-]+)_(?P<pod>[a-z0-9.-]+)_(?P<uid>[0-9a-f-]{8,})/(?P<container>[^/]+)/[^/]+$"
)
_CONTAINER_LOG: Final = re.compile(
    r"(?:^|/)(?P<pod>[a-z0-9.-]+)_(?P<namespace>[a-z0-9-]+)_(?P<container>[a-z0-9-]+)-(?P<uid>[0-9a-f]{12,})\.log[^/]*$"
)
# The hash of a Deployment's pods is of hexadecimal digits, or of the same letters as the suffix.
_HASH: Final = r"-(?:[0-9a-f]{6,10}|[bcdfghjklmnpqrstvwxz2456789]{6,10})"
_SUFFIX: Final = r"-[bcdfghjklmnpqrstvwxz2456789]{5}"
_POD_SUFFIX: Final = re.compile(rf"(?:{_HASH})?{_SUFFIX}$|-\d{{1,4}}$")
# A file may be named for a pod (`kubectl logs POD > POD.log`); only what a Deployment makes is like no other name.
_POD_FILE: Final = re.compile(rf"[a-z0-9-]+{_HASH}{_SUFFIX}")
_COMPOSE_SUFFIX: Final = re.compile(r"[-_]\d{1,3}$")

# What comes off a file's name: how it is packed, what it is, when it was rotated.
_ENDINGS: Final = re.compile(
    r"(?:\.(?:gz|zst|log|logs|txt|out|err|json|jsonl|ndjson|logfmt|\d{1,4})|"
    r"[-._]?\d{4}-?\d\d-?\d\d(?:[T_-]?\d\d[-_:]?\d\d(?:[-_:]?\d\d)?)?Z?|[-._]\d{10,13})$"
)
# Names that say what a file or folder holds, not who wrote it.
_GENERIC: Final = frozenset(
    """log logs app apps application applications server servers service services stdout stderr std output out err
    messages message syslog system kern kernel auth daemon journal error errors access console all combined main
    debug info warn warning trace current latest old default docker container containers pod pods k8s kubernetes node
    nodes host hosts events event audit json raw text data file files dump export exports incident incidents evidence
    case cases baseline calm context example examples test tests sample samples input telemetry observability otel var
    tmp prod production staging dev""".split()
)


@dataclass(frozen=True, slots=True)
class Origin:
    """Who wrote a log, as far as its path says; '' where it does not."""

    service: str = ""
    instance: str = ""
    resource: dict[str, str] = field(default_factory=dict)

    def columns(self) -> dict[str, Any]:
        """The columns of a log's rows that this fills."""
        columns: dict[str, Any] = {}
        if self.service:
            columns["service"] = self.service
        if self.instance:
            columns["instance"] = self.instance
        if self.resource:
            columns["resource"] = self.resource
        return columns


def origin_of(file: EvidenceFile) -> Origin:
    """What a file's path says; a name that could mean anything (`app.log`) says nothing, but its folder may."""
    match = _POD_LOG.search(file.path.as_posix()) or _CONTAINER_LOG.search(file.path.as_posix())
    if match is not None:
        resource = {
            "k8s.namespace.name": match["namespace"],
            "k8s.pod.name": match["pod"],
            "k8s.container.name": match["container"],
        }
        return Origin(workload_of(match["pod"]), match["pod"], resource)
    named = file.path.name.split(".")[0].split("_")
    if len(named) == 3 and (pod := next((part for part in named[1::-1] if part.startswith(named[2] + "-")), "")):
        # NAMESPACE_POD_CONTAINER, or POD_NAMESPACE_CONTAINER without the container's id: no name has a `_` in it.
        return Origin(named[2], pod, {"k8s.pod.name": pod, "k8s.container.name": named[2]})
    if len(named) == 1 and _POD_FILE.fullmatch(named[0]):
        return Origin(workload_of(named[0]), named[0], {"k8s.pod.name": named[0]})
    # Only folders that were given count: those above them are the caller's own business.
    path = PurePosixPath(file.name)
    return Origin(_service_named(path.name) or _service_named(path.parent.name))


def workload_of(pod: str) -> str:
    """The workload that a pod belongs to, from the pod's name."""
    return _POD_SUFFIX.sub("", pod) or pod


def service_of_stream(name: str) -> str:
    """The service in the first column of `docker compose logs`: `checkout-1` is a container of `checkout`."""
    return _COMPOSE_SUFFIX.sub("", name) or name


def _service_named(name: str) -> str:
    """The service that a file or folder is named for; '' when the name is a generic one."""
    previous = None
    while previous != name:
        previous, name = name, _ENDINGS.sub("", name)
    words = [word for word in re.split(r"[-_.\s]+", name.lower()) if word and not word.isdecimal()]
    if not words or all(word.rstrip("0123456789") in _GENERIC for word in words):
        return ""
    kept = name
    # `checkout.access` and `checkout-error` are logs of checkout; `error-budget` and `log-service` are services.
    while (cut := re.search(r"[._-](?:log|logs|access|error|errors|stdout|stderr|console|out|err)$", kept)) is not None:
        kept = kept[: cut.start()]
    return kept if kept and kept.lower() not in _GENERIC else ""
