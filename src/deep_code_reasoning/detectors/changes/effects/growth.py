"""Things that pile up: containers nobody empties; connections, tasks and copies of whole tables once a request."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from ..code import block_after, call_names, calls, definition, function_of, is_import, without_strings
from ..diff import Hunk, Line, Patch
from ..effect import Effect

_NAME: Final = r"([A-Za-z_$][\w$]*)"
# A container that outlives a call: declared at the outermost level, or static.
_LASTING: Final = re.compile(
    r"^(?:export\s+)?(?:var|let|const|val|static|pub static|private static(?: final)?|public static(?: final)?"
    r"|(?:private|protected|public|internal)\s+(?:static\s+)?(?:readonly\s+|final\s+)?[\w<>,\[\] ?]+)?\s*(?:mut\s+)?"
    + _NAME
    + r"(?:\s*:\s*[\w<>,\[\] |.&']+)?\s*(?:(?::?=)\s*(?:new\s+)?(?:\[\]|\{\}|dict\(|list\(|set\(|"
    r"defaultdict\(|OrderedDict\("
    r"|(?:Hash|Linked|Tree|Concurrent|Sorted|Weak)?\w*(?:Map|Set|List|Vec|Dictionary|Array|Queue|Deque|"
    r"Bag)\b|make\(map|map\[|\[\][\w.*]+\{"
    r"|Mutex::new|RwLock::new|Hash\.new|Collections\.|Lazy::new)|\s+(?:map\[|\[\]\*?\w))"
)
_GO_VAR: Final = re.compile(
    r"^var\s+"
    + _NAME
    + r"\s+(?:=\s*)?(?:map\[|\[\]|sync\.Map|list\.List|chan\b)|^var\s+"
    + _NAME
    + r"\s*=\s*(?:make\(|map\[|\[\]|sync\.Map)"
)
_CONTAINER: Final = (
    r"(?:new\s*\(|new\s+\w*(?:Map|Set|List|Dictionary|Bag|Queue|Deque|Array)\w*\s*[<(]|mutable\w+(?:<[^>]*>)?\(|\[\]"
    r"|\{\}|array\(|"
    r"\w*(?:Map|Set|List|Dictionary|Bag|Queue|Deque)\w*(?:<.*>)?\(|dict\(|list\(|set\(|defaultdict\(|deque\(\)"
    r"|Hash\.new|Set\.new|Concurrent::)"
)
# Members of objects that outlive a call, as their languages declare them: with modifiers (not of a data object's
# constructor), as a field of a struct, by an assignment to the object itself, as a constant of a class.
_MEMBERS: Final = (
    re.compile(
        r"^(?:(?:private|protected|public|internal|static|readonly|final|lateinit|override"
        r"|volatile)\s+)+[^=;(]*?\$?#?(\w+)\s*(?::[^=]*)?=\s*" + _CONTAINER
    ),
    re.compile(r"^(\w+)\s+(?:map\[|sync\.Map\b)"),
    re.compile(
        r"^(?:pub\s+)?(\w+):\s*(?:Arc<)?(?:\w+::)*(?:(?:Mutex|RwLock|RefCell)<(?:\w+::)*(?:HashMap|Vec|BTreeMap"
        r"|HashSet|VecDeque)<|DashMap<)"
    ),
    re.compile(r"^(?:self|this)\.#?(\w+)\s*(?::[^=]*)?=\s*" + _CONTAINER),
    re.compile(r"^(?:@@)?((?<=@@)\w+|[A-Z][A-Z_0-9]+)\s*(?::[^=]*)?=\s*" + _CONTAINER),
)
_STATIC_FIELD: Final = re.compile(r"\bstatic\b.*?\b" + _NAME + r"\s*=\s*(?:new\b|Collections|\[|\{|List\.|Map\.)")
_OWNER: Final = r"(?:^|[^\w.>:@])(?:@@|\$?(?:this|self|static|cls|[a-z]{1,4})(?:\.|->|::)\$?#?)?"
_ADDS: Final = (
    r"(?i:append|push|push_back|add|tryadd|addorupdate|getoradd|put|putifabsent|computeifabsent|getorput|setdefault"
    r"|set|insert|entry|unshift|"
    r"extend|store|loadorstore|offer|enqueue|addlast|emplace_back|appendleft|concat)"
)
_GROWS: Final = (
    re.compile(_OWNER + _NAME + r"\s*=\s*append\(\s*(?:\w+\.)?\1\b"),
    re.compile(
        _OWNER + _NAME + r"(?:\.(?:lock|write|borrow_mut)\(\)(?:\.unwrap\(\)|\.await)?)?(?:\.|->)" + _ADDS + r"\s*\("
    ),
    re.compile(_OWNER + _NAME + r"\[(?:[^\[\]]|\[[^\]]*\])*\]\s*(?:=(?![=>])|\+=|\|\|=|<<)"),
    re.compile(_OWNER + _NAME + r"\s*<<\s*\S"),
)
_MEMBER_GROWS: Final = re.compile(
    r"\b(?:self|this|s|c|h|r|m|svc|srv)\.(_?[A-Za-z]\w*)(?:\.(?:append|push|add|put|set|insert)\s*\(|"
    r"\[[^\]]+\]\s*=(?!=)|\s*=\s*append\(|\s*<<)"
)
_BOUNDED: Final = re.compile(
    r"(?i)\blru\b|lrucache|max_?size|maxlen|max_?entries|max_?items|\bevict|\bexpire|expireAfter|ttl|"
    r"\bdelete\s*\(|\.delete\(|\.remove\(|\.pop\w*\(|\.shift\(|\.clear\("
    r"|\.trim|ring_?buffer|weak(map|set|ref|keydictionary|valuedictionary)|\.truncate\(|bounded|"
    r"caffeine|\bdel \w+\[|removeEldest|len\([\w.]+\)\s*>|\.(length|size)\b(\(\))?\s*>"
)
_OPENS: Final = re.compile(
    r"\b(sql\.Open|pgx?\.Connect|pgxpool\.New|psycopg2?\.connect|create_engine|createConnection|"
    r"createPool|createClient|MongoClient|mongo\.Connect|redis\.(?:NewClient|Redis|createClient)"
    r"|grpc\.(?:Dial|NewClient|insecure_channel|secure_channel)|KafkaProducer|new\s+(?:HttpClient|"
    r"OkHttpClient|RestTemplate|Jedis|Pool|Client|Redis|KafkaProducer|DataSource|HikariDataSource|"
    r"CloseableHttpClient)"
    r"|HttpClients\.create\w*|HttpClient\.new\w+|(?<![\w:])Client::(?:new|builder)(?=\()|\bHttpClient\s*\((?!\))"
    r"|reqwest::(?:blocking::)?Client(?:::new|::builder|Builder)|new\s+(?:https?\.)?Agent|"
    r"Faraday\.new|Net::HTTP\.(?:new|start)|Redis\.new|new\s+PDO|HttpClient::create|WebClient\.(?:create|builder)"
    r"|PgPool::connect|"
    r"PgConnection::establish|aiohttp\.ClientSession|requests\.Session|httpx\.(?:Async)?Client|"
    r"amqp\.(?:Dial|connect)|DriverManager\.getConnection|net\.Dial|ManagedChannelBuilder|"
    r"boto3\.(?:client|resource|Session)|new\s+\w+(?:Service)?Client(?=\()|Aws::\w+::Client\.new|storage\.NewClient"
    r"|\w+\.NewFromConfig|"
    r"Executors\.new\w+|ThreadPoolExecutor|http\.Transport\{)"
)
# A client of Go's library alone shares the connections of all; a function that makes one a call is seen for it.
_GO_CLIENT: Final = re.compile(r"\bhttp\.(?:Client|Transport)\{")
_LASTS: Final = re.compile(
    r"(?:private|public|protected|internal|static|readonly|lateinit|companion)\b|(?:self|this)\.|@\w+\s*\|?\|?="
    r"|\$this->\w+\s*="
)
# Functions that run once, by their names: constructors, starts of programs, those that provide a client.
_SET_UP: Final = re.compile(
    r"new$|New[A-Z]|_*(?i:init|initiali[sz]e\w*|construct|main|set_?up\w*|configure\w*|lifespan|start_?up|bootstrap)_*$"
    r"|(?i:create|make|build|provide|new|open|connect|get)\w*(?i:clients?|sessions?|conn|connection|pool|channel"
    r"|transport|server|service|app"
    r"|application|engine|stub|factory)$"
)
# A client that is handed out by who keeps its connections: .NET's factory, a member, a pool.
_SHARED: Final = re.compile(
    r"\w*[fF]actory\.[cC]reate_?\w*[cC]lient\w*\(|(?:self|this)\.#?_?\w*(?:[cC]lient|[hH]ttp|[sS]ession)\b"
    r"|\bpool\.\w+\("
)
_CLOSES: Final = re.compile(
    r"(?i)[\"']connection[\"']\s*(?:,|:|=>|\]\s*=)\s*[\"']close[\"']|\b\w*req\w*\.Close\s*=\s*true"
)
_RELEASED: Final = re.compile(r"(?i)\bdefer\b.*close|\.close\(|\bwith\b|\busing\b|try\s*\(")
_TASKS: Final = re.compile(
    r"^\s*go\s+(?:func\b|\w)|\bsetInterval\s*\(|new\s+Thread\s*\(|threading\.Thread\(|tokio::spawn|"
    r"asyncio\.create_task|\.on\(\s*\"|addListener\s*\(|addEventListener\s*\(|\bsubscribe\s*\(|"
    r"new\s+Timer\(|time\.Tick\(|Task\.Run\("
)

# A copy of a member of a lasting object: of all that it holds, on every call.
_COPIES: Final = re.compile(
    r"(?i)\b(?:maps|slices)\.clone\s*\(\s*\w+\.|\bdeep_?copy\w*\s*\(|\bcopy\.copy\s*\(|structuredClone\s*\("
    r"|cloneDeep\s*\(|JSON\.parse\(JSON\.stringify\(|\b(?:self|this)\.\w+\.(?:clone|copy|to_vec|to_owned|deep_dup)\(\)"
    r"|new\s+(?:Array|Linked)?(?:List|HashMap|TreeMap|HashSet)<?[^(]*>?\(\s*(?:this\.)?\w+\s*\)"
    r"|\b(?:dict|list|set)\(\s*self\.\w+\s*\)|ImmutableMap\.copyOf\(|(?:Map|List|Set)\.copyOf\("
)


def extract(patch: Patch) -> list[Effect]:
    """Unbounded containers, connections or clients opened once a call, tasks and listeners started and never ended."""
    found = []
    bounded = any(_BOUNDED.search(line.text) for line in patch.added)
    lasting: dict[str, set[str]] = defaultdict(set)
    for hunk in patch.running:
        lasting[_folder(hunk)] |= _lasting_names(hunk.after)
    for hunk in patch.running:
        if hunk.kind not in ("code", "view"):
            continue
        found += _containers(hunk, lasting[_folder(hunk)], bounded)
        found += [] if bounded else _unbounded(hunk)
        found += _held_for_good(hunk)
        found += _opened(hunk)
        found += _tasks(hunk)
        found += _copies(hunk)
    return found


def _lasting_names(lines: Iterable[Line]) -> set[str]:
    names: set[str] = set()
    for line in lines:
        text = line.code
        if line.indent == 0:
            for pattern in (_GO_VAR, _LASTING):
                match = pattern.match(text)
                if match:
                    names.update(group for group in match.groups() if group)
        names.update(match[1] for pattern in (_STATIC_FIELD, *_MEMBERS) if (match := pattern.search(text)))
    return names


def _folder(hunk: Hunk) -> str:
    return hunk.path.rsplit("/", 1)[0]


def _containers(hunk: Hunk, lasting: set[str], bounded: bool) -> list[Effect]:
    grown_before = {name for line in hunk.before for name in _grown(line.code)}
    found: dict[str, Effect] = {}
    for line in hunk.added:
        if line.indent == 0 and not re.search(r"[({]", line.code):
            continue
        for name in _grown(line.code):
            if name in grown_before or name in found:
                continue
            if name in lasting:
                kind, sureness = ("growth_bounded", 0.9) if bounded else ("unbounded_growth", 0.95)
                found[name] = Effect(
                    kind,
                    f"{name} outlives the call and grows by each one" + (", within a bound" if bounded else ""),
                    hunk.path,
                    (name,),
                    sureness=sureness,
                )
        match = _MEMBER_GROWS.search(line.code)
        if match and match[1] not in grown_before and match[1] not in found and not bounded:
            found[match[1]] = Effect(
                "unbounded_growth",
                f"{match[1]} of a lasting object may grow by each call",
                hunk.path,
                (match[1],),
                sureness=0.55,
            )
    return list(found.values())


_WEAK: Final = re.compile(r"(?i)weak|soft_?(?:values|reference)|conditionalweaktable|\bfinaliz")


def _held_for_good(hunk: Hunk) -> list[Effect]:
    """What let go of things that nobody else holds any more, and holds them itself since."""
    weak = [line for line in hunk.removed if _WEAK.search(without_strings(line.code)) and not is_import(line.code)]
    if not weak or any(_WEAK.search(line.code) for line in hunk.added):
        return []
    names = tuple(dict.fromkeys(re.findall(r"\w{3,}", weak[0].code)))
    says = f"holds for good what it let go of: `{weak[0].code[:80]}` is gone"
    return [Effect("unbounded_growth", says, hunk.path, names, sureness=0.9)]


def _unbounded(hunk: Hunk) -> list[Effect]:
    """A container of the same name that held so many things, or each for a time, and holds all since."""
    limited = [line for line in hunk.removed if not is_import(line.code)]
    if not any(_BOUNDED.search(line.code) for line in limited):
        return []
    held = {name for line in limited for name in re.findall(r"\w+(?=\s*(?::[^=]*)?:?=)", line.code)}
    names = sorted(held & _lasting_names(hunk.added))
    says = "{} outlives the call and is no longer bounded"
    return [Effect("unbounded_growth", says.format(name), hunk.path, (name,), sureness=0.95) for name in names]


def _grown(code: str) -> set[str]:
    text = without_strings(code)
    return {match[1] for pattern in _GROWS for match in pattern.finditer(text)}


def _opened(hunk: Hunk) -> list[Effect]:
    lasting = {m[1] for line in hunk.before if _lasts(line) for m in _OPENS.finditer(line.code)}
    within = {m[1] for line in hunk.before if not _lasts(line) for m in _OPENS.finditer(line.code)}
    after = hunk.after
    makers = {
        name
        for index, line in enumerate(after)
        if (name := definition(line.code))
        and any(_OPENS.search(after[i].code) or _GO_CLIENT.search(after[i].code) for i in block_after(after, index))
    }
    known = call_names(hunk.before)
    shared = any(_SHARED.search(line.code) for line in hunk.removed)
    found = []
    for index, line in enumerate(after):
        if not line.is_new or _lasts(line) or _SET_UP.match(function_of(hunk, after, index)):
            continue
        opened = [m[1] for m in _OPENS.finditer(line.code) if m[1] in lasting or m[1] not in within]
        opened += [call.full for call in calls(line.code) if call.name in makers and call.name not in known]
        if opened or _CLOSES.search(line.code):
            name = opened[0] if opened else line.code[:60]
            released = any(_RELEASED.search(other.code) for other in hunk.added)
            sureness = 0.95 if lasting or shared else 0.75 if released and opened else 0.85
            subjects = (name, name.split(".")[-1])
            found.append(
                Effect("connection_per_call", f"opens `{name}` within a call", hunk.path, subjects, sureness=sureness)
            )
    return found[:1]


def _lasts(line: Line) -> bool:
    """Whether what a line makes outlives a call: of a module, of a class or of an object."""
    return line.indent == 0 or _LASTS.match(line.code) is not None


def _tasks(hunk: Hunk) -> list[Effect]:
    new = [line for line in hunk.added if _TASKS.search(without_strings(line.code)) and line.indent > 0]
    old = [line for line in hunk.removed if _TASKS.search(without_strings(line.code))]
    if len(new) <= len(old):
        return []
    ended = any(
        re.search(
            r"(?i)ctx\.done|gather\(|await_?all|when_?all|promise\.all|cancel|wg\.|waitgroup|clearinterval"
            r"|removelistener|unsubscribe|\.stop\(|\.join\(|errgroup",
            line.code,
        )
        for line in hunk.after
    )
    return [Effect("task_started", f"starts `{new[0].code[:60]}`", hunk.path, (), sureness=0.4 if ended else 0.7)]


def _copies(hunk: Hunk) -> list[Effect]:
    new, old = ([line for line in lines if _COPIES.search(line.code)] for lines in (hunk.added, hunk.removed))
    if len(new) <= len(old):
        return []
    says = f"copies the whole on each call: `{new[0].code[:60]}`"
    return [Effect("copy_per_call", says, hunk.path, (), sureness=0.8)]
