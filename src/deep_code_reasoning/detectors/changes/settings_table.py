"""What a change of a setting can do; read by `compatibility.py`, which tells how it is written."""

from __future__ import annotations

from typing import Final

SETTINGS: Final = """
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
cost_raised: cpu_saturation
    cpu 1, slow .9 by latency_regression, timeout .6, worker_exhausted .65, event_loop .8, memory_step .4, oom .4
cost_lowered: configuration
    auth .1
breaker_raised: timeout_budget
    timeout .7, late_timeout .6, slow .6, slow_outside .65, worker_exhausted .7 by thread_pool_exhausted,
    pool_exhausted .45 by connection_pool_exhausted, retries_up .4, traffic_up .35
breaker_removed: timeout_budget
    timeout .7, late_timeout .6, slow .6, slow_outside .65, worker_exhausted .7 by thread_pool_exhausted,
    pool_exhausted .45 by connection_pool_exhausted, retries_up .4, traffic_up .35
breaker_lowered: configuration
    errors .6, unreachable .6, throttled .5, exception .4, server_error .5, complaint .4
idle_time_lowered: configuration
    lease .6 by lock_lease_expired, unreachable .4, slow .3, too_many_connections .3, pool_exhausted .2, tls .2
idle_time_raised: configuration
    unreachable .35, too_many_connections .3, handle_leak .3, pool_exhausted .1
idle_time_removed: configuration
    handle_leak .9, too_many_connections .6, unreachable .4, slow .4, tls .3
workers_lowered: thread_pool_exhausted
    worker_exhausted 1, limit_dropped 1, backlog .85 by message_backlog, slow .6, timeout .5, throttled .4, errors .3
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
    cpu .85, limit_dropped 1, slow .75, worker_exhausted .75,
    backlog .8 by message_backlog, pool_exhausted .4, timeout .5, throttled .35,
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
    fanout .75, throttled .6, slow .5, backlog .85 by message_backlog, traffic_up .65, cpu .4
batch_raised: configuration
    payload_too_large .85, oom .6 by memory_saturation, memory_step .5, timeout .6, slow .6,
    lock_wait .6 by lock_contention, throttled .5
lease_lowered: lock_lease_expired
    lease 1, race .9, lock_wait .6, unacked .5, retries_up .4, auth .4
lease_removed: lock_lease_expired
    lease .8, race .7, lock_wait .4, unacked .4, retries_up .3
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
way_shifted: configuration
    traffic_up 1, volume_drop .8, unreachable .8, too_many_connections .8, pool_exhausted .8, throttled .75, cpu .6,
    timeout .65, worker_exhausted .6, slow .6, slow_outside .5, errors .6, server_error .6, exception .55,
    not_found .55, wrong_result .55, missing_table .5, config_missing .5, auth .45, null_reference .45,
    decode_error .45, oom .45,
    lock_wait .45, backlog .45, memory_step .4, rejected_input .45, cache_miss .5,
    complaint .5, fanout .4
resolver_changed: configuration
    dns .95, slow .6, slow_outside .6, timeout .55, unreachable .6, errors .35
collector_tuned: memory_saturation
    gc 1, cpu .7 by cpu_saturation, slow .6, oom .5, memory_growth .45, memory_step .4, event_loop .35
retention_raised: disk_saturation
    disk_full 1, slow .2
logging_verbose: disk_saturation
    disk_full 1, cpu .6, slow .6, event_loop .4, throttled .2
logging_heavy: cpu_saturation
    disk_full .8 by disk_saturation, cpu .9, slow .85 by latency_regression, event_loop .7, gc .7, memory_step .4,
    timeout .4, throttled .2
"""
