"""Kinds of trouble, and the words by which error texts speak of them.

General knowledge: the messages are those of common runtimes, drivers, brokers, databases and orchestrators.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Final

# How specific a kind of symptom is. Kinds not named here weigh 1: they name their cause's family outright.
WEIGHTS: Final[Mapping[str, float]] = {
    "errors": 0.45,
    "exception": 0.55,
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
    "rejected_input": 0.85,
    "server_error": 0.45,
    "complaint": 0.5,
    "backlog": 0.8,
}

# Alternatives are divided by " | "; a text has every kind of which one stands in it.
_TABLE: Final = r"""
missing_table:
    relation .{1,80} does not exist | no such table | table .{1,80}doesn'?t exist | unknown table |
    undefinedtable | invalid object name | unknown_table
missing_column:
    column .{1,80} does not exist | unknown column | no such column | undefinedcolumn | invalid column name |
    has no column | missing_column
constraint:
    violates (not-null|check|foreign key) | not null constraint | cannot be null | check constraint |
    foreign key constraint
race:
    duplicat | \btwice\b | received again | double (entry|write|delivery) | unique (constraint|violation) |
    concurrent (map|modification) | concurrentmodification | version conflict | optimistic lock | stale object |
    (after|by|due to|from|lost to|with) (a )?concurrent (?!(call|connection|request|session|stream|user)s?\b) |
    check-then-(act|insert|set|update|write) | data race | double (charge|spend|booking) | lost update |
    already (exists|processed|committed|claimed|taken|running|active) | previous (run|attempt) still |
    running .{1,30}in parallel | serializ\w+ failure | could not serialize
