"""What a request waits for now and did not before: work once sent away, calls that ran together, what holds a lock."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from ...vocabulary.words import word_set
from ..code import (
    MAX_BLOCK_LINES,
    block_after,
    call_names,
    calls,
    clients_of,
    definition,
    is_import,
    is_local_call,
    is_remote_call,
    lines_around,
    without_strings,
)
from ..diff import Hunk, Line, Patch, by_function
from ..effect import Effect

# Handing work to somebody who does it later: topics, queues, jobs.
_SENDS: Final = re.compile(
    r"(?i)\b\w*(?:kafka|producer|queue|bus|topic|rabbit|amqp|sqs|sns|nats|jetstream|pubsub|publisher|events?|outbox|channel|writer|"
    r"stream|mediator|eventEmitter|emitter)\w*(?:\.|->|::)\w*(?:send|publish|produce|add|enqueue|emit|push|dispatch|write|xadd)\w*\s*\("
    r"|\b(?:perform_later|perform_async|perform_in|deliver_later|apply_async|send_task|publish\w*|enqueue\w*|convertAndSend)\s*[(!]"
    r"|\.deliver_later\b"
    r"|\.delay\s*\(|::dispatch\s*\(|->queue\s*\(|\.schedule\s*\("
)
_AT_ONCE: Final = re.compile(
    r"\b(?:perform_now|deliver_now|dispatchSync|dispatch_sync|dispatchNow|dispatchAfterResponse|perform_inline)\b"
)
_DIRECT: Final = re.compile(
    r"(?i)\b\w*(?:http|rest|client|axios|fetch|requests?|web|feign|stub|grpc|api)\w*(?:\.|->|::)\w*(?:post|put|get|send|call|exchange|request|execute|invoke)\w*\s*[(<]"
    r"|\bfetch\s*\(|\bNet::HTTP\b"
)
_TOGETHER: Final = re.compile(
    r"Promise\.all\w*\s*\(|asyncio\.(?:gather|TaskGroup|create_task)|\berrgroup\b|\bWhenAll\b|parallelStream|\bpar_iter\b|Parallel\.\w+"
    r"|supplyAsync|CompletableFuture\.allOf|\basync\s*\{|\bawaitAll\b|\b(?:try_)?join(?:_all)?!?\s*\((?=.*,)|(?:Mono|Flux)\.(?:zip|merge)\w*"
    r"|sync\.WaitGroup|\bgo\s+func\b|\.map_async|[eE]xecutor\w*\.(?:map|submit|invokeAll)|ThreadPoolExecutor|Thread\.new|Http::pool|->pool\("
    r"|Promise\\?Utils|Utils::(?:unwrap|settle|all)|Concurrent::|\bpmap\b|join_all|buffer_unordered|FuturesUnordered|\bStructuredTaskScope\b"
    r"|Async do|\bzipWith\b|forkJoin"
)
_TAKES_LOCK: Final = re.compile(
    r"\btransaction\.atomic\b|\.transaction\b|\b[bB]egin\w*\s*\(|::transaction\s*\(|@Transactional\b|\btransaction\s*[({]|\.[lL]ock\s*\(\s*\)|"
    r"\bsynchronized\b|\block\s*\(|FOR UPDATE|"
    r"select_for_update|\bwith_lock\b|\.acquire\s*\(|\bwith\s+\w*lock\w*\s*:|\.lock\(\)\.|"
    r"\bwithLock\b|"
    r"\.BeginTx\(|\$transaction\b"
)
_GIVES_BACK: Final = re.compile(r"(?i)\b(?:commit|rollback|unlock|release)\w*\s*\(")
# What works within the transaction is of it.
_OF_STORE: Final = frozenset(
    """tx trx conn connection db database session cursor em entity manager context ctx repo repository repositories dao
    objects store table pool mutex mu lock prisma knex jdbc transaction rows row statement query""".split()
)
_JOB: Final = re.compile(
    r"\b(\w+)(?:\.|::)(?:delay|apply_async|perform_later|perform_async|perform_in|dispatch|set\(.*\)\.perform_later)\b"
)
_NAME: Final = re.compile(r"[A-Za-z_]\w+")
_AWAITED: Final = re.compile(r"\bawait\s+([\w.]+)\s*\(")
# Python's libraries that wait in the event loop, and those that hold it up.
_YIELDS: Final = re.compile(
    r"\bAsync(?:Client|Session|Engine|Connection|Redis|MongoClient|IOMotorClient)\b|\b(?:aio(?:http|mysql|pg|redis|boto3|botocore|files)"
    r"|asyncpg|redis\.asyncio|create_async_engine|motor)\b"
)
_HOLDS_UP: Final = re.compile(
    r"\b(?:requests|urllib3?|psycopg2?|pymysql|MySQLdb|pymongo|boto3|http\.client)\b|\bhttpx\.(?:Client|get|post|put)\b"
    r"|\bredis\.(?:Redis|StrictRedis|from_url)\b|\bcreate_engine\b"
)
# Work that goes on beside its caller: goroutines, tasks, threads, executors.
_ASIDE: Final = re.compile(
    r"^\s*go\s+|\bspawn(?:_link)?\s*[({]|\b(?:Task|Thread)\.(?:Run|Factory\.StartNew|start|startVirtualThread|new)\b"
    r"|(?i:executor|pool|scheduler|workers?)\w*\.(?:submit|execute|schedule|go|try_?go)\s*\(|\bThread\s*\(|\bsetImmediate\s*\("
    r"|\bqueueMicrotask\s*\(|\bnextTick\s*\(|\b(?:run|supply)Async\s*\(|\bcreate_task\s*\(|\bensure_future\s*\("
    r"|\brun_in_executor\s*\(|\badd_task\s*\(|\blaunch\s*(?:\([^)]*\)\s*)?\{|\bQueue(?:UserWorkItem|BackgroundWorkItem\w*)\s*\("
    r"|\bBackgroundJob\.Enqueue|\bdefer\s*\(\s*(?:fn|function)\b|\bregister_shutdown_function\s*\(|\bsetTimeout\s*\(.*,\s*0\s*\)"
)
_TO_CHANNEL: Final = re.compile(r"^(?:case\s+)?[\w.\[\]]+\s*<-\s*(\S.*)")
_MIN_LINE: Final = 8


def extract(patch: Patch) -> list[Effect]:
    """Work done at once, calls made one by one that ran together, calls made while a lock is held."""
    found: list[Effect] = []
    for hunk in patch.running:
        if hunk.kind == "code":
            found += _no_longer_sent(hunk)
            found += _no_longer_aside(hunk)
            found += _no_longer_to_channel(hunk)
            found += _one_by_one(hunk)
    for whole in by_function(patch.running):
        if whole.kind == "code":
            found += _held(whole)
    return [*found, *_by_blocking_library(patch), *_asked_besides(patch)]


def _no_longer_sent(hunk: Hunk) -> Iterator[Effect]:
    sent = [line for line in hunk.removed if _SENDS.search(without_strings(line.code)) and not is_import(line.code)]
    if not sent or any(_SENDS.search(without_strings(line.code)) for line in hunk.added):
        return
    jobs = {match for line in sent for match in _JOB.findall(line.code)}
    for line in hunk.added:
        text = without_strings(line.code)
        if is_import(line.code):
            continue
        if _AT_ONCE.search(text) or _DIRECT.search(text) or (calls(line.code) and jobs & set(_NAME.findall(text))):
            names = tuple(call_names([line]))
            says = f"does at once what was sent away before: `{line.code[:80]}`"
            yield Effect("blocking_call", says, hunk.path, (*names, *_words_of_address(line)), sureness=0.9)
            return


def _no_longer_aside(hunk: Hunk) -> Iterator[Effect]:
    """Calls that ran aside (a goroutine, a task, a thread) and now hold up their caller."""
    before, after = hunk.before, hunk.after
    named: set[str] = set()
    for index in _aside(before, "-"):
        named |= {name for place in (index, *block_after(before, index)) for name in _NAME.findall(before[place].code)}
    still = {place for index in _aside(after, " +") for place in (index, *block_after(after, index))}
    for index, line in enumerate(after):
        for call in calls(line.code):
            if line.sign == "+" and index not in still and call.name in named and not is_local_call(call):
                yield Effect(
                    "blocking_call", f"{call.name} no longer runs aside", hunk.path, (call.name,), sureness=0.9
                )
                return


def _aside(lines: Sequence[Line], signs: str) -> list[int]:
    """Where lines of some signs begin what runs aside; of what is gone, only where it does not stand elsewhere."""
    return [
        index
        for index, line in enumerate(lines)
        if line.sign in signs and not (line.kept and signs == "-") and _ASIDE.search(without_strings(line.code))
    ]


def _no_longer_to_channel(hunk: Hunk) -> Iterator[Effect]:
    """What went into a channel, for somebody beside to take, and is handed to a call now (Go)."""
    sent = [match[1] for line in hunk.removed if (match := _TO_CHANNEL.match(line.code))]
    if not sent or any(_TO_CHANNEL.match(line.code) or _ASIDE.search(line.code) for line in hunk.added):
        return
    values = {name for text in sent for name in _NAME.findall(without_strings(text))} - {"struct"}
    known = call_names(hunk.before)
    for line in hunk.added:
        for call in calls(line.code):
            handed = _NAME.findall(line.code.partition(f"{call.name}(")[2])
            if call.name not in known and not is_local_call(call) and values & set(handed):
                says = f"does at once what went into a channel: `{line.code[:80]}`"
                yield Effect("blocking_call", says, hunk.path, (call.name, *sorted(values)), sureness=0.85)
                return


def _by_blocking_library(patch: Patch) -> Iterator[Effect]:
    """A call that was awaited is made by a library that holds up the event loop, in the same file."""
    for path in dict.fromkeys(hunk.path for hunk in patch.running if hunk.path.endswith(".py")):
        hunks = [hunk for hunk in patch.running if hunk.path == path]
        gone = [line for hunk in hunks for line in hunk.removed]
        new = [line for hunk in hunks for line in hunk.added]
        awaited = {name for line in gone for name in _AWAITED.findall(line.code)}
        if not any(_YIELDS.search(line.code) for line in gone) or not any(_HOLDS_UP.search(line.code) for line in new):
            continue
        for line in new:
            name = next((call.full for call in calls(line.code) if call.full in awaited), "")
            if name and "await" not in line.code:
                says = f"holds up the event loop: `{line.code[:80]}`"
                yield Effect("blocking_call", says, path, (name, *_words_of_address(line)), sureness=0.9)
                break


def _asked_besides(patch: Patch) -> Iterator[Effect]:
    """A call that leaves the process, newly made in a function that was there before: its callers wait for that, too.

    Of a receiver that is not yet asked there, or what is asked anew may be asked instead of something else.
    """
    clients = clients_of([line.code for hunk in patch.running for line in hunk.after])
    moved = _moved_functions(patch)
    for hunk in patch.running:
        if hunk.kind != "code" or hunk.is_new_file:
            continue
        known = moved | call_names(hunk.before).keys()
        gone = sum(is_remote_call(call, line.code, clients) for line in hunk.removed for call in calls(line.code))
        for index, line in enumerate(hunk.after):
            if not line.is_new or gone or is_import(line.code) or _is_of_new_function(hunk.after, index):
                continue
            for call in calls(line.code):
                asks = re.search(
                    rf"(?:=|\breturn|\bawait|\bif)\s*!?\s*(?:await\s+)?{re.escape(call.full)}\s*\(", line.code
                )
                if asks and call.name not in known and is_remote_call(call, line.code, clients):
                    says = f"calls {call.full} besides: `{line.code[:80]}`"
                    yield Effect("call_added", says, hunk.path, (call.name, *call.receivers), sureness=0.8)
                    return


def _moved_functions(patch: Patch) -> set[str]:
    """Functions that a patch brings whose body stood elsewhere before: who calls them calls nobody besides."""
    return {
        name
        for hunk in patch.running
        for index, line in enumerate(hunk.after)
        if line.sign == "+" and (name := definition(line.code))
        if all(body.kept or not calls(body.code) for body in (hunk.after[n] for n in block_after(hunk.after, index)))
    }


def _is_of_new_function(lines: Sequence[Line], index: int) -> bool:
    return any(around.sign == "+" and definition(around.code) for around in lines_around(lines, index))


def _words_of_address(line: Line) -> tuple[str, ...]:
    return tuple(dict.fromkeys(re.findall(r"(?<=/)[A-Za-z][\w-]{3,}", line.code)))


def _one_by_one(hunk: Hunk) -> Iterator[Effect]:
    together, still = ([line for line in lines if _TOGETHER.search(line.code)] for lines in (hunk.removed, hunk.added))
    if not together or still:
        return
    stay = tuple(sorted(call_names(hunk.removed).keys() & call_names(hunk.added).keys()))
    if stay:
        says = f"no longer at the same time, but one after the other: `{together[0].code[:80]}` is gone"
        yield Effect("calls_serial", says, hunk.path, stay, sureness=0.9)


def _held(hunk: Hunk) -> Iterator[Effect]:
    clients = clients_of([hunk.heading, *(line.code for line in hunk.after)])
    before, after = (_calls_held(lines, clients) for lines in (hunk.before, hunk.after))
    free = {line.code for line in hunk.before} - set(before)
    placed = {line.code for line in hunk.lines if line.sign == "+"}
    added = {line.code for line in hunk.added}
    taken = {code for code in added if _TAKES_LOCK.search(code)}
    for code, (name, surely) in after.items():
        moved_in = code in free and code in placed
        wrapped = code in free and not moved_in and bool(taken - {code})
        if code not in before and (moved_in or wrapped or (surely and code in added)):
            says = f"calls {name} while it holds a lock or a transaction: `{code[:80]}`"
            yield Effect("lock_held_longer", says, hunk.path, (name,), sureness=0.9 if surely or moved_in else 0.7)
            return


def _calls_held(lines: Sequence[Line], clients: frozenset[str]) -> dict[str, tuple[str, bool]]:
    """Lines that call somebody while a lock is held: whom, and whether that surely leaves the process."""
    held: dict[str, None] = {}
    for index, line in enumerate(lines):
        if _TAKES_LOCK.search(line.code) and not definition(line.code):
            codes = (lines[i].code for i in _region(lines, index))
            held.update(dict.fromkeys(code for code in codes if code != line.code and len(code) >= _MIN_LINE))
    found: dict[str, tuple[str, bool]] = {}
    for code in held:
        for call in calls(code):
            asks = re.search(rf"(?:=|\breturn|\bawait)\s*(?:await\s+)?[@$]*{re.escape(call.full)}\s*\(", code)
            if asks and call.receivers and not _OF_STORE & word_set(*call.receivers):
                found.setdefault(code, (call.full, is_remote_call(call, code, clients)))
    return found


def _region(lines: Sequence[Line], index: int) -> range:
    """The lines for which what a line takes is held: its block, the function of an annotation, or up to its end."""
    code = lines[index].code
    if code.startswith("@"):
        heads = (n for n in range(index + 1, min(index + 4, len(lines))) if "(" in lines[n].code)
        head = next(heads, None)
        return block_after(lines, head) if head is not None else range(0)
    block = block_after(lines, index)
    if len(block):
        return block
    end = index + 1
    last = min(len(lines), end + MAX_BLOCK_LINES)
    while end < last and lines[end].indent >= lines[index].indent:
        if _GIVES_BACK.search(lines[end].code) and not re.match(r"\s*(?:defer|finally|ensure)\b", lines[end].code):
            break
        end += 1
    return range(index + 1, end)
