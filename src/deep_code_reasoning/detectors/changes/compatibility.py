"""Which effect of a change can produce which symptom, and how strongly the one speaks for the other.

The table is general knowledge of how software fails, not of any system: 1.0 where the symptom is the usual and direct
outcome of the effect; 0.6 to 0.9 where it often follows; below 0.4 where it may, but mostly has other reasons. What is
not listed cannot be produced by the effect.

Written as `effect: mechanism`, and below it `symptom strength`, with `by mechanism` where that
symptom comes by another.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Capability:
    """What an effect can do: symptoms with strengths, and the mechanism by which."""

    mechanism: str
    symptoms: Mapping[str, float]
    mechanisms: Mapping[str, str]

    def strength(self, symptom: str) -> float:
        """How strongly the symptom speaks for the effect, 0 when it cannot come from it."""
        return self.symptoms.get(symptom, 0.0)

    def mechanism_for(self, symptom: str) -> str:
        """By which mechanism the effect produces the symptom."""
        return self.mechanisms.get(symptom, self.mechanism)


_TABLE: Final = """
# settings
timeout_lowered: timeout_budget
    timeout 1, cancelled .9, errors .5, retry_exhausted .6, unreachable .3, retries_up .6, slow .1
timeout_raised: thread_pool_exhausted
    late_timeout 1, slow_outside .5, worker_exhausted .55, slow .3, pool_exhausted .3, thread_growth .4,
    handle_leak .3
timeout_removed: thread_pool_exhausted
    late_timeout .9, worker_exhausted .8, slow .55, thread_growth .7, handle_leak .5, pool_exhausted .5, event_loop .3
retries_lowered: configuration
    retry_exhausted 1, errors .5, timeout .5, unreachable .45, throttled .35, race .4, lock_wait .35, cancelled .3,
    decode_error .3
retries_removed: configuration
    retry_exhausted .9, errors .5, timeout .5, unreachable .5, throttled .35, race .4
retries_raised: retry_storm
    slow_outside .6, retries_up 1, traffic_up .9, throttled .8, retry_exhausted .5, cpu .4, slow .55, timeout .4,
    pool_exhausted .4, race .4, worker_exhausted .5, errors .2
backoff_removed: retry_storm
    retries_up 1, retry_exhausted .9 by configuration, traffic_up .85, throttled .75, lock_wait .5, race .5, cpu .5,
    timeout .35, errors .3
backoff_lowered: retry_storm
    retries_up .9, retry_exhausted .7 by configuration, traffic_up .8, throttled .7, cpu .4, errors .2
backoff_raised: latency_regression
    slow_outside .5, slow .6, backlog .5, timeout .4
pool_lowered: connection_pool_exhausted
    slow_outside .5, pool_exhausted 1, limit_dropped 1, timeout .5, slow .6, worker_exhausted .4, throttled .3,
    errors .4
pool_removed: connection_pool_exhausted
    pool_exhausted .9, too_many_connections .7, timeout .4, slow .4, errors .3
pool_raised: connection_pool_exhausted
    too_many_connections .95, memory_step .3, unreachable .3
idle_time_lowered: configuration
    lease .6 by lock_lease_expired, unreachable .4, slow .3, too_many_connections .3, pool_exhausted .2, tls .2
idle_time_raised: configuration
    unreachable .35, too_many_connections .3, handle_leak .3, pool_exhausted .1
idle_time_removed: configuration
    handle_leak .9, too_many_connections .6, unreachable .4, slow .4, tls .3
workers_lowered: thread_pool_exhausted
    worker_exhausted 1, limit_dropped 1, backlog .85, slow .6, timeout .5, throttled .4, errors .3
workers_raised: connection_pool_exhausted
    too_many_connections .95, pool_exhausted .7, cpu .6 by cpu_saturation, memory_step .5 by memory_saturation,
    oom .5 by memory_saturation, throttled .65 by noisy_neighbour, race .4, lock_wait .5, deadlock .4, slow .3,
    fanout .4, worker_exhausted .05
