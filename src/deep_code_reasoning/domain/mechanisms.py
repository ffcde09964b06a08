"""The mechanisms a cause may have: how the thing broke, not where."""

from __future__ import annotations

from typing import Final

MECHANISMS: Final[dict[str, str]] = {
    "cpu_saturation": "a processor, or a container's share of it, is exhausted",
    "memory_saturation": "memory is exhausted or close to its limit",
    "disk_saturation": "a disk is full, or its throughput is exhausted",
    "connection_pool_exhausted": "callers wait for a connection that the pool cannot give",
    "thread_pool_exhausted": "requests wait for a worker that is not free",
    "network_delay": "packets to or from a host take longer than they did",
    "network_loss": "packets to or from a host get lost",
    "dns_failure": "names no longer resolve",
    "certificate_expired": "a certificate passed its end of validity",
    "exception": "code raises an error that it did not raise before",
    "wrong_result": "code returns early, or what is wrong, and no error reaches the caller",
    "latency_regression": "code takes longer than it did",
    "n_plus_one": "one query or call per row, where one for all would do",
    "chatty_calls": "many small calls, where few would do",
    "retry_storm": "retries multiply the load on what is already failing",
    "timeout_budget": "a deadline is shorter than the work it covers",
    "cache_stampede": "a cache no longer answers, and all its readers hit what is behind it",
    "lock_contention": "work waits for a lock that others hold",
    "lock_lease_expired": "a lock's lease ends before its holder is done",
    "race_condition": "the outcome depends on which of two requests comes first",
    "clock_skew": "two hosts' clocks are apart",
    "deadlock": "holders wait for each other",
    "memory_leak": "memory grows and is never given back",
    "unacknowledged_messages": "messages are taken and never acknowledged",
    "message_backlog": "messages arrive faster than they are consumed",
    "dependency_outage": "something outside the system's code is down or degraded",
    "infrastructure_fault": "a node, zone, disk or platform component failed",
    "traffic_surge": "more requests than the system is built for",
    "noisy_neighbour": "another tenant of a shared resource takes it all",
    "bad_input": "a caller sends what the code cannot handle",
    "configuration": "a setting is wrong",
    "schema_mismatch": "two sides disagree on the shape of data",
    "startup_failure": "a process does not come up",
}
