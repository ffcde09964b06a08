"""Kinds of trouble, and the words by which error texts speak of them.

General knowledge: the messages are those of common runtimes, drivers, brokers, databases and orchestrators.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

# How specific a kind of symptom is. Kinds not named here weigh 1: they name their cause's family outright.
WEIGHTS: Final[Mapping[str, float]] = {
    "errors": 0.45,
    "exception": 0.55,
    "upstream_error": 0.3,
    "slow": 0.65,
    "timeout": 0.75,
    "cancelled": 0.7,
    "traffic_up": 0.55,
    "volume_drop": 0.5,
    "restart": 0.65,
    "unreachable": 0.8,
    "cpu": 0.75,
    "gc": 0.8,
    "memory_step": 0.6,
    "retries_up": 0.8,
    "not_found": 0.9,
    "server_error": 0.45,
    "complaint": 0.5,
    "backlog": 0.8,
}

# (kind, pattern). A text has every kind whose pattern it matches, generic ones only when nothing specific does.
_TEXTS: Final[tuple[tuple[str, str], ...]] = (
    (
        "missing_table",
        (
            r"relation .{1,80} does not exist|no such table|table .{1,80}doesn'?t exist|unknown table|"
            r"undefinedtable|invalid object name|unknown_table"
        ),
    ),
    (
        "missing_column",
        (
            r"column .{1,80} does not exist|unknown column|no such column|undefinedcolumn|invalid column name|"
            r"has no column|missing_column"
        ),
    ),
    (
        "constraint",
        (
            r"violates (not-null|check|foreign key)|not null constraint|cannot be null|check constraint|"
            r"foreign key constraint"
        ),
    ),
    (
        "race",
        (
            r"duplicat|\btwice\b|received again|double (entry|write|delivery)|unique (constraint|violation)|"
            r"concurrent (map|modification)|concurrentmodification|version conflict|optimistic lock|"
            r"stale object|data race|double (charge|spend|booking)|lost update|already (exists|processed|"
            r"committed|claimed|taken|running|active)|previous (run|attempt) still|serializ\w+ failure|"
            r"could not serialize"
        ),
    ),
    (
        "null_reference",
        (
            r"nil pointer|nullpointer|nonetype|null ?reference|undefined is not|(cannot|can't) read propert\w+|"
            r"of (undefined|null)|is (undefined|null)\b|unwrap\(\)|option::unwrap|"
            r"undefined method .{1,60} for nil|attempt to index a nil|invalid memory address|sigsegv|"
            r"segmentation fault|optional value|unexpectedly found nil|must not be null"
        ),
    ),
    (
        "out_of_range",
        (
            r"index out of|out of (range|bounds)|indexerror|arrayindex|slice bounds|stringindex|rangeerror|"
            r"overflow|underflow|division by zero|divide by zero|negative (array|index|length)"
        ),
    ),
    (
        "type_error",
        (
            r"typeerror|type error|must be of type|classcast|cannot (be )?cast|cannot convert|type mismatch|"
            r"incompatible types?|expected .{1,40}(, |but )got|is not a function|not callable|"
            r"unsupported operand|invalid literal|unexpected keyword|missing \d+ required|"
            r"wrong number of arguments|argument .{1,40} type"
        ),
    ),
    (
        "decode_error",
        (
            r"unmarshal|deserial|decod(e|ing)|parse error|failed to parse|cannot parse|invalid json|"
            r"unexpected token|jsonexception|unrecognized field|unknown field|missing (required )?field|"
            r"unknown enum|invalid enum|enum value|schema (mismatch|validation|incompat\w*)|dead ?letter|"
            r"malformed|invalid utf|unicodedecode|avro|wire type|invalid wire|corrupt|checksum mismatch|"
            r"signature mismatch"
        ),
    ),
    (
        "payload_too_large",
        (
            r"too ?(large|long|big)|\b413\b|maximum context|context length|request entity|"
            r"exceeds? (the )?max\w* (size|length|message)|larger than|message size|"
            r"resource_?exhausted.{1,40}message|header too|payload"
        ),
    ),
    (
        "incompatible",
        (
            r"wire version|unsupported (version|protocol)|incompatible|no such method|nosuchmethod|"
            r"noclassdeffound|classnotfound|abstractmethoderror|undefined symbol|glibc|"
            r"version .{1,30} (required|requires|not supported)|deprecated and removed|importerror|"
            r"modulenotfound|cannot find module|unknown option|unexpected argument"
        ),
    ),
    (
        "throttled",
        (
            r"throttl|rate.?limit|too many requests|\b429\b|throughput ?exceeded|slow ?down|quota|"
            r"over_query_limit|limit exceeded|exceeded \d+ requests|shedding|rejected.{0,30}(limit|capacity|"
            r"overload|too many|task|queue|load)|overloaded|capacity (exceeded|exhausted)|resource ?exhausted|"
            r"concurrency limit"
        ),
    ),
    (
        "pool_exhausted",
        (
            r"(?<!worker )(?<!thread )(?<!thread-)pool.{1,40}(exhaust|timed? ?out|timeout|empty|full|limit)|"
            r"(acquir|wait)\w*.{1,30}connection|connection is not available|queuepool|no (free|available|"
            r"idle) connections?|connection pool|poolexhausted|hikaripool"
        ),
    ),
    (
        "too_many_connections",
        (
            r"too many (clients|connections)|connection slots|max_?(client_?conn|connections)|"
            r"maximum number of (clients|connections)|max number of clients"
        ),
    ),
    (
        "worker_exhausted",
        (
            r"(worker|handler|slot)s?.{1,30}(exhaust|busy|full|unavailable)|waiting for a (slot|worker|thread)|"
            r"queu(e|ed|ing) requests?|backpressure|no capacity|thread ?pool|rejectedexecution|"
            r"queue (is )?full|executor|no (free|available) (workers?|threads?)|all workers|request queued|"
            r"max threads|pending requests"
        ),
    ),
    (
        "retry_exhausted",
        (
            r"retr(y|ies).{1,30}(exhaust|exceed|budget)|max(imum)? (retries|attempts)|(gave|giving) up|"
            r"failed after \d+ (attempts|tries|retries)|after \d+ (attempts|retries)|attempts? exhausted|"
            r"retriesexhausted"
        ),
    ),
    ("retries_up", r"retrying|retry attempt|attempt \d+|reconnecting"),
    (
        "oom",
        (
            r"oom.?kill|out of memory|outofmemory|cannot allocate|memoryerror|heap limit|heap out|"
            r"exit(ed with)? code:? 137|memory limit|killed process|allocation failed|used memory > |maxmemory"
        ),
    ),
    ("gc", r"gc (pause|overhead)|garbage collect|stop.the.world|full gc"),
    ("memory_growth", r"memory leak|heap growing|leak detected|maxlisteners"),
    (
        "handle_leak",
        (
            r"too many open files|emfile|enfile|no file descriptors|cannot assign requested address|"
            r"eaddrnotavail|ephemeral port|leaked connection|connection leak"
        ),
    ),
    (
        "thread_growth",
        (
            r"(unable|cannot) (to )?create.{1,20}thread|pthread_create|too many goroutines|"
            r"resource temporarily unavailable"
        ),
    ),
    ("deadlock", r"deadlock"),
    (
        "lock_wait",
        (
            r"lock (wait )?time ?out|lock wait|could not obtain lock|waiting for .{0,20}lock|"
            r"lock.{1,30}timed out|statement due to lock|blocked by|lock held|holding .{0,12}lock|lock contention|failed to acquire lock|"
            r"lock not acquired"
        ),
    ),
    (
        "lease",
        (
            r"lease (expired|lost)|lock (expired|lost)|no longer (the )?(owner|holder|leader)|fencing|"
            r"lost leadership"
        ),
    ),
    ("unacked", r"unack\w*|prefetch window|consumer (timeout|stalled)|delivery acknowledgement|visibility timeout"),
    (
        "backlog",
        (
            r"backlog|consumer lag|too many (parts|segments|small files)|slower than (inserts|writes|"
            r"produc\w+)|queue.{0,12}\d+ deep|lag (is )?(growing|behind|exceed)|queue depth|falling behind|"
            r"messages? (are )?piling"
        ),
    ),
    (
        "dns",
        (
            r"no such host|enotfound|eai_again|getaddrinfo|nxdomain|servfail|name (or service not known|"
            r"resolution)|name resolver|unknownhost|could not resolve|unresolved host|dns\b|"
            r"lookup .{1,80}(timeout|misbehaving|no such)|nameserver"
        ),
    ),
    (
        "certificate_expired",
        (
            r"certificate.{0,40}(has )?expired|cert_has_expired|expired certificate|notafter|validity check|"
            r"not yet valid|x509.{0,60}expired|certificate is not valid"
        ),
    ),
    ("tls", r"\btls|\bssl|x509|protocol[_ ]version|handshake|certificate|pkix|cert_"),
    (
        "auth",
        (
            r"unauthori[sz]ed|forbidden|permission denied|access ?denied|\b40[13]\b|digest|hmac|signature .{0,20}(mismatch|invalid|differ|fail)|invalid (token|credential|"
            r"signature|api key|audience|issuer)|token (expired|invalid)|not authori[sz]ed|"
            r"authentication failed|insufficient (scope|permission|privilege)|missing scope|jwt|csrf|"
            r"password authentication"
        ),
    ),
    (
        "config_missing",
        (
            r"(env(ironment)?( variable)?|setting|config(uration)?|property|key|parameter|option|"
            r"secret).{0,60}(not set|missing|not found|undefined|is required|not configured|invalid|unset)|"
            r"(missing|required|unknown|invalid) (required )?(env|config|setting|property|key|option|"
            r"environment)|keyerror|could not resolve placeholder|not configured"
        ),
    ),
    (
        "startup",
        (
            r"failed to (start|boot|initiali[sz]e)|crashloop|back-off restarting|startup failed|"
            r"could not start|bean.{1,60}creat|application run failed|bind.{1,30}address already"
        ),
    ),
    (
        "probe_failed",
        (
            r"(liveness|readiness|startup|health).{0,20}(probe|check).{0,20}(fail|timed? ?out)|"
            r"failed (liveness|readiness)|will be restarted|unhealthy"
        ),
    ),
    ("disk_full", r"no space left|disk (is )?full|enospc|read-only file system|disk quota|inode"),
    ("event_loop", r"event loop (is )?(blocked|lag)|unresponsive|watchdog|not responding|stall"),
    ("cache_miss", r"cache miss|recomput|cache (is )?cold|stampede|thundering|cache rebuild"),
    (
        "fanout",
        (
            r"\b\d{2,} (sql |db )?(queries|selects|calls|requests)\b|n\+1|duplicate quer|single-item|"
            r"one by one|batching disabled|unbatched|per-item"
        ),
    ),
    (
        "wrong_result",
        (
            r"mismatch|inconsisten|incorrect|unexpected (value|result|balance|total)|negative (balance|"
            r"quantity|amount|total|price)|expected .{1,40} (got|but|was)|reconcil|does not match|wrong (total|"
            r"amount|value|currency|date)|out of balance|differs? (from|by)|assertion|invariant|(total|amount|price|balance|count) (is|was) (zero|wrong|negative|nan)|wrong (direction|order|account)|off by|"
            r"does not (balance|add up|reconcile)|unbalanced|discrepan|cross-tenant|(message|record|event|row|"
            r"update)s? (was |were )?lost|missing (invoice|order|record|row|event|message|payment)s?"
        ),
    ),
    (
        "clock",
        (
            r"clock (skew|drift)|in the future|issued (before|in the future)|used before|not yet valid token|"
            r"time (skew|drift)|requesttimetooskewed"
        ),
    ),
    (
        "not_found",
        (
            r"not (found|registered)|no (handler|route|mapping|provider|such (bean|agent|plugin|job|key|bucket|"
            r"queue|template|method))|unknown (agent|plugin|type|handler|command|job|topic|service|method|"
            r"route|tool)|unknown_topic\w*|nosuchbean|\b404\b|unregistered|unimplemented|no consumer|"
            r"does ?n[o']t exist|no matching"
        ),
    ),
    ("cancelled", r"cancel+ed|client closed|broken pipe|\b499\b|aborted by (client|peer)|abandon\w* by"),
    ("timeout", r"deadline.?exceeded|timed? ?out|timeout|etimedout|time limit|exceeded \d+ ?ms budget|budget exceeded"),
    (
        "unreachable",
        (
            r"connection (refused|reset|closed|aborted)|econnrefused|econnreset|no route to host|unreachable|"
            r"unavailable|socket hang up|closed the connection|terminating connection|broken connection|"
            r"no (healthy|available)? ?(upstream|backend|member|endpoint|instance|host)s?|\b0 of \d+ (members|"
            r"backends|hosts|instances|endpoints|targets)|did not answer|connect failed|eof\b"
        ),
    ),
    (
        "slow",
        (
            r"slow (query|request|response|log|call)|took \d{3,}|exceeded \d+ ?ms|latency \d{3,}|"
            r"completed .{1,30} in \d{4,}|waited \d{3,} ?ms|duration.{1,10}\d{4,}|(statement|query|call|"
            r"request) took|waited \d{3,}"
        ),
    ),
    ("restart", r"restart|crash|panicked|panic:|exit code|killed|core dumped|fatal error"),
    ("exception", r"exception|error:|traceback|panic|uncaught|unhandled|fatal"),
    ("server_error", r"\b50[0234]\b|internal (server )?error|bad gateway|service unavailable|failed"),
)
_TEXT_PATTERNS: Final = tuple((kind, re.compile(pattern, re.I)) for kind, pattern in _TEXTS)
# What a kind explains of the others in one text: "lookup X: i/o timeout" is no timeout of anybody's making.
_IMPLIES: Final[Mapping[str, frozenset[str]]] = {
    "dns": frozenset({"not_found", "timeout", "unreachable", "lock_wait"}),
    "certificate_expired": frozenset({"tls", "constraint"}),
    "pool_exhausted": frozenset({"timeout", "worker_exhausted", "cancelled"}),
    "too_many_connections": frozenset({"throttled"}),
    "missing_table": frozenset({"not_found"}),
    "missing_column": frozenset({"not_found"}),
    "null_reference": frozenset({"type_error"}),
    "probe_failed": frozenset({"timeout", "restart"}),
    "oom": frozenset({"restart", "throttled"}),
    "unacked": frozenset({"throttled"}),
    "decode_error": frozenset({"wrong_result"}),
    "payload_too_large": frozenset({"throttled", "decode_error"}),
    "lock_wait": frozenset({"timeout"}),
    "type_error": frozenset({"wrong_result"}),
    "race": frozenset({"wrong_result"}),
}


def kinds_of_text(text: str) -> list[str]:
    """The kinds of trouble that a text speaks of, the more specific ones first; empty when it speaks of none."""
    found = [kind for kind, pattern in _TEXT_PATTERNS if pattern.search(text)]
    implied = {other for kind in found for other in _IMPLIES.get(kind, ())}
    specific = [kind for kind in found if kind not in implied]
    return [kind for kind in specific if kind not in ("exception", "server_error") or len(specific) == 1]
