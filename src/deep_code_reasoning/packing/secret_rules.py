"""What secrets look like, beside what Kingfisher knows: where they stand in logs, headers, URLs, commands and settings.

A rule names the kind, the pattern, and `hints`: lower-case words of which one must be in a text before the pattern is
tried, for most texts hold none, and a search for a plain word is a hundred times quicker. What is taken out is the
group `secret`, or the value of an assignment, or the whole match.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from .secret_values import is_literal_secret, is_random, is_token_like


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of secret. `holds` looks once more at what the pattern found."""

    kind: str
    pattern: re.Pattern[str]
    hints: tuple[str, ...] = ()
    holds: Callable[[re.Match[str]], bool] | None = None


def _assigned(match: re.Match[str]) -> tuple[str, bool]:
    """The value of an assignment, and whether it stands in quotes."""
    quoted = match["double"] or match["single"]
    return (quoted, True) if quoted is not None else (match["bare"], False)


def _is_literal(match: re.Match[str]) -> bool:
    value, quoted = _assigned(match)
    before = _NAME_BEFORE.search(match.string, max(0, match.start() - 60), match.start())
    after = match.string[match.end() : match.end() + 1]
    name = (before[0] if before else "") + match["name"]
    return is_literal_secret(name, value, quoted, called=after in ("(", "["))


def _is_random(match: re.Match[str]) -> bool:
    return is_random(_assigned(match)[0])


def _is_token(match: re.Match[str]) -> bool:
    return is_token_like(match["secret"])


# Names under which secrets are kept.
_NAME: Final = (
    r"(?:pass(?:word|wd|phrase|code)|pwd|secret|token|credential|db[_-]?pass|session[_-]?id|jsessionid|phpsessid"
    r"|connect\.sid|(?:api|access|auth|account|private|client|signing|encryption|master|service|session|shared|license"
    r"|storage|crypt|hmac)[_-]?(?:access[_-]?)?key)"
)
# A rule starts at the word and not at the name that it ends, which is far quicker; this finds the rest of the name.
_NAME_BEFORE: Final = re.compile(r"[\w.\-]+\Z")
# In quotes (escaped ones too, as in JSON within JSON), or a run up to what ends a value in any of shell, YAML, JSON,
# URLs, connection strings.
_VALUE: Final = (
    r"""(?:\\?"(?P<double>(?:[^"\\\n]|\\[^"\n])+)\\?"|'(?P<single>[^'\n]+)'|(?P<bare>[^\s"',;&<>(){}\[\]|\\`]+))"""
)
_ASSIGNS: Final = r"""\\?["'\]]{0,2}[ \t]*(?:=>|:=|[:=])[ \t]*"""

# Tokens that their prefix gives away; Kingfisher wants them to look random, and we had rather lose one that does not.
_PREFIXED: Final = (
    ("aws key id", r"(?:A3T[A-Z0-9]|ABIA|ACCA|AKIA|ASIA)[0-9A-Z]{16}(?![0-9A-Za-z])", ("akia", "asia", "a3t", "abia")),
    ("google key", r"AIza[\w-]{35}|ya29\.[\w-]{20,}|GOCSPX-[\w-]{20,}", ("aiza", "ya29.", "gocspx-")),
    ("github token", r"gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_\w{22,255}", ("gh", "github_pat_")),
    ("gitlab token", r"gl(?:pat|dt|ft|soat|rt|cbt|ptt|agent|oas|imt)-[\w.=-]{20,}", ("gl",)),
    ("slack token", r"xox[abceoprs](?:\.xox[bp])?-[A-Za-z0-9-]{10,}|xapp-\d-[A-Za-z0-9-]{10,}", ("xox", "xapp-")),
    ("slack webhook", r"https://hooks\.slack\.com/[a-z]+/[\w/-]{20,}", ("hooks.slack.com",)),
    ("stripe key", r"(?:[sr]k_(?:live|test|prod)|whsec)_[0-9a-zA-Z]{16,}", ("k_live_", "k_test_", "k_prod_", "whsec_")),
    ("model key", r"sk-(?:ant-|proj-|svcacct-|admin-|or-v1-)?[\w-]{20,}|(?:gsk_|xai-|pplx-|r8_|hf_)\w{30,}",
     ("sk-", "gsk_", "xai-", "pplx-", "r8_", "hf_")),
    ("package registry token", r"npm_[A-Za-z0-9]{36}|pypi-[\w-]{50,}|dckr_(?:pat|oat)_[\w-]{20,}",
     ("npm_", "pypi-", "dckr_")),
    ("sendgrid key", r"SG\.[\w-]{16,32}\.[\w-]{16,64}", ("sg.",)),
    ("twilio key", r"(?:SK|AC)[0-9a-f]{32}(?![0-9a-f])", ("sk", "ac")),
    ("mailgun key", r"key-[0-9a-f]{32}(?![0-9a-f])", ("key-",)),
    ("telegram token", r"\d{8,10}:AA[\w-]{33}", (":aa",)),
    ("digitalocean token", r"do[oprt]_v1_[a-f0-9]{64}", ("_v1_",)),
    ("databricks token", r"dapi[a-f0-9]{32}(?:-\d)?", ("dapi",)),
    ("vault token", r"hv[sbr]\.[\w-]{24,}", ("hvs.", "hvb.", "hvr.")),
    ("json web token", r"eyJ[\w-]{8,}\.(?:eyJ[\w-]{8,}|[\w-]*\.[\w-]{8,})(?:\.[\w-]+)*", ("eyj",)),
)  # fmt: skip