queue_lowered: thread_pool_exhausted
    throttled .85, worker_exhausted .8, backlog .4, errors .35
queue_raised: memory_saturation
    memory_step .4, oom .35, slow .3, memory_growth .3
prefetch_raised: unacknowledged_messages
    unacked .85, oom .5, memory_step .5, backlog .35
prefetch_lowered: message_backlog
    backlog .85, volume_drop .6, slow .3
rate_limit_lowered: configuration
    throttled 1, limit_dropped .9, errors .4, auth .1
rate_limit_raised: traffic_surge
    traffic_up .6, throttled .5, cpu .5, pool_exhausted .4, too_many_connections .4
rate_limit_removed: traffic_surge
    traffic_up .8, throttled .7, pool_exhausted .6, too_many_connections .7, cpu .6, worker_exhausted .5, slow .4
limiter_removed: traffic_surge
    traffic_up .8, throttled .7, pool_exhausted .65, too_many_connections .75, cpu .6, worker_exhausted .6, slow .4,
    retries_up .4
cache_ttl_lowered: cache_stampede
    cache_miss 1, fanout .8, slow .6, traffic_up .6, cpu .5, pool_exhausted .45, timeout .4, throttled .5, auth .3
cache_ttl_raised: wrong_result
    wrong_result .65, auth .3, memory_growth .3, dns .3
cache_ttl_removed: memory_leak
    wrong_result .7, memory_growth .7, oom .5, cache_miss .5
cache_removed: cache_stampede
    cache_miss 1, fanout .9, traffic_up .7, slow .8, cpu .6, pool_exhausted .5, throttled .6, timeout .5,
    too_many_connections .4
cache_key_changed: cache_stampede
    cache_miss 1, fanout .8, traffic_up .6, slow .7, cpu .5, pool_exhausted .4, throttled .5, timeout .4,
    wrong_result .5 by wrong_result, memory_growth .5 by memory_leak
coalescing_removed: cache_stampede
    cache_miss .7, fanout .9, traffic_up .9, slow .7, cpu .6, pool_exhausted .5, throttled .6, timeout .5
cache_size_lowered: cache_stampede
    cache_miss .95, fanout .6, slow .55, cpu .4
cache_size_removed: memory_leak
    memory_growth .8, oom .7, cache_miss .3, gc .6
cache_size_raised: memory_saturation
    memory_step .5, memory_growth .45, oom .5, gc .4
memory_lowered: memory_saturation
    oom 1, limit_dropped 1, restart .8, gc .8, memory_step .4, slow .3, errors .25, cache_miss .3
memory_raised: memory_saturation
    oom .4, platform .3, restart .3
memory_removed: memory_saturation
    oom .7, memory_growth .5
cpu_lowered: cpu_saturation
    cpu 1, slow .85, timeout .55, probe_failed .5, limit_dropped .8, event_loop .4
cpu_raised: noisy_neighbour
    cpu .2, platform .2
replicas_lowered: cpu_saturation
    cpu .85, limit_dropped 1, slow .75, worker_exhausted .75, backlog .8, pool_exhausted .4, timeout .5, throttled .35,
    unreachable .5, errors .35
replicas_raised: connection_pool_exhausted
    too_many_connections .65, traffic_up .2, lock_wait .2
probe_lowered: startup_failure
    probe_failed 1, restart 1, startup .7, errors .35, unreachable .5
probe_raised: startup_failure
    startup .2, unreachable .2
grace_lowered: configuration
    cancelled .4, unreachable .4, errors .35, server_error .3
grace_raised: configuration
    restart .1
payload_raised: configuration
    slow_outside .4, payload_too_large 1, memory_step .45, oom .45, timeout .3, throttled .2
payload_lowered: configuration
    payload_too_large 1, errors .4, decode_error .3
payload_removed: configuration
    payload_too_large .7, oom .5, memory_step .4