null_reference:
    nil pointer | nullpointer | nonetype | null ?reference | undefined is not | (cannot|can't) read propert\w+ |
    (of|on) (undefined|null)\b | is (undefined|null)\b | unwrap\(\) | option::unwrap |
    undefined method .{1,60} for nil | attempt to index a nil | invalid memory address | sigsegv |
    segmentation fault | optional value | unexpectedly found nil | must not be null
out_of_range:
    index out of | out of (range|bounds) | indexerror | arrayindex | slice bounds | stringindex | rangeerror |
    overflow | underflow | division ?by ?zero | divide by zero | negative (array|index|length)
type_error:
    typeerror | type error | must be of type | classcast | cannot (be )?cast | cannot convert | type mismatch |
    incompatible types? | expected .{1,40}(, |but )got | is not a function | not callable | unsupported operand |
    invalid literal | unexpected keyword | missing \d+ required | wrong number of arguments | argument .{1,40} type
decode_error:
    unmarshal | deserial | decod(e|ing) | parse error | failed to parse | cannot parse | invalid json |
    could(n't| not) (be )?pars(e|ed)\b | (yaml|json|toml|xml): line \d+ | mapping values are not allowed |
    unexpected token | jsonexception | unrecognized field | unknown field |
    missing ?(required ?)?(field|creator property) |
    unknown enum | invalid enum | enum value |
    enum .{1,60}cannot represent | no enum constant | unknown variant |
    schema (mismatch|validation|incompat\w*) | dead ?letter |
    malformed | invalid utf | unicodedecode | avro | wire type | invalid wire | corrupt | checksum mismatch |
    signature mismatch | mismatchedinput | databind | numberformatexception | dateparseexception |
    datetimeparseexception | input string was not in a correct format
rejected_input:
    \b422\b | unprocessable | \b400\b | bad request | validation (error|failed) | failed validation |
    must match | invalid (request|argument|input|field|parameter) | invalidargument | is not valid |
    (field|parameter|property|attribute|header).{1,60} (missing|required|empty) in .{0,8}(request|payload|body|input)
payload_too_large:
    too ?(large|long|big) | \b413\b | maximum context | context length | request entity |
    exceeds? (the )?max\w* (size|length|message) | larger than | message size | resource_?exhausted.{1,40}message |
    header too |
    payload.{0,20} (size|limit|of \d|over|exceed\w*) | (size|limit|max\w*|large\w*|exceed\w*) .{0,20}payload
incompatible:
    wire version | unsupported (version|protocol) | incompatible | no such method | nosuchmethod |
    noclassdeffound | classnotfound | abstractmethoderror | undefined symbol | glibc |
    version .{1,30} (required|requires|not supported) | deprecated and removed | importerror | modulenotfound |
    cannot find module | unknown option | unexpected argument
throttled:
    throttl | rate.?limit | too many requests | \b429\b | throughput.{0,40}exceed | slow ?down | quota |
    over_query_limit | limit exceeded | exceeded \d+ requests | shedding |
    rejected.{0,30}(limit|capacity|overload|too many|task|queue|load) | overloaded |
    capacity (exceeded|exhausted) | resource ?exhausted | concurrency limit
pool_exhausted:
    (?<!worker )(?<!thread)(?<!thread )(?<!thread-)pool.{1,40}(exhaust|timed? ?out|timeout|empty|full|limit) |
    (acquir|wait)\w*.{1,30}connection | connection is not available | queuepool |
    no (free|available|idle) connections? | no connections? .{0,12}(free|available|idle) |
    connection pool | poolexhausted | hikaripool
too_many_connections:
    too many (clients|connections) | connection slots | max_?(client_?conn|connections) |
    maximum number of (clients|connections) | max number of clients
worker_exhausted:
    (worker|handler|slot)s?.{1,30}(exhaust|busy|full|unavailable) | waiting for a (slot|worker|thread) |
    queu(e|ed|ing) requests? | backpressure | no capacity | thread ?pool | rejectedexecution | queue (is )?full |
    executor | no (free|available) (workers?|threads?) | no (worker|thread|slot)s? .{0,12}(free|available) |
    all workers | request queued | max threads | pending requests | bulkhead | semaphore (is )?full |
    acquire a semaphore
retry_exhausted:
    retr(y|ies).{1,30}(exhaust|exceed|budget) | max(imum)? (retries|attempts) | (gave|giving) up |
    failed after \d+ (attempts|tries|retries) | after \d+ (attempts|retries) | attempts? exhausted |
    retriesexhausted
retries_up:
    retrying | retry attempt | attempt \d+ | reconnecting
oom:
    oom.?kill | out of memory | outofmemory | cannot allocate | memoryerror | heap limit | heap out |
    exit(ed with)? code:? 137 | memory limit | killed process | allocation failed | used memory >  | maxmemory
gc:
    gc (pause|overhead) | garbage collect | stop.the.world | full gc
memory_growth:
    memory leak | heap growing | heap (used|usage) (is )?[\d.]+ | leak detected | maxlisteners
handle_leak:
    too many open files | emfile | enfile | no file descriptors | cannot assign requested address | eaddrnotavail |
    ephemeral port | leaked connection | connection leak
thread_growth:
    (unable|cannot) (to )?create.{1,20}thread | pthread_create | too many goroutines |
    resource temporarily unavailable
deadlock:
    deadlock
lock_wait:
    lock (wait )?time ?out | lock wait | could not obtain lock | waiting for .{0,20}lock | lock.{1,30}timed out |
    statement due to lock | blocked by | lock held | holding .{0,12}lock | lock contention |
    failed to acquire lock | lock not acquired | waited .{1,20} for .{0,20}lock\b
lease:
    lease (expired|lost) | lock (expired|lost) | (lease|lock|mutex)\b.{0,60} not (held|owned)\b | lease not found |
    keepererrorcode = session expired | no longer (the )?(owner|holder|leader) | fencing | lost leadership
unacked:
    unack\w* | prefetch window | consumer (timeout|stalled) | delivery acknowledgement | visibility timeout |
    poll interval exceeded | left the group | rebalanc(e|ing)\b | commitfailedexception | max\.poll\.interval
backlog:
    backlog | consumer lag | too many (parts|segments|small files) | slower than (inserts|writes|produc\w+) |
    queue.{0,12}\d+ deep | lag (is )?(growing|behind|exceed) | queue depth | falling behind |
    messages? (are )?piling
dns:
    no such host | enotfound | eai_again | getaddrinfo | nxdomain | servfail |
    name (or service not known|resolution) | name resolver | unknownhost | could not resolve(?! placeholder) |
    unresolved host | nodename nor servname | name does not resolve | could not be resolved \(\d+: |
    failed to resolve '[^']+'.{0,12} after \d+ quer | resolving '[^']+/(a|aaaa|srv)/in' |
    dns\b | lookup (?!(of|in|by)\b).{1,80}(timeout|misbehaving|no such) | nameserver |
    \blookup [\w-]+(\.[\w-]+)+ on .{1,200}timeout |
    (read|write|dial) (udp|tcp) (\S+->)?\S+:53: | plugin/(errors|forward):
certificate_expired:
    certificate.{0,40}(has )?expired | cert_has_expired | expired certificate | notafter | validity check |
    not yet valid | x509.{0,60}expired | certificate is not valid |
    (credential|api ?key|(client|shared) ?secret|access ?key|licen[cs]e( key)?)s?.{0,30}\bexpired
tls:
    \btls(?! certificate) | \bssl(?! certificate) | x509 | protocol[_ ]version | handshake |
    certificate(?!.{1,80}\bexpires? in \d+ (day|week|month)) | pkix | cert_
auth:
    unauthori[sz]ed | forbidden | permission denied | access ?denied | \b40[13]\b | digest | hmac |
    signature .{0,20}(mismatch|invalid|differ|fail) |
    invalid (token|credential|signature|api key|audience|issuer) | token (expired|invalid) | not authori[sz]ed |
    authentication ?failed | (login|bind|logon) (was )?refused |
    password .{0,40}expired | insufficient (scope|permission|privilege) | missing scope | jwt | csrf |
    password authentication
config_missing:
    (env(ironment)?( variable)?|setting|config(uration)?|option|secret).{0,60}(not set|missing|not found|unset) |
    (env(ironment)?( variable)?|setting|config(uration)?|option|secret).{0,60}(undefined|is required|invalid) |
    (property|key|parameter).{0,60}(not set|missing|not found|undefined|is required|not configured|invalid|unset) |
    (missing|required|unknown|invalid) (required )?(env|config|setting|property|key|option|environment) |
    keyerror | could not resolve placeholder | not configured
startup:
    failed to (start|boot|initiali[sz]e) | crashloop | back-off restarting | startup failed | could not start |
    bean.{1,60}creat | application run failed | bind.{1,30}address already
probe_failed:
    (liveness|readiness|startup|health).{0,20}(probe|check).{0,20}(fail|timed? ?out) |
    failed (liveness|readiness) | will be restarted | unhealthy
disk_full:
    no space left | disk (is )?full | enospc | read-only file system | disk quota | inode
event_loop:
    event loop (is )?(blocked|lag) | unresponsive | watchdog | not responding | stall
cache_miss:
    cache miss | recomput | cache (is )?cold | stampede | thundering | cache rebuild
fanout:
    \b\d{2,} (sql |db )?(queries|selects|calls|requests)\b | n\+1 | duplicate quer | single-item | one by one |
    batching disabled | unbatched | per-item | page \d{3,} reached | same (cursor|page) (again|returned)
wrong_result:
    mismatch | inconsisten | incorrect | unexpected (value|result|balance|total) |
    negative (balance|quantity|amount|total|price) | expected .{1,40} (got|but|was) | reconcil | does not match |
    wrong (total|amount|value|currency|date) | out of balance | differs? (from|by) | assertion | invariant |
    (total|amount|price|balance|count) (is|was) (zero|wrong|negative|nan) | wrong (direction|order|account) |
    off by | \bdifferences?:? (of )?-?\d | does not (balance|add up|reconcile) | unbalanced | discrepan | cross-tenant |
    (message|record|event|row|update)s? (was |were )?lost |
    missing (invoice|order|record|row|event|message|payment)s?
clock:
    clock (skew|drift) | in the future | issued (before|in the future) | used before | not yet valid token |
    in the past(?! (\d|few|hour|minute|second|day|week)) |
    (ends?|ended|until|expir\w+|valid ?to) .{0,24}before .{0,16}(start\w*|beg[aiu]n\w*|from)\b |
    time (skew|drift) | requesttimetooskewed
not_found:
    not (found|registered) |
    no (handler|route|mapping|provider|such (bean|agent|plugin|job|key|bucket|queue|template|method)) |
    unknown (agent|plugin|type|handler|command|job|topic|service|method|route|tool) | unknown_topic\w* |
    nosuchbean | \b404\b | unregistered | unimplemented | no (consumer|subscriber|listener) | does ?n[o']t exist |
    no matching
cancelled:
    cancel+ed | client closed | broken pipe | \b499\b | aborted by (client|peer) | abandon\w* by
timeout:
    deadline.?exceeded | timed? ?out | timeout | etimedout | time limit | exceeded \d+ ?ms budget | budget exceeded
unreachable:
    connection (refused|reset|closed|aborted) | econnrefused | econnreset | no route to host | unreachable |
    unavailable | socket hang up | closed the connection | terminating connection | broken connection |
    no (healthy|available)? ?(upstream|backend|member|endpoint|instance|host)s? |
    \b0 of \d+ (members|backends|hosts|instances|endpoints|targets) | did not answer | connect failed | eof\b
slow:
    slow (query|request|response|log|call) | took \d{3,} | exceeded \d+ ?ms | latency \d{3,} |
    completed .{1,30} in \d{4,} | waited \d{3,} ?ms | duration.{1,10}\d{4,} | (statement|query|call|request) took |
    waited \d{3,}
restart:
    restart | crash | panicked | panic: | exit code | killed | core dumped | fatal error
exception:
    exception | error: | traceback | panic | uncaught | unhandled | fatal
server_error:
    \b50[0234]\b | internal (server )?error | bad gateway | service unavailable | failed
"""
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


@functools.cache
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    entries = re.findall(r"^(\w+):\n((?:    .+\n)+)", _TABLE, re.M)
    return tuple(
        (kind, re.compile("|".join(re.split(r"\s+\|\s+", " ".join(lines.split("\n    ")).strip())), re.I))
        for kind, lines in entries
    )


@functools.cache
def trouble_words() -> frozenset[str]:
    """The plain words by which error texts are known here, in lower case."""
    return frozenset(re.findall(r"(?<![\\a-z])[a-z]{4,}", _TABLE))


# A common client names its class in every error; that it keeps a pool says nothing of the error.
_NO_POOL: Final = re.compile(r"HTTPS?ConnectionPool")


@functools.lru_cache(maxsize=4096)
def kinds_of_text(text: str) -> tuple[str, ...]:
    """The kinds of trouble that a text speaks of, the more specific ones first; empty when it speaks of none."""
    text = _NO_POOL.sub("", text)
    found = [kind for kind, pattern in _patterns() if pattern.search(text)]
    implied = {other for kind in found for other in _IMPLIES.get(kind, ())}
    specific = [kind for kind in found if kind not in implied]
    return tuple(kind for kind in specific if kind not in ("exception", "server_error") or len(specific) == 1)
