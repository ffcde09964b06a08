"""What kinds of symptoms and effects are like, beside what can produce what: about names, or harming somebody else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# Symptoms whose texts name the very thing that broke: an effect that is about other names did not do it.
NAMING: Final = frozenset("missing_table missing_column dns decode_error not_found config_missing constraint".split())
# Symptoms that tell why others are there, as metrics have them, and as metrics or messages do.
MEASURED_REASONS: Final = frozenset(
    "cpu gc event_loop memory_step pool_exhausted worker_exhausted lock_wait cache_miss handle_leak backlog".split()
)
REASONS: Final = MEASURED_REASONS | frozenset(
    "too_many_connections deadlock retries_up fanout memory_growth thread_growth throttled".split()
)
# How a mechanism shows: the symptom that tells it first. Of mechanisms that are not listed an effect has to be known.
SHOWS: Final[Mapping[str, tuple[str, ...]]] = {
    "cache_stampede": ("cache_miss",),
    "chatty_calls": ("fanout",),
    "connection_pool_exhausted": ("pool_exhausted", "too_many_connections"),
    "cpu_saturation": ("cpu",),
    "deadlock": ("deadlock", "lock_wait"),
    "latency_regression": ("slow",),
    "lock_contention": ("lock_wait",),
    "lock_lease_expired": ("lease",),
    "memory_leak": ("memory_growth", "handle_leak"),
    "memory_saturation": ("memory_step", "oom"),
    "message_backlog": ("backlog",),
    "n_plus_one": ("fanout",),
    "race_condition": ("race",),
    "retry_storm": ("retries_up",),
    "thread_pool_exhausted": ("worker_exhausted",),
    "timeout_budget": ("timeout", "late_timeout", "cancelled"),
    "unacknowledged_messages": ("unacked",),
    "wrong_result": ("wrong_result",),
}
# What a symptom tells: the mechanism that it is the first sign of, else one that shows so too.
TELLS: Final[Mapping[str, str]] = {symptom: mechanism for mechanism, shown in SHOWS.items() for symptom in shown} | {
    shown[0]: mechanism for mechanism, shown in SHOWS.items()
}
# Effects that are about names, to which the same applies.
NAMED_EFFECTS: Final = frozenset(
    """table_used column_used ddl_dropped field_renamed member_removed member_added endpoint_changed
    variable_renamed route_renamed""".split()
)
# Effects whose harm shows at those who are called, or share something, rather than at the changed service itself.
REMOTE_EFFECTS: Final = frozenset(
    """unit_changed validation_added members_reordered sampling_removed query_heavier query_unbounded
    cardinality_raised name_gone name_new
    filter_removed retries_raised backoff_removed backoff_lowered workers_raised pool_raised parallel_calls
    limiter_removed rate_limit_removed rate_limit_raised call_added call_in_loop batch_removed cache_removed
    cache_key_changed cache_ttl_lowered coalescing_removed connection_per_call ddl_dropped ddl_locks
    ddl_constraint index_dropped field_renamed member_removed member_added type_changed endpoint_changed rights_changed
    payload_raised batch_raised replicas_raised schedule_lowered rounding_changed probe_path_changed
    route_renamed setting_changed loop_changed trust_changed eviction_removed dedupe_removed batch_lowered
    encoding_changed arithmetic_changed status_changed rate_limit_lowered release_removed
    prefetch_lowered prefetch_raised ack_removed write_unawaited way_shifted region_changed objects_expire
    cache_key_coarser ids_rounded egress_limited""".split()
)
# Effects that concern one operation, table or statement, where others (pools, processors, limits) concern the process.
OF_ONE_OPERATION: Final = frozenset(
    """call_in_loop batch_removed batch_lowered batch_raised query_heavier query_unbounded cache_removed
    cache_key_changed cache_ttl_lowered coalescing_removed index_dropped calls_serial ddl_dropped ddl_locks
    ddl_constraint filter_removed loop_changed loop_in_loop""".split()
)
# Effects that are over when the migration that brings them is.
PASSING: Final = frozenset({"ddl_locks"})
# Effects by which a name comes into use or is no longer known.
NEW_NAMES: Final = frozenset({"name_new", "name_gone"})
# Effects that show with the first request that meets them.
AT_ONCE: Final = NAMED_EFFECTS | {"rights_changed", "trust_changed", "index_dropped"}
# Effects that wait for more data, another customer or time before they show.
LATENT: Final = frozenset(
    """query_unbounded truncation_removed bound_check_removed unbounded_growth eviction_removed cardinality_raised
    payload_removed cache_size_removed regex_backtracks time_zone_changed objects_expire""".split()
)
# Effects by which a service calls another one, or an operation of it, that it did not call so before.
NEW_CALLS: Final = frozenset({"blocking_call", "call_added", "call_in_loop", "batch_removed", "endpoint_changed"})
# Effects by which one statement takes longer.
OF_STATEMENTS: Final = frozenset({"index_dropped", "query_heavier", "query_unbounded", "ddl_locks"})
# Effects whose new names and values are quoted by errors that come of them.
QUOTED: Final = NAMED_EFFECTS | NEW_NAMES | {"type_changed"}
# Effects of rules that one has and another goes by.
OF_RULES: Final = frozenset(
    {"regex_backtracks", "egress_limited", "objects_expire", "pattern_changed", "rights_changed"}
)