batch_lowered: chatty_calls
    fanout .75, throttled .6, slow .5, backlog .85, traffic_up .65, cpu .4
batch_raised: configuration
    payload_too_large .85, oom .6 by memory_saturation, memory_step .5, timeout .6, slow .6,
    lock_wait .6 by lock_contention, throttled .5
lease_lowered: lock_lease_expired
    lease 1, race .9, lock_wait .6, unacked .5, retries_up .4, auth .4
lease_raised: lock_contention
    lock_wait .65, backlog .4
schedule_lowered: traffic_surge
    traffic_up .6, cpu .65, race .7, backlog .65, throttled .6, fanout .5, slow .45, lock_wait .65, pool_exhausted .3
schedule_raised: configuration
    wrong_result .35, backlog .4, cache_miss .2, probe_failed .3
sampling_raised: configuration
    cpu .35, disk_full .4, traffic_up .3, errors .25, backlog .3
sampling_lowered: configuration
    volume_drop .3, errors .2
threshold_lowered: configuration
    throttled .5, limit_dropped .9, payload_too_large .5, worker_exhausted .45, errors .35, wrong_result .45,
    pool_exhausted .4, decode_error .3, oom .3
threshold_raised: configuration
    memory_step .35, oom .35, payload_too_large .45, wrong_result .45, too_many_connections .4, errors .25, slow .25,
    memory_growth .25
constant_lowered: configuration
    complaint .45, limit_dropped .9, wrong_result .5, errors .35, timeout .35, throttled .35, worker_exhausted .3,
    pool_exhausted .3
constant_raised: configuration
    complaint .45, wrong_result .5, errors .3, slow .35, memory_step .3, too_many_connections .3, timeout .25, cpu .3
switch_flipped: configuration
    slow_outside .3, rejected_input .5, config_missing .75, exception .55, errors .5, not_found .55, auth .5,
    wrong_result .55, null_reference .45, slow .45, cpu .4, tls .4, throttled .4, timeout .35, decode_error .4,
    lock_wait .3, fanout .4, cache_miss .5, worker_exhausted .3, unreachable .4, volume_drop .4, oom .3,
    server_error .4
logging_verbose: disk_saturation
    disk_full 1, cpu .6, slow .6, event_loop .4, throttled .2
logging_heavy: cpu_saturation
    disk_full .8 by disk_saturation, cpu .9, slow .85 by latency_regression, event_loop .7, gc .7, memory_step .4,
    timeout .4, throttled .2
# calls
call_in_loop: n_plus_one
    fanout 1, slow .85, traffic_up .75, pool_exhausted .5, throttled .7, cpu .45, timeout .55, too_many_connections .4
batch_removed: chatty_calls
    fanout 1, throttled .95, traffic_up .85, slow .8, backlog .6, timeout .5, pool_exhausted .5, cpu .4
ack_removed: unacknowledged_messages
    unacked 1, backlog .9, wrong_result .6, memory_growth .55, volume_drop .5, race .4, oom .4
release_removed: memory_leak
    handle_leak 1, disk_full .8 by disk_saturation, too_many_connections .9 by connection_pool_exhausted,
    pool_exhausted .9 by connection_pool_exhausted, thread_growth .9, memory_growth .75, oom .6,
    lock_wait .85 by lock_contention, deadlock .5 by deadlock, worker_exhausted .4, timeout .3
lock_removed: race_condition
    race 1, wrong_result .75, null_reference .25, decode_error .15, exception .25
eviction_removed: memory_leak
    disk_full .7 by disk_saturation, memory_growth 1, oom .95, gc .85, restart .5, memory_step .4, slow .3,
    wrong_result .4
registration_removed: configuration
    not_found 1, config_missing .6, startup .6, null_reference .5, volume_drop .5, backlog .5, errors .4,
    exception .4 by exception, auth .35, missing_table .5 by schema_mismatch, decode_error .3, server_error .4
