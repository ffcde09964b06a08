"""The clients of HTTP, as data: which calls ask another service, where their address stands and what says the verb.

Learned from the documentation of requests, httpx, aiohttp, urllib, locust, fetch, axios, got, ky, superagent, k6,
RestTemplate, WebClient, RestClient, java.net.http, OkHttp, Ktor, net/http, otelhttp, resty, HttpClient, Faraday,
Net::HTTP, HTTParty, RestClient (Ruby), Guzzle, Laravel's Http, Symfony's HttpClient, reqwest and awc.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from re import Pattern
from typing import Final


@dataclass(frozen=True, slots=True)
class ClientCall:
    """A call that asks: in which languages, its name, what it is called on, where the address and the verb stand.

    `address` is a place among the arguments, names of one, or `RECEIVER`. `verb` is a place, a verb, '' when the call's
    name begins with it, or a way to find it (`request_verbs.py`); `otherwise` is the one where no place has one.
    """

    languages: frozenset[str]
    name: Pattern[str]
    receiver: Pattern[str]
    address: int | tuple[str, ...]
    verb: int | str = ""
    otherwise: str = ""

    @property
    def any_client(self) -> bool:
        """Whether the receiver is told by what it is, and not only by what it is called."""
        return "client" in self.receiver.pattern or "template" in self.receiver.pattern


def _row(
    languages: str, name: str, receiver: str, address: int | tuple[str, ...], verb: int | str = "", otherwise: str = ""
) -> ClientCall:
    spoken = frozenset(languages.split())
    return ClientCall(spoken, re.compile(f"^(?:{name})$"), re.compile(receiver), address, verb, otherwise)


# The address is what the call is called on.
RECEIVER: Final = -1
# The call is of a function that was made as a client: `got.extend({ prefixUrl })("orders")`.
MADE: Final = "^made$"
_VERBS: Final = "get|post|put|delete|patch|head|options"
ANY_CLIENT: Final = (
    r"(?i)(?:requests|httpx|axios|session|client|http|api|got|ky|superagent|request|agent|faraday|conn|connection|httparty"
    r"|rest_?client|unirest|http_?service|fetcher|guzzle|user|instance|axiosRef|pool|\.R\(\)|Http::\w+\(.*\)|web)(?:\(\))?$"
)
_SCRIPTS: Final = "javascript typescript tsx"
_JVM: Final = "java kotlin"

CLIENT_CALLS: Final = (
    _row("python", _VERBS, ANY_CLIENT, 0),
    _row("python", "request|stream|build_request", ANY_CLIENT, 1, 0),
    _row("python", "urlopen|urlretrieve", "", 0, "GET"),
    _row("python", "Request", r"^$|request$", 0, "method"),
    _row(_SCRIPTS, _VERBS + "|del", ANY_CLIENT, 0),
    _row(
        _SCRIPTS,
        r"fetch|\$fetch|ofetch|useFetch|fetchJson|fetchJSON|apiFetch",
        r"^$|^(?:window|globalThis|self)$",
        0,
        "method",
    ),
    _row(_SCRIPTS, "axios|got|ky|request", r"^$|^axios$", 0, "method"),
    _row(_SCRIPTS, "GET|POST|PUT|DELETE|PATCH", r"(?i)(?:client|api)$", 0),
    _row(_SCRIPTS, "request|get", r"^https?$|(?i:client|pool|agent)$", ("path",), "method"),
    _row(_SCRIPTS, r"\w+", MADE, 0, "method"),
    _row(
        _SCRIPTS,
        "axios|request|ajax|fetcher|apiRequest|http|client",
        r"^$|(?:axios|axiosRef|api|client|\$)$",
        ("url", "uri"),
        "method",
    ),
    _row(_JVM, r"(?:get|post|patch)For(?:Object|Entity|Location)|headForHeaders|optionsForAllow", "", 0),
    _row(_JVM, "exchange", "(?i)(?:template|rest)$", 0, 1),
    _row(_JVM, "put|delete", "(?i)(?:template|rest)$", 0),
    _row(_JVM, "uri", r"(?i)\b(?:get|post|put|delete|patch|head|options|method)\s*\(", 0, "chain"),
    _row(_JVM, "uri|url", r"(?i)(?:newBuilder|Request\.Builder|HttpRequest)", 0, "behind"),
    _row("kotlin", "url", "^$", 0, "around"),
    _row("kotlin", "Request", "^$", 1, 0),
    _row(_JVM, _VERBS, "RequestEntity$", 0),
    _row(_JVM, "HttpGet|HttpPost|HttpPut|HttpDelete|HttpPatch|HttpHead", "^$", 0),
    _row(_JVM, r"(?:build)?(?:get|post|put|delete|head|Get|Post|Put|Delete)", r"\.request\([^()]*\)$", RECEIVER),
    _row(_JVM, "method", r"\.request\([^()]*\)$", RECEIVER, 0),
    _row("java kotlin", "newBuilder", "HttpRequest$", 0, "behind"),
    _row("kotlin", _VERBS, ANY_CLIENT, 0),
    _row("java", _VERBS, "Unirest$", 0),
    _row("go", "Get|Head|Post|PostForm", r"(?:^|\.)http$|(?i:client)$|\.R\(\)", 0),
    _row("go", "Put|Delete|Patch", r"\.R\(\)|(?i:client)$", 0),
    _row("go", "Get|Head|Post|PostForm", r"^(?:otelhttp|ctxhttp)$", 1),
    _row("go", "Get|Head|Post|Put|Patch|Delete", r"(?i:sling)\b|\.New\(\)$", 0),
    _row("go", "NewRequest", "http", 1, 0),
    _row("go", "Execute", r"\.R\(\)", 1, 0),
    _row("go", "NewRequestWithContext", "http", 2, 1),
    _row(
        "csharp",
        r"(?:Get|Post|Put|Patch|Delete)(?:Json|String|Stream|Bytes|UrlEncoded)?Async",
        "//|Ur[il]\\b|Url|AppendPath",
        RECEIVER,
    ),
    _row("csharp", "RestRequest", "^$", 0, 1, "GET"),
    _row(
        "csharp",
        r"(?:Get|Post|Put|Patch|Delete)(?:String|Stream|ByteArray|FromJson|AsJson)?(?:Async|AsAsyncEnumerable)",
        r"(?i)client|http",
        0,
    ),
    _row("csharp", "HttpRequestMessage", "", 1, 0),
    _row(
        "ruby",
        r"get|get_response|post|post_form|put|delete|patch|head",
        r"^(?:Net::HTTP|HTTP|Excon|Typhoeus|RestClient|HTTParty|Faraday|self\.class)$|^Faraday\.new\b|^HTTP\."
        r"|(?i:conn|connection|client|http|faraday)$|^$",
        0,
    ),
    _row("ruby", "url", r"^(?:req|request|r)$", 0, "around"),
    _row("ruby", "execute", r"RestClient::Request$", ("url",), "method"),
    _row("ruby", "new", r"Typhoeus::Request$", 0, "method"),
    _row("ruby", "new", r"Net::HTTP::(?:Get|Post|Put|Patch|Delete)$", 0, "receiver"),
    _row("php", _VERBS, r"(?i)(?:client|http|guzzle)(?:\(\))?$|^Http$|Http::.*\)$", 0),
    _row("php", "request|requestAsync", r"(?i)(?:client|http|guzzle)(?:\(\))?$", 1, 0),
    _row("php", "createRequest|Request", r"(?i)factory$|^$", 1, 0),
    _row("php", "curl_setopt", "", 2, "curl"),
    _row("php", "curl_setopt_array", "", ("CURLOPT_URL",), "curl"),
    _row("php", "curl_init", "", 0, "curl"),
    _row("php", "file_get_contents", "", 0, "GET"),
    _row("rust", _VERBS, r"(?i)(?:client|reqwest|awc|http)(?:\(\))?$", 0),
    _row("rust", "request", r"(?i)(?:client|http)(?:\(\))?$", 1, 0),
)
# What makes a client, whatever it is called then.
CLIENT_MAKERS: Final = frozenset(
    "Client AsyncClient Session ClientSession HttpClient CreateClient create extend "
    "RestTemplate FastHttpSession PoolManager HTTPConnection HTTPSConnection Pool RestClient createClient".split()
)
# Types that a client is declared with, whatever it is called then.
CLIENT_TYPES: Final = frozenset(
    "HttpClient HttpService AxiosInstance AxiosStatic Axios KyInstance Got RestTemplate RestOperations WebClient "
    "RestClient PendingRequest HttpClientInterface ClientInterface GuzzleClient OkHttpClient AsyncClient Session "
    "ClientSession Client HttpMessageInvoker".split()
)
# Arguments, calls and fields that give a client the address before those of its requests.
BASE_NAMES: Final = (
    "base_url",
    "baseURL",
    "baseUrl",
    "base_uri",
    "prefixUrl",
    "prefix_url",
    "url",
    "uri",
    "host",
    "BaseAddress",
)
BASE_CALLS: Final = frozenset(
    "ClientSession Base baseUrl SetBaseURL SetHostURL SetBaseUrl rootUri create BaseURL "
    "url defaultRequest base_uri withBaseUrl".split()
)
# What a file that asks others mentions.
MENTIONS: Final = {
    "python": r"\b(?:requests|httpx|aiohttp|urllib|urllib3|locust|http\.client)\b",
    "ruby": r"Faraday|Net::HTTP|HTTParty|RestClient|Excon|Typhoeus|\bHTTP\b",
    "kotlin": r"(?i)http|rest",
    "rust": r"reqwest|awc|hyper|ureq|surf",
    "go": r"net/http|resty|otelhttp|sling|imroc/req",
}
