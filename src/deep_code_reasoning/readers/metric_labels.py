"""Labels of metric series: read from text, and what they say of who was measured.

Of the many labels that may name a service, those that a person chose come first, then the workload of a pod, then the
scrape job, which often is the exporter and not who it speaks of. Sources: Prometheus' documentation of `job` and
`instance`, OpenTelemetry's mapping of resources to Prometheus (`job` is `service.namespace/service.name`), Kubernetes'
recommended labels, and its names of pods (`apimachinery/pkg/util/rand`: five characters of a 27-letter alphabet).
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from typing import Final

from .values import text_of

_SERVICE: Final = ("service_name", "service", "svc", "exported_service", "destination_service_name", "app",
                   "app_kubernetes_io_name", "label_app", "application", "deployment", "workload", "statefulset",
                   "daemonset")  # fmt: skip
_JOB: Final = ("exported_job", "job")
_POD: Final = ("k8s_pod_name", "exported_pod", "pod", "pod_name", "kubernetes_pod_name")
_CONTAINER: Final = ("k8s_container_name", "exported_container", "container", "container_name")
_INSTANCE: Final = (*_POD, "service_instance_id", "container_id", "exported_instance", "instance")
_HOST: Final = ("host_id", "host_name", "host", "hostname", "k8s_node_name", "node", "nodename", "node_name",
                "kubernetes_node")  # fmt: skip
# Containers of a pod that are not the application: the sandbox, and cAdvisor's sum of all.
_NO_CONTAINER: Final = frozenset({"POD", ""})

_RANDOM: Final = "[bcdfghjklmnpqrstvwxz2456789]"
_POD_SUFFIX: Final = re.compile(rf"-(?:{_RANDOM}{{6,10}}-{_RANDOM}{{5}}|\d{{1,4}}|{_RANDOM}{{5}})")
_PAIR: Final = re.compile(r'\s*([A-Za-z_][\w.:/-]*)\s*=~?\s*("(?:[^"\\]|\\.)*"|[^,;"]*)\s*(?:[,;]|$)')
_ESCAPE: Final = re.compile(r"\\(.)")
_PUNCTUATION: Final = re.compile(r"[^a-zA-Z0-9]+")


def parse_labels(text: str) -> dict[str, str] | None:
    """Read `a="b",c="d"`, with or without braces and quotes, or a JSON object; None when it is none of them."""
    text = text.strip()
    if text.startswith("{") and text.endswith("}"):
        try:
            members = json.loads(text)
        except (ValueError, RecursionError):
            text = text[1:-1].strip()
        else:
            return {key: text_of(value) for key, value in members.items()}
    labels: dict[str, str] = {}
    position = 0
    while position < len(text):
        match = _PAIR.match(text, position)
        if match is None:
            return None
        labels[match[1]] = _unquoted(match[2])
        position = match.end()
    return labels


def _unquoted(text: str) -> str:
    text = text.strip()
    if text.startswith('"'):
        return _ESCAPE.sub(lambda match: "\n" if match[1] == "n" else match[1], text[1:-1])
    return text


def who_measured(labels: Mapping[str, str]) -> dict[str, str]:
    """The columns `service`, `instance` and `host` of a series, '' where no label says."""
    return _who(tuple(labels.items()))


@functools.lru_cache(maxsize=65_536)
def _who(items: tuple[tuple[str, str], ...]) -> dict[str, str]:
    plain = {_PUNCTUATION.sub("_", name).strip("_").lower(): value.strip() for name, value in items if value.strip()}
    return {"service": _service(plain), "instance": _first(plain, _INSTANCE), "host": _first(plain, _HOST)}


def _service(labels: Mapping[str, str]) -> str:
    named = _first(labels, _SERVICE)
    if named:
        return named
    pod = _first(labels, _POD)
    container = _first(labels, _CONTAINER)
    # "namespace/name"
    job = _first(labels, _JOB).rpartition("/")[2]
    if job and (not (pod or container) or pod.startswith(job) or container == job):
        return job
    if container not in _NO_CONTAINER:
        return container
    return workload_of(pod) or job


def workload_of(pod: str) -> str:
    """The name of the Deployment, StatefulSet or DaemonSet that a pod is of; the pod's name when it shows none."""
    for match in _POD_SUFFIX.finditer(pod):
        if match.end() == len(pod) and match.start() > 0:
            return pod[: match.start()]
    return pod


def _first(labels: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((labels[name] for name in names if name in labels), "")