dedupe_removed: race_condition
    complaint .45, race 1, wrong_result .8, retries_up .3, traffic_up .3
truncation_removed: memory_saturation
    payload_too_large 1, memory_growth .7, oom .85, memory_step .75, slow .7, cpu .5, timeout .5, throttled .4,
    constraint .3
transaction_removed: race_condition
    race .8, wrong_result .85 by wrong_result, not_found .45 by wrong_result, volume_drop .35, lock_wait .3
auth_removed: configuration
    auth 1, errors .3
await_removed: race_condition
    race .9, null_reference .6, type_error .5, exception .5, wrong_result .65, not_found .4
# guards
null_guard_removed: exception
    null_reference 1, type_error .5, exception .6, out_of_range .35, restart .55, errors .4, not_found .1,
    server_error .4
error_check_removed: exception
    null_reference .6, wrong_result .6, exception .5, restart .45, errors .3, out_of_range .3, server_error .3
bound_check_removed: exception
    out_of_range 1, exception .5, payload_too_large .5, wrong_result .45 by wrong_result, oom .35, errors .3,
    null_reference .25, slow .2
# growth
unbounded_growth: memory_leak
    memory_growth 1, oom 1, gc .9, restart .5, memory_step .4, slow .3
growth_bounded: memory_leak
    memory_step .15, memory_growth .1, oom .1
connection_per_call: connection_pool_exhausted
    slow_outside .7, too_many_connections 1, handle_leak .9, pool_exhausted .8, slow .75, unreachable .5,
    thread_growth .5, memory_growth .45, tls .2
task_started: memory_leak
    thread_growth 1, memory_growth .7, oom .5, cpu .5, handle_leak .45, traffic_up .35
# schema
table_used: schema_mismatch
    missing_table 1, missing_column .4
column_used: schema_mismatch
    missing_column 1, missing_table .2
ddl_dropped: schema_mismatch
    missing_column 1, missing_table 1, not_found .3, exception .3, errors .3
index_dropped: latency_regression
    slow 1, cpu .9, timeout .65, lock_wait .45, pool_exhausted .4, race .4
ddl_constraint: schema_mismatch
    constraint 1, lock_wait .7 by lock_contention, race .5, errors .4, type_error .4, slow .4
ddl_locks: lock_contention
    lock_wait 1, timeout .6, slow .6, pool_exhausted .6, deadlock .5, race .4, missing_column .15
field_renamed: schema_mismatch
    rejected_input .8, decode_error 1, null_reference .6, config_missing .65, type_error .6, not_found .4,
    wrong_result .5, backlog .45, missing_column .35, errors .3, constraint .5
member_removed: schema_mismatch
    rejected_input .6, decode_error 1, type_error .55, exception .45, not_found .4, config_missing .3, errors .3
member_added: schema_mismatch
    decode_error 1, rejected_input .7, type_error .5, exception .45, not_found .4, constraint .5, errors .2
type_changed: schema_mismatch
    rejected_input .8, complaint .45, type_error 1, decode_error .9, wrong_result .55, exception .45, out_of_range .4,
    null_reference .35, errors .3, constraint .3
# names and trust
endpoint_changed: configuration
    slow_outside .8, dns .95, unreachable .95, not_found .8, timeout .5, auth .5, volume_drop .7, backlog .6, tls .55,
    missing_table .5, errors .35, wrong_result .3, cache_miss .5
probe_path_changed: startup_failure
    probe_failed 1, unreachable .95, restart .9, not_found .9, errors .45, server_error .45, volume_drop .6
route_renamed: configuration
    not_found 1, probe_failed .9, unreachable .7, errors .45, server_error .45, auth .3, volume_drop .6, restart .5
setting_changed: configuration
    config_missing .6, errors .45, exception .45, oom .5, memory_growth .4, wrong_result .5, tls .5, auth .5,
    decode_error .5, race .5, slow .35, unreachable .4, disk_full .4, backlog .4, throttled .4, not_found .5,
    startup .6, lock_wait .4, cpu .35, timeout .35, complaint .5
