"""What a change of code, of schemas, of names and of versions can do; read by `compatibility.py`."""

from __future__ import annotations

from typing import Final

CODE: Final = """
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
state_shared: race_condition
    race .95, wrong_result .85, exception .5, decode_error .6, errors .35, memory_growth .35 by memory_leak,
    type_error .3, out_of_range .3, complaint .4
isolation_lowered: race_condition
    race .9, wrong_result .75, constraint .4
isolation_raised: lock_contention
    lock_wait .85, deadlock .85 by deadlock, retries_up .6, slow .6, errors .45, timeout .5, pool_exhausted .4,
    exception .4
address_kept: configuration
    dns .9, unreachable .85, timeout .7, errors .45
turns_given_up: race_condition
    race 1, wrong_result .7, deadlock .4, lock_wait .4, constraint .4, complaint .4
transaction_removed: race_condition
    race .8, wrong_result .85 by wrong_result, not_found .45 by wrong_result, volume_drop .35, lock_wait .3
auth_removed: configuration
    auth 1, errors .3
await_removed: race_condition
    race .9, null_reference .6, type_error .5, exception .5, wrong_result .65, not_found .4
write_unawaited: race_condition
    race .95, not_found .9, wrong_result .8, null_reference .6, constraint .6, volume_drop .6, complaint .6,
    exception .5, auth .45, type_error .4, errors .35, decode_error .3, out_of_range .3
# guards
null_guard_removed: exception
    null_reference 1, type_error .5, exception .6, out_of_range .35, restart .55, errors .4, not_found .1,
    server_error .4
error_check_removed: exception
    null_reference .6, wrong_result .6, exception .5, restart .45, errors .3, out_of_range .3, server_error .3
bound_check_removed: exception
    out_of_range 1, exception .5, payload_too_large .5, wrong_result .45 by wrong_result, oom .35, errors .3,
    null_reference .25, slow .2
# containers and data
searched_in_order: latency_regression
    cpu .95 by cpu_saturation, slow .95, event_loop .8, timeout .55, worker_exhausted .45
holds_whole: memory_saturation
    memory_step 1, memory_growth .85, oom .95, gc .8, slow .55, timeout .4, restart .4
jitter_removed: traffic_surge
    traffic_up .9, throttled .75, cpu .65, retries_up .5, lock_wait .4, slow .45, cache_miss .5 by cache_stampede,
    pool_exhausted .4
compression_removed: latency_regression
    payload_too_large .9, traffic_up .7, slow .8, slow_outside .5, timeout .4, disk_full .5 by disk_saturation
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
# turns
overlap_allowed: race_condition
    race .9, lock_wait .75 by lock_contention, backlog .7 by message_backlog, cpu .6 by cpu_saturation,
    traffic_up .6 by traffic_surge, wrong_result .6, deadlock .4 by deadlock, pool_exhausted .4
ack_early: wrong_result
    wrong_result .9, volume_drop .6, race .4, complaint .5
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
objects_expire: configuration
    not_found 1, missing_table .3, config_missing .5, startup .6, wrong_result .5, unreachable .4, errors .4,
    complaint .5, exception .4
ids_rounded: schema_mismatch
    not_found 1, wrong_result .85, complaint .6, auth .5, constraint .5, race .4, rejected_input .4, errors .4
cache_key_coarser: wrong_result
    wrong_result 1, complaint .6, auth .5, not_found .4, rejected_input .4, errors .3
limit_key_coarser: configuration
    throttled 1, auth .3, complaint .5, errors .4, cancelled .2
statements_prepared: configuration
    race .95, not_found .95, exception .6, errors .4, missing_table .3
egress_limited: configuration
    dns 1, unreachable .95, timeout .8, slow_outside .4, errors .4, startup .4
# names and trust
endpoint_changed: configuration
    slow_outside .8, dns .95, unreachable .95, not_found .8, timeout .5, auth .5, volume_drop .7, backlog .6, tls .55,
    missing_table .5, errors .35, wrong_result .3, cache_miss .5
region_changed: latency_regression
    slow .9, slow_outside .9, timeout .65, backlog .55, unreachable .6 by configuration,
    not_found .6 by configuration, auth .5 by configuration, dns .5 by configuration, tls .4 by configuration,
    errors .4, volume_drop .4, wrong_result .3 by wrong_result
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
    auth 1, errors .5, not_found .2, unreachable .55, timeout .5
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
payload_widened: latency_regression
    slow .7, payload_too_large .7, memory_step .65 by memory_saturation, oom .5 by memory_saturation, cpu .4,
    slow_outside .4, timeout .35, gc .4 by memory_saturation, memory_growth .35 by memory_saturation
query_unbounded: latency_regression
    slow .9, memory_step .8 by memory_saturation, oom .9 by memory_saturation, cpu .65, timeout .6,
    payload_too_large .6, pool_exhausted .4
branch_removed: wrong_result
    complaint .75, wrong_result .75, exception .6 by exception, null_reference .5 by exception, not_found .55, auth .6,
    race .55, out_of_range .5 by exception, decode_error .4, type_error .4, server_error .5, errors .4, restart .3
blocking_call: latency_regression
    startup .7 by startup_failure, event_loop 1, slow .85, worker_exhausted .7, timeout .55,
    probe_failed .8 by startup_failure, cpu .5
call_added: latency_regression
    slow .6, slow_outside .6, fanout .55 by chatty_calls, traffic_up .5 by chatty_calls, timeout .35, errors .25,
    unreachable .4, lock_wait .3, cpu .25
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
    rejected_input .7, complaint .8, config_missing .8, not_found .85, auth .8,
    decode_error .75 by schema_mismatch, constraint .5,
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
