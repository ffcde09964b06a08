"""What common libraries' words mean when they go, come, or go in favour of others; read by `exchanges.py`.

The words are those of the documentation of the main libraries of Python, Java, Kotlin, Go, JavaScript, C#, Ruby, PHP,
Rust and Elixir, of SQL and of the usual servers' configuration.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Exchange:
    """An effect, and what its lines show.

    `gone` is taken away, or stands there switched off; `come` is new; `stays` stands in the file since, or in its path.
    `off` is what a line says besides `gone` where it switches that off.
    """

    effect: str
    says: str
    gone: re.Pattern[str] | None
    come: re.Pattern[str] | None
    stays: re.Pattern[str] | None
    off: re.Pattern[str] | None
    sureness: float

    def takes(self, text: str) -> bool:
        """Whether a line has what is taken away, and has it on."""
        return bool(self.gone and self.gone.search(text)) and not (self.off and self.off.search(text))

    def brings(self, text: str) -> bool:
        """Whether a line has what is new."""
        return bool(self.come and self.come.search(text))


def _rule(
    effect: str, says: str, *, gone: str = "", come: str = "", stays: str = "", off: str = "", sureness: float = 0.85
) -> Exchange:
    first, second, third, fourth = (re.compile(text) if text else None for text in (gone, come, stays, off))
    return Exchange(effect, says, first, second, third, fourth, sureness)


# Containers that several may change at once, and those that but one may.
_CONCURRENT: Final = (
    r"\b(?:Concurrent(?:Dictionary|HashMap|SkipList\w+|Linked\w+|Queue|Bag|Stack|Map)|Concurrent::\w+|CopyOnWrite\w+"
    r"|sync\.Map|DashMap|"
    r"(?:Linked|Array|Priority)?Blocking(?:Queue|Deque|Collection)\w*|Collections\.synchronized\w+|Atomic(?:Integer"
    r"|Long|Reference|Boolean|\w*Array|U?\d+|I\d+)|"
    r"atomic\.(?:Int|Uint|Pointer|Value|Bool|Add|Load|Store)\w*|Interlocked\.\w+|LongAdder|Immutable(?:Dictionary"
    r"|List)Interlocked|Thread::Queue|queue\.(?:Queue|SimpleQueue)|"
    r"(?:Mutex|RwLock)(?=<))"
)
_PLAIN: Final = (
    r"\b(?:Dictionary|HashMap|LinkedHashMap|TreeMap|ArrayList|LinkedList|ArrayDeque|HashSet|List|Queue"
    r"|Stack)\b\s*[<(]|\bmutable(?:Map|List|Set)Of|\bmap\[|\{\}|\[\]"
    r"|\bRefCell\b|\bUnsafeCell\b|\bstatic mut\b|\bHash\.new|\bdict\(|\bdeque\(|\+\+|\+=\s*1\b|\bnew (?:Map|Set)\("
)
_CHANGES_ALONE: Final = (
    r"(?i)\$(?:inc|push|addToSet|pull|min|max)\b|\bF\(\s*[\"']|(?:->|\.)(?:increment|decrement)(?:_counter|_all"
    r"|Each)?!?\(|\bSET\s+[\"`]?(\w+)[\"`]?\s*=\s*(?:\w+\.)?[\"`]?\1[\"`]?\s*[-+|]"
    r"|\bh?incr(?:by|byfloat)?\b\s*\(|\bdecr(?:by)?\b\s*\(|\bZIncrBy\b|\bcompareAndSet\b|\bCompareExchange\b"
    r"|\b(?:incrementAndGet|getAndIncrement|addAndGet)\b|findOneAndUpdate|find_one_and_update|findAndModify"
    r"|ExecuteUpdate(?:Async)?|update_all\(\s*[\"']|\bupdateMany\b.*\bincrement\b|\bincrement\s*:\s*\w|ON CONFLICT"
    r"|ON DUPLICATE KEY|\bupsert|\bIf-Match\b|\block_version\b|@Version\b|\[ConcurrencyCheck\]|RowVersion"
    r"|[\"']xx?[\"']\s*=>"
)
_READS_THEN_WRITES: Final = (
    r"(?i)\$set\b|\.save\w*\(|->save\(|\bset\w*\(|\bupdate\w*!?\(|\bput\w*\(|\bUPDATE\b.*\bSET\b|\bSaveChanges"
    r"|\w+\.\w+\s*(?:[-+]=|=\s*\w+\.\w+\s*[-+])|\binsert\w*\("
)

# How drivers are told to prepare nothing: JDBC, asyncpg, Rails, Prisma, pgx, PDO, SQLAlchemy, Npgsql.
_UNPREPARED: Final = (
    r"(?i)\bprepareThreshold\W{1,4}0\b|\b(?:prepared_)?statement_cache_size\W{1,4}0\b|\bprepared_statements\W{1,4}false\b"
    r"|\bpgbouncer=true\b|\bPreferSimpleProtocol\W{1,4}true\b|QueryExecModeSimpleProtocol|simple_protocol"
    r"|ATTR_EMULATE_PREPARES\W{1,6}true|\bMax Auto Prepare\s*=\s*0\b|\bcachePrepStmts\W{1,4}false\b"
)

EXCHANGES: Final[tuple[Exchange, ...]] = (
    # Memory.
    _rule(
        "copy_per_call",
        "each worker loads for itself what all shared",
        gone=r"(?i)\bpreload_app!?(?:\s+true\b|\s*=\s*True\b|\s*$)|--preload\b|\bProcess\.warmup\b|\bbefore_fork\b"
        r"|\bopcache\.preload\s*=\s*\S",
    ),
    _rule(
        "copy_per_call",
        "each worker loads for itself what all shared",
        come=r"(?i)\bpreload_app!?\s*=?\s*false\b|\blazy-apps\s*[=:]\s*(?:true|1)\b|\bopcache\.preload\s*=\s*$",
    ),
    # Disks.
    _rule(
        "retention_raised",
        "a file is no longer cut off and begun anew",
        gone=r"(?i)\b(?:Timed)?Rotating\w*Handler\b|\bRollingFile\w*|\bSizeBasedTriggering\w*|\bSizeAndTimeBased\w*"
        r"|\blumberjack\.Logger\b|\bDailyRotateFile\b|winston-daily-rotate|rotating-file-stream"
        r"|\brollingInterval\b|\bfileSizeLimitBytes\b|\bretainedFileCountLimit\b|\btracing_appender::rolling\b"
        r"|\blogrotate\b|\brotate\s+\d+\b|\bmax-?size\W{1,4}\d+\s*[kmg]|\bmax-?file\W{1,4}\d"
        r"|\bbackupCount\b|\bmaxBackups?\b|\bMaxHistory\b|\btotalSizeCap\b|\bSystemMaxUse\b|\bsizeLimit\b"
        r"|\blog\.retention\.\w+|\bretention\.(?:ms|bytes)\b|\bcleanup\.policy\b|Logger\.new\(.*,\s*(?:\d"
        r"|[\"'](?:daily|weekly))",
    ),
    # Stores that make room by themselves (Redis, key eviction: with `noeviction` a full one refuses what is written).
    _rule(
        "eviction_removed",
        "a store that is full makes no room for what is written",
        gone=r"(?i)\b(?:allkeys|volatile)-(?:lru|lfu|lrm|random|ttl)\b",
        sureness=0.95,
    ),
    _rule(
        "eviction_removed",
        "a store that is full makes no room for what is written",
        come=r"(?i)\bnoeviction\b",
        sureness=0.95,
    ),
    # Connections that are another one with each transaction (PgBouncer's FAQ: prepared statements are of a session).
    _rule(
        "statements_prepared",
        "statements are prepared on a connection that others are given next (prepared statement)",
        gone=_UNPREPARED,
        sureness=0.95,
    ),
    _rule(
        "statements_prepared",
        "statements are prepared on a connection that others are given next (prepared statement)",
        come=r"(?i)\bpool_?mode\W{1,4}(?:transaction|statement)\b",
        sureness=0.9,
    ),
    # Locks, and what turns depend on.
    _rule(
        "lock_removed",
        "what all calls change is no longer safe to change at once",
        gone=_CONCURRENT,
        come=_PLAIN,
        sureness=0.8,
    ),
    _rule(
        "lock_removed",
        "reads, and then writes, what the store changed in one step",
        gone=_CHANGES_ALONE,
        stays=_READS_THEN_WRITES,
        sureness=0.7,
    ),
    _rule(
        "lock_added",
        "waits for rows that another holds instead of passing them by",
        gone=r"(?i)\bSKIP\s+LOCKED\b|\b(?:skip_?locked|nowait|readpast)\b(?!\W{1,4}false\b)"
        r"|lock\.timeout\"?,\s*value\s*=\s*\"(?:-2|0)\"|\block_?timeout\s*[=:]\s*[\"']?-?[02]\b",
        sureness=0.9,
    ),
    _rule(
        "lock_order_changed",
        "changes rows in the order that each caller has them in",
        gone=r"(?i)(?:\b|[._])(?:[aku]?k?sort\w*|order_?by\w*|sorted)\s*[!({]|\bORDER\s+BY\b|\.(?:sort|sort_by"
        r"|sorted)\b",
        stays=r"(?i)\btransaction\w*\b|FOR UPDATE|select_for_update|\bbegin\w*\(|\batomic\(|\.lock\(|with_lock"
        r"|@Transactional|LockMode|\bacquire\(",
        sureness=0.7,
    ),
    _rule(
        "release_removed",
        "what fails leaves its transaction open",
        gone=r"(?i)\b(?:rollback|roll_back|abort_?transaction|set_?rollback\w*)\w*\s*\(",
        stays=r"(?i)\b(?:commit|begin)\w*\s*\(",
        sureness=0.9,
    ),
    _rule(
        "release_removed",
        "what was made for a while is left behind",
        gone=r"(?i)\bos\.RemoveAll\(|\brmtree\(|\brm_rf?\b|\bremove_entry\b|\bdeleteRecursively\("
        r"|\bdeleteDirectory\(|\bDirectory\.Delete\(|\bremove_dir_all\(|\bTemporary(?:Directory|File)\("
        r"|\bTempDir\b|\btempdir\(|\bmktmpdir\b"
        r"|\bTempfile\.(?:create|open)\b|\.deleteOnExit\(|\.deleteIfExists\(|\brimraf\b|\bfs\.rm(?:Sync)?\("
        r"|\bunlink\(|\brm\s+-rf?\b",
        stays=r"(?i)temp|tmp|work_?dir|mkdir|scratch|\bdir\b|upload|download|\bpath\b",
        sureness=0.9,
    ),
    _rule(
        "lease_lowered",
        "a lease is no longer extended while its holder works",
        gone=r"(?i)\b(?:\w*leases?|\w*locks?|mutex|leader\w*|visibility|heart_?beats?|session)\w*(?:\.|->"
        r"|::)(?:extend|renew|refresh|touch|keep_?alive|heart_?beat|prolong|reacquire|pexpire|expire)\w*[\s(]"
        r"|\b(?:extend_?lock|renew_?(?:lock|lease|message_?lock)\w*|keep_?lock\w*|change_?message_?visibility\w*"
        r"|modify_?ack_?deadline|lease_?keep_?alive|\w*heart_?beat\w*)\s*\(",
        sureness=0.9,
    ),
    _rule(
        "coalescing_removed",
        "one no longer refreshes for all: each who finds nothing asks",
        gone=r"(?i)\brace_condition_ttl\b|\bproxy_cache_(?:lock|use_stale|background_update)\b"
        r"|\brefresh_?After_?Write\b|\bstale[-_]?while[-_]?revalidate\b|\bsync\s*=\s*true\b|\bCache::(?:lock"
        r"|flexible)\b"
        r"|\bdogpile\b|\bsingleflight\b|\bearly_?expir\w*|\bsoft_?ttl\b|\bnx\s*[=:]\s*True\b|\bset_?nx\w*\s*\("
        r"|[\"']NX[\"']|\bset_?if_?(?:absent|not_?exists)\w*\s*\(|\bWhen\.NotExists\b",
        stays=r"(?i)cache|redis|memo|\bttl\b|expir|\bget\(",
        sureness=0.8,
    ),
    _rule(
        "cache_removed",
        "a cache no longer keeps that there is nothing",
        come=r"(?i)\bskip_nil\b\W{1,4}true|\bunless\s*=\s*\"#result\s*==\s*null|\bdisableCachingNullValues\b"
        r"|\bcache-?null-?values\b\W{1,4}false|\ballowNullValues\b\W{1,4}false|\bcache_?none\b\W{1,4}false",
        sureness=0.8,
    ),
    _rule(
        "cache_ttl_lowered",
        "what a cache keeps ends at a computed moment instead of after a time",
        gone=r"(?i)\b(?:p?ex|px|ttl|expires?_?(?:in|after)?|setex|psetex|AbsoluteExpirationRelativeToNow|stdTTL)\b",
        come=r"(?i)\b(?:p?exat|pxat|p?expire_?at|expires?_?at|AbsoluteExpiration(?!Relative)"
        r"|unix_?time_?milliseconds)\b",
        sureness=0.7,
    ),
    # Time and turns.
    _rule(
        "overlap_allowed",
        "a run no longer waits for the one before",
        gone=r"(?i)\bwithout_?Overlapping\b|\bonOneServer\b|\bconcurrencyPolicy\W{1,4}(?:Forbid|Replace)\b"
        r"|@DisallowConcurrentExecution\b|\bDisableConcurrentExecution\b|@SchedulerLock\b"
        r"|\bmax_instances\W{1,4}1\b|\bSkipIfStillRunning\b|\bDelayIfStillRunning\b"
        r"|\bunique_for\b|\block:\s*:until_\w+|\bsingleton_?Mode\b|\bWithSingletonMode\b|\bflock\s+-n|\bnoOverlap\b"
        r"|\bcoalesce\s*=\s*True|\bsolo_?mode\b|\blimits_concurrency\b",
        sureness=0.9,
    ),
    _rule(
        "timeout_removed",
        "who no longer waits is worked for still",
        gone=r"\bCancellationToken(?:Source)?\b|\bCancelAfter\(|\bAbort(?:Controller|Signal)\b|\basyncio\.(?:timeout"
        r"|wait_for)\(|\bwithTimeout(?:OrNull)?\(|\bcontext\.With(?:Timeout|Deadline|Cancel)\("
        r"|\btokio::time::timeout\(|\bTimeout\.timeout\b"
        r"|\borTimeout\(|\bcompleteOnTimeout\(|\banyio\.(?:fail|move_on)_after\(|\bsignal\s*:\s*\w"
        r"|\bset_time_limit\(|\bstatement_timeout\b|\bsetQueryTimeout\(|\bsignal\.alarm\(|\bRequestAborted\b",
        sureness=0.8,
    ),
    _rule(
        "timeout_removed",
        "who no longer waits is worked for still",
        gone=r"\bctx\b|\.Context\(\)",
        come=r"\bcontext\.(?:Background|TODO|WithoutCancel)\(|\bCancellationToken\.None\b",
        sureness=0.7,
    ),
    _rule(
        "time_zone_changed",
        "takes the server's time for the one of a place",
        gone=r"\buse_zone\b|\bin_time_zone\b|\bZoneId\.of\b|\bZoneInfo\(|\bpytz\b|\batZone\w*\(|\bTimeZoneInfo\b"
        r"|\btime\.LoadLocation\b|\.In\(\w*[lL]oc|\bDateTimeZone\b|\btimeZone\s*:|\bTime\.zone\b|\.tz\("
        r"|\bwith_timezone\b|\bchrono_tz\b|\bDateTime\.now!\(|\bsetTimezone\(",
        come=r"\b(?:Time|DateTime|Date|LocalDate|LocalDateTime|datetime|date|Utc|Local|Instant|time|Carbon|dayjs"
        r"|moment)(?:::|\.)(?:now|today|Now|Today|utcnow|UtcNow)\b|\bnew Date\(|\bdate\(|\bdatetime\.now\(\)"
        r"|\btime\(\)|\bnew DateTime\(",
        sureness=0.8,
    ),
    # OpenTelemetry's processors of spans and logs: one gathers what it exports, the other exports within each call.
    _rule(
        "blocking_call",
        "exports each span or record while its request waits",
        gone=r"\bBatch\w*Processor\b",
        come=r"\bSimple\w*Processor\b",
        sureness=0.9,
    ),
    # Queries and stores.
    _rule(
        "query_heavier",
        "looks through all keys of a store",
        come=r"(?i)(?:redis|cache|client|conn|rdb|r|kv|store|jedis|db|template)\w*(?:::|\."
        r"|->)keys\(\s*(?:ctx,\s*)?[\"'`f$][^)]*\*|\bKEYS\s+\S*\*|\bFLUSH(?:ALL|DB)\b|\bflush_?(?:all|db)\("
        r"|\.keys\(\s*pattern",
        sureness=0.9,
    ),
    _rule(
        "query_heavier",
        "sorts by what belongs to another table or is counted",
        come=r"(?i)order_?by\s*:?.*(?:_count\b|\{\s*\w+\s*:\s*\{\s*\w+\s*:\s*\{|\{\s*\w+\s*:\s*\{\s*(?!sort\b"
        r"|nulls\b)\w+\s*:\s*[\"'](?:asc|desc)|Count\()|\border_by\(\s*f?[\"']-?\w+__\w+"
        r"|\bOrderBy\w*\(\s*\(?(\w+)\)?\s*=>\s*\w+\.\w+\.(?:Count|Max|Min|Sum|\w+)\b"
        r"|\bSort\.by\([^)]*[\"']\w+\.\w+",
    ),
    _rule(
        "query_heavier",
        "compares what a function makes of a column, which no index serves",
        come=r"(?i)\b(?:where|and|or|on"
        r"|having)\s+\(?\w+\(\s*(?:\w+\.)?[a-z_]\w*(?:::\w+)?\s*(?:,[^()]*)?\)(?:::\w+)?\s*(?:=|<|>|!=|<>"
        r"|like\b|in\b|between\b)",
    ),
    # What protected or saved, and is gone or switched off.
    _rule(
        "cache_removed",
        "computes each time what it kept",
        gone=r"^(?:return\s+)?(?:@@?\w+|(?:self|this)\.[#_]?\w+|\$this->\w+)\s*(?:\|\|=|\?\?=)\s*\S|\bby\s+lazy\b|\bLazy<|\bsync\.Once|\bOnce(?:Cell|Lock)\b"
        r"|\blazy\s+val\b|\b(?:useMemo|memoi[sz]e\w*)\(|@(?:functools\.)?(?:cached_property|lru_cache|cache)\b|#\[(?:once|cached)\b",
    ),
    _rule(
        "cache_removed",
        "no longer keeps that something is not there",
        gone=r"(?i)(?=.*cache).*(?:\bOptional\b|\bMaybe\b|\bOption<|not_?found|\bmissing\b|negative|\bsentinel|\bNULL_VALUE\b|cache_?nil|cache_?null)",
        off=r"(?i)skip_nil\s*[:=]>?\s*true",
    ),
    _rule(
        "lock_removed",
        "no longer looks whether somebody else changed it meanwhile",
        gone=r"@Version\b|\block_version\b|\[ConcurrencyCheck\]|\[Timestamp\]|\bIsRowVersion\b|\bIsConcurrencyToken\b|\bversion_id_col\b"
        r"|(?i:optimistic)|(?i:\b(?:expected|if)_?version\b)|(?i:\bif[-_]?match\b)|(?i:compare_?and_?s(?:et|wap))|\bWATCH\b|\bConditionExpression\b"
        r"|(?i:\b(?:and|where)\s+\w*version\s*=)|\bif_seq_no\b|(?i:\bcas\b)",
        sureness=0.9,
    ),
    _rule(
        "jitter_removed",
        "all do it at the same moment, which chance spread before",
        gone=r"(?i)(?=.*(?:wait|delay|sleep|pause|interval|ttl|expir|timeout|backoff|every|period|schedul|tick|splay|seconds|minutes|duration))"
        r".*(?:(?<![a-z])rand|random|jitter|uniform\(|splay)",
        off=r"(?i)jitter\w*[\"']?\s*[:=]\s*(?:false|0|none|off)",
    ),
    _rule(
        "compression_removed",
        "no longer compresses what it sends",
        gone=r"(?i)(?<![a-z])(?:gzip|brotli|zstd|deflate|snappy|lz4|compress(?:ion|ed|or)?|\w*Compression\w*|GZipMiddleware)\b",
        off=r"(?i)\boff\b|\bfalse\b|\bnone\b|\bdisabled?\b|\bidentity\b|decompress|uncompress|gunzip|unzip|Reader\(|delaycompress",
    ),
    _rule(
        "blocking_call",
        "writes its log while the request waits",
        gone=r"(?i)\basync_?(?:appender|logger|handler|wrapper|target|log\w*)\b|<async\b|\.AsyncAppender|\bQueueHandler\b|\bneverBlock\b|WriteTo\.Async"
        r"|BufferedWriteSyncer|\bnon_?blocking\b|\bsync\s*:\s*false|\basync\s*=\s*[\"']true|buffered\w*",
        off=r"(?i)[:=>]\s*[\"']?false",
        stays=r"(?i)\blog|logger|appender|logging|tracing|subscriber",
    ),
    _rule(
        "workers_lowered",
        "one thread does what many shared",
        gone=r"\bDispatchers\.(?:IO|Default)\b(?!\.limitedParallelism\(\s*1\s*\))|\bnew(?:Cached|WorkStealing)ThreadPool\(|\bnewVirtualThreadPerTask\w*"
        r"|\b(?:newFixedThreadPool|newFixedThreadPoolContext|FixedThreadPool\.new|limitedParallelism)\(\s*(?!1\s*[,)])\S"
        r"|\b(?:ForkJoinPool|CachedThreadPool|boundedElastic|new_multi_thread|spawn_blocking|to_thread|TaskScheduler\.Default)\b|\bSchedulers\.(?:parallel|io|computation)\b"
        r"|\b(?:Thread|Process)PoolExecutor\((?!.*(?:max_workers\s*=\s*)?\b1\s*[,)])",
        come=r"\bnewSingleThread(?:Context|Executor|ScheduledExecutor)\(|\b(?:newFixedThreadPool(?:Context)?|FixedThreadPool\.new|limitedParallelism)\(\s*1\s*[,)]"
        r"|\bSingleThreadExecutor\b|\bSchedulers\.(?:single|newSingle)\b|\bnew_current_thread\b|\bThreadPoolExecutor\(\s*(?:max_workers\s*=\s*)?1\s*[,)]"
        r"|\bMaxDegreeOfParallelism\s*=\s*1\b|\bSingleThread(?:ed)?TaskScheduler\b",
        sureness=0.95,
    ),
    _rule(
        "dedupe_removed",
        "no longer tells a repeated request from a new one",
        gone=r"(?i)idempot\w*|dedup\w*[_-]?(?:id|key)|message_?deduplication|transactional[._-]?id",
        off=r"(?i)(?:[:=]>?|,)\s*(?:nil|null|none|undefined|false|[\"']{2}|[^,]*(?:random|uuid|nanoid)[^,]*)\s*[,)}\]]*;?$",
        sureness=0.9,
    ),
    _rule(
        "query_unbounded",
        "answers with all at once, instead of by pages",
        gone=r"(?i)paginat\w*|\bPageable\b|\bPageRequest\b|page_?size|per_?page|max_?results|\bmax_?page\w*|\bLimitOffset\w*",
        off=r"(?i)[:=]\s*(?:none|null|nil|false|0|-1|undefined)\b|unpaged|max_value|maxint",
    ),
    # RFC 9111 (Cache-Control), RFC 9110 section 8.8 (validators), nginx's `expires` and `proxy_cache`.
    _rule(
        "cache_removed",
        "answers are no longer kept on their way to who asks",
        gone=r"(?i)\bmax-?age\W{1,4}[1-9]|\bs-?maxage\W{1,4}[1-9]|\bimmutable\b|\bexpires\s+(?:[1-9]\d*[smhdwMy]|max)\b|cache-control\W+public"
        r"|\b(?:proxy|fastcgi|uwsgi)_cache\s+(?!off\b)\w+|\b(?:proxy|fastcgi)_cache_valid\b|CacheControl\.maxAge|ResponseCache\(\s*Duration\s*=\s*[1-9]"
        r"|\bexpires_in\b|\bfresh_when\b|\bstale\?\(|setMaxAge\(\s*[1-9]|\bcache_control\(\s*max_age|@cache_page\(|last_?modified\("
        r"|If-None-Match|If-Modified-Since",
        off=r"(?i)\bno-?store\b|\bno-?cache\b|max-?age\W{1,4}0\b|\bexpires\s+(?:off|-1|epoch)|\betag\s+off|\b(?:proxy|fastcgi)_cache\s+off\b|\bnever_cache\b"
        r"|NoStore\s*=\s*true|noStore\(\)|noCache\(\)|if_modified_since\s+off",
    ),
    # What an answer or a query carries.
    _rule(
        "payload_widened",
        "loads all of each object instead of some of it",
        gone=r"(?i)(?:->|\.|::)select\(\s*(?:\[?\s*[\"':]|\w+\s*=>\s*new\b|\(?\w+\)?\s*=>\s*\(?\{)|(?:->|\.)(?:only"
        r"|values|values_list|pluck|project(?:To)?|load_only|defer|without)\(|\bselect\s*:\s*\{"
        r"|\battributes\s*:\s*\[|\bfields\s*=\s*[\"'(\[]|\.project\(\s*\{",
        stays=r"(?i)\b(?:query|find\w*|where|from|objects|take|limit|first|get|all|include|with)\b",
        sureness=0.75,
    ),
)