variable_renamed: configuration
    config_missing 1, null_reference .75, startup .85, type_error .6, auth .55, unreachable .45, exception .45,
    restart .5, errors .35, not_found .4, dns .3
trust_changed: configuration
    tls 1, auth .45, unreachable .25, errors .25
rights_changed: configuration
    auth 1, errors .3, not_found .2
# versions
dependency_major: exception
    rejected_input .5, incompatible 1, startup .75, type_error .65, exception .55, decode_error .55, tls .5, auth .35,
    null_reference .45, not_found .45, errors .35, unreachable .4, memory_growth .35, slow .35, wrong_result .35,
    timeout .3, config_missing .5
dependency_downgraded: exception
    incompatible .8, startup .5, type_error .5, exception .4, decode_error .4, errors .25
dependency_minor: exception
    incompatible .5, startup .3, type_error .3, exception .25, decode_error .3, memory_growth .2, errors .15
dependency_patch: exception
    incompatible .25, exception .1, memory_growth .1
dependency_removed: startup_failure
    incompatible 1, startup .7, exception .4, not_found .4
# logic
rounding_changed: wrong_result
    complaint .45, wrong_result 1, errors .15, out_of_range .3
comparison_changed: wrong_result
    rejected_input .5, null_reference .5 by exception, type_error .4 by exception, complaint .4, wrong_result .85,
    out_of_range .8, errors .25, not_found .3, auth .35, cpu .3, exception .2, race .3
arithmetic_changed: wrong_result
    null_reference .5 by exception, type_error .4 by exception, complaint .4, wrong_result .9, out_of_range .6,
    errors .2, timeout .2, exception .15
sorting_changed: wrong_result
    complaint .45, wrong_result .9, slow .3, exception .25
time_zone_changed: wrong_result
    complaint .45, wrong_result .95, clock .9, auth .35, volume_drop .45, type_error .4, errors .25
unit_changed: configuration
    timeout .8 by timeout_budget, throttled .85, cache_miss .9, slow .5, lease .8, auth .45, cpu .4, backlog .5,
    traffic_up .55, retries_up .55, cancelled .6, wrong_result .7, limit_dropped .8, payload_too_large .6, oom .5,
    disk_full .4, errors .4, complaint .45, out_of_range .4
validation_added: schema_mismatch
    rejected_input 1, decode_error .5, constraint .4, complaint .4, errors .4, backlog .3, auth .2, type_error .3
copy_per_call: memory_saturation
    gc 1, memory_step .9, oom .8, cpu .75 by cpu_saturation, slow .7 by latency_regression, timeout .4, event_loop .6
encoding_changed: schema_mismatch
    rejected_input .5, complaint .45, decode_error .95, wrong_result .65, auth .45, type_error .4,
    payload_too_large .35, cpu .4, errors .25
status_changed: exception
    errors .45, retries_up .55, server_error .4, not_found .3
regex_backtracks: cpu_saturation
    cpu 1, event_loop .9, slow .85, worker_exhausted .65, timeout .55, restart .35, errors .3
pattern_changed: wrong_result
    rejected_input .8, not_found .6, wrong_result .65, decode_error .5, auth .45, throttled .2, errors .3
query_heavier: latency_regression
    slow .9, cpu .85, timeout .6, pool_exhausted .5, lock_wait .3
query_unbounded: latency_regression
    slow .9, memory_step .8 by memory_saturation, oom .9 by memory_saturation, cpu .65, timeout .6,
    payload_too_large .6, pool_exhausted .4
branch_removed: wrong_result
    complaint .75, wrong_result .75, exception .6 by exception, null_reference .5 by exception, not_found .55, auth .6,
    race .55, out_of_range .5 by exception, decode_error .4, type_error .4, server_error .5, errors .4, restart .3
blocking_call: latency_regression
    startup .7 by startup_failure, event_loop 1, slow .85, worker_exhausted .7, timeout .55,
    probe_failed .8 by startup_failure, cpu .5
