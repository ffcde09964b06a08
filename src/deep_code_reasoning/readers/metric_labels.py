"""Labels of metric series: read from text, and what they say of who was measured.

Of the many labels that may name a service, those that a person chose come first, then the workload of a pod, then the
scrape job. An exporter is not who it speaks of: that is the pod it stands in, the node, or the host at its `instance`.
Sources: Prometheus' documentation of `job` and `instance`, OpenTelemetry's mapping of resources to Prometheus (`job` is
`service.namespace/service.name`), Kubernetes' recommended labels, and its names of pods (`apimachinery/pkg/util/rand`:
five characters of a 27-letter alphabet).
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

# Who measures others, by the names that scrape jobs, containers and services of monitoring stacks have;
_EXPORTER: Final = re.compile(
    r"(?:.+[-_.])?exporters?(?:[-_.][a-z]+)?|nodes?|kubernetes-nodes?(?:-.*)?|(?:.+-)?(?:kubelet|cadvisor|kube-state-metrics)"
)
# those that tell of all pods;
_OF_PODS: Final = ("kubelet", "cadvisor", "kube-state-metrics")
# and by the software that they are for, at the ports that such exporters have (Prometheus' list of port allocations).
_SOFTWARE: Final = re.compile(
    r"(?:postgres\w*|pgsql|pg|pgbouncer|mysqld?|mariadb|redis|valkey|kafka|mongo\w*|elastic\w*|memcached?|rabbitmq|haproxy)"
)
# The first words of what such exporters measure, of hosts and of servers.
_EXPORTED: Final = re.compile(r"(?:node|windows|pg|mysql|redis|mongodb)_")
_EXPORTER_PORTS: Final = frozenset("9101 9104 9114 9121 9127 9150 9187 9216 9308 9419".split())
_TARGET: Final = re.compile(r"(?:\w+://)?(?:[^@/]*@)?(\[[^]]+\]|[^:/\[\]]+)(?::(\d+))?(?:/.*)?")
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


def is_exporters(metric: str) -> bool:
    """Whether only exporters measure it, by its name: where `sum by (instance)` has dropped the scrape job."""
    return _EXPORTED.match(metric) is not None


def who_measured(labels: Mapping[str, str], by_exporter: bool = False) -> dict[str, str]:
    """The columns `service`, `instance` and `host` of a series, '' where no label says."""
    return _who(tuple(labels.items()), by_exporter)


@functools.lru_cache(maxsize=65_536)
def _who(items: tuple[tuple[str, str], ...], by_exporter: bool) -> dict[str, str]:
    plain = {_PUNCTUATION.sub("_", name).strip("_").lower(): value.strip() for name, value in items if value.strip()}
    service, scraped = _service(plain), {_first(plain, _JOB).rpartition("/")[2], plain.get("service", "")}
    target = _TARGET.fullmatch(plain.get("instance", ""))
    at, port = (target[1], target[2] or "") if target else ("", "")
    exporter = next((name for name in sorted(scraped) if _EXPORTER.fullmatch(name.lower())), "")
    software = bool(_SOFTWARE.fullmatch(service.lower())) and port in _EXPORTER_PORTS
    of_pod = exporter.endswith(_OF_PODS) and bool(_first(plain, _POD))
    if software or (exporter and not of_pod and (service in scraped or _EXPORTER.fullmatch(service.lower()))):
        return _measured(plain, exporter or service, at)
    host = _first(plain, _HOST)
    if by_exporter and at not in ("", "localhost") and not (service or host or _first(plain, _POD)):
        return {"service": "", "instance": "", "host": at}
    return {"service": service, "instance": _first(plain, _INSTANCE), "host": _first(plain, _HOST)}


def _measured(labels: Mapping[str, str], exporter: str, at: str) -> dict[str, str]:
    """Who an exporter speaks of, that listens at `at` ('' where nothing says)."""
    own = {exporter, labels.get("container", exporter), _first(labels, _JOB)}
    others = {name: value for name, value in labels.items() if value not in own and name not in _JOB}
    pod = _first(others, _POD)
    if pod and not any(pod.startswith(f"{name}-") for name in own) and not _EXPORTER.fullmatch(workload_of(pod)):
        service = _first(others, _SERVICE) or workload_of(pod)
        return {"service": service, "instance": pod, "host": _first(others, _HOST)}
    host = _first(others, _HOST)
    if not host and (at in ("", "localhost") or _EXPORTER.fullmatch(at.split(".")[0].lower())):
        # It answers for somebody whom nobody names.
        return {"service": exporter, "instance": _first(labels, _INSTANCE), "host": ""}
    return {"service": "", "instance": "", "host": host or at}


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