def _prefixed() -> tuple[Rule, ...]:
    return tuple(Rule(kind, re.compile(rf"(?<!\w)(?:{shape})"), hints) for kind, shape, hints in _PREFIXED)


RULES: Final[tuple[Rule, ...]] = (
    # A block whose end was cut off goes as far as its lines look like one; in diffs and listings they have a prefix.
    Rule(
        "private key",
        re.compile(
            r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----"
            r"(?:[\s\S]{0,20000}?-----END (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----"
            r"|(?:(?:\\r)?(?:\\n|\n)[^\S\n]*[+\- |\d]{0,12}[A-Za-z0-9+/=:, -]{8,100})*)"
        ),
        ("private key",),
    ),
    Rule("private key", re.compile(r"PuTTY-User-Key-File-\d[\s\S]{0,20000}?Private-MAC: \w+"), ("putty-user",)),
    *_prefixed(),
    Rule(
        "azure key",
        re.compile(
            r'(?i)(?:account|shared ?access|primary|secondary)key"?\s*[=:]\s*"?(?P<secret>[A-Za-z0-9+/]{43,}=*)'
        ),
        ("key",),
    ),
    Rule(
        "signed url",
        re.compile(
            r"(?i)[?&](?:sig|signature|x-(?:amz|goog)-(?:signature|credential|security-token)|googleaccessid"
            r"|awsaccesskeyid)=(?P<secret>[^&\s\"'<>]{8,})"
        ),
        ("sig", "x-amz-", "x-goog-", "accessid", "accesskeyid"),
    ),
    Rule(
        "password in url",
        re.compile(
            r"(?i)\b[a-z][a-z0-9+.-]{1,20}://[^\s:/?#@\"'<>]{0,100}:(?P<secret>[^\s@\"'<>]{1,200})@(?=[\w\[$.-])"
        ),
        ("://",),
    ),
    Rule("token in url", re.compile(r"(?i)\bhttps?://(?P<secret>[\w-]{20,})@(?=\w)"), ("://",)),
    Rule(
        "authorization header",
        re.compile(
            r"(?i)\b(?:proxy-)?authorization\\?[\"']?\s*[:=>,]{1,2}\s*[\[\\]*[\"']?"
            r"(?:(?:Basic|Bearer|Token|Digest|Negotiate|ApiKey|AWS4-HMAC-SHA256|SharedKey|SharedAccessSignature)\s+)?"
            r"(?P<secret>(?!(?:none|null|required|failed|header|denied|error|missing|basic|bearer)\b)[^\s\"'\\,;]{6,}"
            r"(?:[ ,;]+[\w-]+=[^\s\"'\\,]+)*)"
        ),
        ("authorization",),
    ),
    Rule(
        "bearer token",
        re.compile(r"(?i)\b(?:bearer|basic)[ :]+(?P<secret>[A-Za-z0-9._~+/=-]{12,})"),
        ("bearer", "basic"),
        _is_token,
    ),
    Rule(
        "cookie",
        re.compile(
            r"(?i)\b(?:set-)?cookie\\?[\"']?\s*[:=]\s*[\[\\]*[\"']?"
            r"(?P<secret>[\w.%-]+=[^\s\"'\\;]+(?:;\s*[\w.%-]+(?:=[^\s\"'\\;]+)?)*)"
        ),
        ("cookie",),
    ),
    Rule(
        "password in command",
        re.compile(
            r"(?i)(?:\s--?(?:password|passwd|pass|pwd|token|api-?key|secret|auth-?token)[ =]+|\bsshpass\s+-p\s*"
            r"|\bmysql(?:dump|admin)?\b[^\n|;]{0,80}?\s-p(?=\S)|\bcurl\b[^\n|;]{0,200}?\s(?:-u|--user)\s+[\"']?[\w.@-]+:"
            r"|\bdocker login\b[^\n|;]{0,80}?\s-p\s+|\bredis-cli\b[^\n|;]{0,80}?\s-a\s+)"
            r"[\"']?(?P<secret>[^\s\"'$<{(][^\s\"']{2,})"
        ),
        ("-p", "--token", "--api", "--secret", "--auth", "-u ", "--user", "-a ", "-token"),
    ),
    Rule(
        "password in sql",
        re.compile(
            r"(?i)\b(?:identified\s+(?:with\s+\w+\s+)?by|(?:with\s+)?(?:encrypted\s+)?password)\s+(?:password\s+)?"
            r"'(?P<secret>[^'\n]{1,200})'"
        ),
        ("identified", "password"),
    ),
    Rule(
        "assigned secret",
        re.compile(rf"(?i)(?P<name>{_NAME}[\w.\-]{{0,60}}){_ASSIGNS}(?:[rbfu]|Bearer |Basic )?{_VALUE}"),
        ("pass", "pwd", "secret", "token", "key", "credential", "session", "connect.sid"),
        _is_literal,
    ),
    # A name that speaks of keys, or one of an environment variable, with a value that looks drawn at random.
    Rule(
        "random key",
        re.compile(
            rf"(?i)(?:key|auth|sign|salt|hmac|cred|pass|cert|dsn|webhook|access|priv)[\w.\-]{{0,60}}{_ASSIGNS}{_VALUE}"
        ),
        ("key", "auth", "sign", "salt", "hmac", "cred", "pass", "cert", "dsn", "webhook", "access", "priv"),
        _is_random,
    ),
    Rule(
        "random key",
        re.compile(rf"(?<![\w.])[A-Z][A-Z0-9]{{0,30}}_[A-Z0-9_]{{1,60}}\s*[:=]\s*{_VALUE}"),
        (),
        _is_random,
    ),
)