calls_serial: latency_regression
    slow .9, slow_outside .5, timeout .5, worker_exhausted .5, pool_exhausted .35
lock_held_longer: lock_contention
    lock_wait 1, slow .85, pool_exhausted .7 by connection_pool_exhausted, worker_exhausted .5, timeout .55,
    deadlock .6 by deadlock, slow_outside .3
parallel_calls: connection_pool_exhausted
    too_many_connections .75, pool_exhausted .75, throttled .75, race .7 by race_condition, traffic_up .5, cpu .4,
    handle_leak .5, thread_growth .5
lock_added: lock_contention
    lock_wait .95, deadlock .9 by deadlock, slow .7, worker_exhausted .5, timeout .5
arguments_swapped: wrong_result
    wrong_result .9, complaint .8, type_error .8, not_found .5, auth .5, errors .35, exception .4, null_reference .3
filter_removed: wrong_result
    wrong_result .8, traffic_up .75, cpu .75, memory_step .6, oom .6, slow .7, fanout .7, throttled .5, backlog .6,
    payload_too_large .6, auth .5, complaint .6, errors .2
name_gone: schema_mismatch
    rejected_input .7, complaint .85, config_missing .8, not_found .8, auth .9, decode_error .8, null_reference .5,
    constraint .5, wrong_result .6, type_error .6, server_error .4, exception .5, missing_column .5, tls .5
name_new: configuration
    rejected_input .7, complaint .8, config_missing .8, not_found .85, auth .8, decode_error .75, constraint .5,
    wrong_result .5, type_error .5, exception .5, incompatible .5, dns .6, unreachable .5, tls .5
cardinality_raised: memory_saturation
    memory_growth 1, oom .95, throttled .7, disk_full .6, memory_step .6, slow .5, complaint .5, fanout .5
members_reordered: schema_mismatch
    wrong_result .95, decode_error .85, complaint .7, race .5, type_error .5, not_found .4, auth .5, errors .3
sampling_removed: traffic_surge
    traffic_up .95, worker_exhausted .75, disk_full .6, slow .5, cpu .5, throttled .6, backlog .7, memory_growth .5
order_changed: wrong_result
    lock_wait .75 by lock_contention, slow .45, worker_exhausted .4, wrong_result .9, auth .7, race .8, volume_drop .6,
    null_reference .5, deadlock .5, not_found .45, unacked .5, backlog .3, startup .5, exception .35, errors .3,
    complaint .5
loop_in_loop: latency_regression
    slow .95, cpu .95, event_loop .9, worker_exhausted .6, timeout .6
loop_changed: latency_regression
    traffic_up .85, cpu .95, fanout .9, slow .7, event_loop .9, memory_growth .6, oom .6, throttled .75,
    out_of_range .7, wrong_result .6, timeout .5, worker_exhausted .5
lock_order_changed: deadlock
    deadlock 1, lock_wait .8, timeout .3
"""
_NOTHING: Final = Capability("", {}, {})


def capability(effect: str) -> Capability:
    """What an effect can do; nothing for one that the table does not know."""
    return capabilities().get(effect, _NOTHING)


@functools.cache
def capabilities() -> Mapping[str, Capability]:
    """The whole table: what each effect can do."""
    table: dict[str, Capability] = {}
    effect = mechanism = ""
    strengths: dict[str, float] = {}
    others: dict[str, str] = {}
    for line in (*_TABLE.splitlines(), "end: end"):
        if not line.strip() or line.startswith("#"):
            continue
        if not line.startswith(" "):
            if effect:
                table[effect] = Capability(mechanism, strengths, others)
            effect, mechanism = line.split(": ")
            strengths, others = {}, {}
            continue
        for entry in line.strip().rstrip(",").split(", "):
            symptom, strength, *by = entry.split()
            strengths[symptom] = float(strength)
            if by:
                others[symptom] = by[1]
    return table
