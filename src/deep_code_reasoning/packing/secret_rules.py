"""What secrets look like: our own rules, beside those of detect-secrets.

A rule names the kind, the pattern, and `hints`: lower-case words of which one must be in a text before the pattern is
tried, for most texts hold none and a search for a plain word is a hundred times quicker. A group named `secret` is what
is taken out; without one, the whole match is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from .secret_values import is_literal_secret, is_random, is_token_like


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of secret. `holds` looks once more at what the pattern found; it gets the match."""

    kind: str
    pattern: re.Pattern[str]
    hints: tuple[str, ...] = ()
    holds: Callable[[re.Match[str]], bool] | None = None


def _vendor(kind: str, pattern: str, *hints: str) -> Rule:
    """A token that its prefix gives away."""
    return Rule(kind, re.compile(rf"(?<![A-Za-z0-9_])(?:{pattern})"), hints)


# Names under which secrets are kept. What follows the word may tell that it is about a secret and not one itself.
_SECRET_NAME: Final = (
    r"(?:pass(?:word|wd|phrase|code)|pwd|secret|token|api[_-]?key|access[_-]?key|auth[_-]?key|account[_-]?key"
    r"|private[_-]?key|client[_-]?key|signing[_-]?key|encryption[_-]?key|master[_-]?key|service[_-]?key|session[_-]?key"
    r"|shared[_-]?access[_-]?key|shared[_-]?key|license[_-]?key|storage[_-]?key|crypt[_-]?key|hmac[_-]?key|db[_-]?pass"
    r"|credential|session[_-]?id|jsessionid|phpsessid|connect\.sid)"
)
# At most one value in quotes, or a run up to what ends a value in any of: shell, YAML, JSON, URL, connection string.
_VALUE: Final = (
    r"""(?:\\?"(?P<double>(?:[^"\\\n]|\\[^"\n])+)\\?"|'(?P<single>[^'\n]+)'|(?P<bare>[^\s"',;&<>(){}\[\]|\\`]+))"""
)


def _in_quotes(match: re.Match[str]) -> tuple[str, bool]:
    quoted = match["double"] or match["single"]
    return (quoted, True) if quoted is not None else (match["bare"], False)


def _is_assigned_secret(match: re.Match[str]) -> bool:
    value, quoted = _in_quotes(match)
    after = match.string[match.end() : match.end() + 1]
    return is_literal_secret(match["name"], value, quoted, called=after in ("(", "["))


def _is_assigned_random(match: re.Match[str]) -> bool:
    return is_random(_in_quotes(match)[0])


RULES: Final[tuple[Rule, ...]] = (
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
    Rule("age key", re.compile(r"AGE-SECRET-KEY-1[0-9A-Z]{50,}"), ("age-secret-key",)),
    # --- vendors' tokens ---
    _vendor(
        "aws key id",
        r"(?:A3T[A-Z0-9]|ABIA|ACCA|AKIA|ASIA)[0-9A-Z]{16}(?![0-9A-Za-z])",
        "akia",
        "asia",
        "a3t",
        "abia",
        "acca",
    ),
    _vendor("google api key", r"AIza[0-9A-Za-z_-]{35}", "aiza"),
    _vendor(
        "google oauth token",
        r"ya29\.[0-9A-Za-z_-]{20,}|1//0[0-9A-Za-z_-]{30,}|GOCSPX-[0-9A-Za-z_-]{20,}",
        "ya29.",
        "1//0",
        "gocspx-",
    ),
    _vendor("github token", r"gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255}", "gh", "github_pat_"),
    _vendor("gitlab token", r"gl(?:pat|dt|ft|soat|rt|cbt|ptt|agent|oas|imt|rtr)-[A-Za-z0-9_.=-]{20,}", "gl"),
    _vendor("slack token", r"xox[abceoprs](?:\.xox[bp])?-[A-Za-z0-9-]{10,}|xapp-\d-[A-Za-z0-9-]{10,}", "xox", "xapp-"),
    _vendor(
        "slack webhook",
        r"https://hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/_-]{20,}",
        "hooks.slack.com",
    ),
    _vendor(
        "stripe key",
        r"(?:[sr]k|whsec)_(?:(?:live|test|prod)_)?[0-9a-zA-Z]{16,}",
        "k_live",
        "k_test",
        "k_prod",
        "whsec_",
    ),
    _vendor("anthropic key", r"sk-ant-[A-Za-z0-9_-]{20,}", "sk-ant-"),
    _vendor("openai key", r"sk-(?:proj-|svcacct-|admin-|or-v1-)?[A-Za-z0-9_-]{20,}", "sk-"),
    _vendor("hugging face token", r"(?:hf|api_org)_[A-Za-z0-9]{30,}", "hf_", "api_org_"),
    _vendor(
        "model provider key",
        r"(?:gsk|xai|pplx|r8|nvapi|fw|tgp_v1)[_-][A-Za-z0-9_-]{30,}",
        "gsk_",
        "xai-",
        "pplx-",
        "r8_",
        "nvapi-",
        "fw_",
        "tgp_v1_",
    ),
    _vendor("npm token", r"npm_[A-Za-z0-9]{36}", "npm_"),
    _vendor("pypi token", r"pypi-[A-Za-z0-9_-]{50,}", "pypi-"),
    _vendor("rubygems key", r"rubygems_[a-f0-9]{48}", "rubygems_"),
    _vendor("docker token", r"dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,}", "dckr_"),
    _vendor("sendgrid key", r"SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{16,64}", "sg."),
    _vendor("mailgun key", r"key-[0-9a-f]{32}(?![0-9a-f])", "key-"),
    _vendor("telegram token", r"\d{8,10}:AA[0-9A-Za-z_-]{33}", ":aa"),
    _vendor("discord token", r"[MNO][A-Za-z\d_-]{23,28}\.[A-Za-z\d_-]{6}\.[A-Za-z\d_-]{27,40}", "."),
    _vendor("digitalocean token", r"do[oprt]_v1_[a-f0-9]{64}", "_v1_"),
    _vendor("databricks token", r"dapi[a-f0-9]{32}(?:-\d)?", "dapi"),
    _vendor(
        "hashicorp token",
        r"hv[sbr]\.[A-Za-z0-9_-]{24,}|[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,}",
        "hvs.",
        "hvb.",
        "hvr.",
        "atlasv1",
    ),
    _vendor("grafana token", r"gl(?:sa|c)_[A-Za-z0-9_+/=]{32,}", "glsa_", "glc_"),
    _vendor("new relic key", r"NR(?:AK|JS|II|AL)-[A-Za-z0-9_-]{19,}", "nr"),
    _vendor("shopify token", r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}", "shp"),
    _vendor("square token", r"sq0[a-z]{3}-[0-9A-Za-z_-]{22,}|EAAA[A-Za-z0-9_-]{60}", "sq0", "eaaa"),
    _vendor("linear key", r"lin_(?:api|oauth)_[A-Za-z0-9]{32,}", "lin_"),
    _vendor("notion token", r"(?:ntn|secret)_[A-Za-z0-9]{40,}", "ntn_", "secret_"),
    _vendor("atlassian token", r"ATATT3[A-Za-z0-9_=-]{50,}|ATCTT3[A-Za-z0-9_=-]{50,}", "atatt3", "atctt3"),
    _vendor("planetscale token", r"pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.=-]{30,}", "pscale_"),
    _vendor("supabase key", r"sb[ps]_(?:secret_)?[A-Za-z0-9_]{30,}", "sbp_", "sbs_"),
    _vendor("sentry token", r"sntr[ysu]{1,2}_[A-Za-z0-9_+/=.-]{40,}", "sntr"),
    _vendor("doppler token", r"dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9._-]{30,}", "dp."),
    _vendor("pulumi token", r"pul-[a-f0-9]{40}", "pul-"),
    _vendor(
        "age of mail service key",
        r"re_[A-Za-z0-9]{8,}_[A-Za-z0-9]{16,}|xkeysib-[a-f0-9]{64}-[A-Za-z0-9]{16}",
        "re_",
        "xkeysib-",
    ),
    _vendor("json web token", r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?", "eyj"),
    _vendor(
        "json web token", r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]{16,}(?:\.[A-Za-z0-9_-]+){0,2}", "eyj"
    ),
    # --- what a place gives away ---
    Rule(
        "azure key",
        re.compile(
            r"(?i)(?:account|shared ?access|primary|secondary)key\"?\s*[=:]\s*\"?(?P<secret>[A-Za-z0-9+/]{43,}={0,2})"
        ),
        ("key",),
    ),
    Rule(
        "signed url",
        re.compile(
            r"(?i)[?&](?:sig|signature|x-amz-(?:signature|credential|security-token)|x-goog-(?:signature|credential)|googleaccessid|awsaccesskeyid)=(?P<secret>[^&\s\"'<>]{8,})"
        ),
        ("sig", "x-amz-", "x-goog-", "accessid", "accesskeyid"),
    ),
    Rule(
        "password in url",
        re.compile(
            r"(?i)\b[a-z][a-z0-9+.-]{1,20}://[^\s:/?#@\"'<>]{0,100}:(?P<secret>[^\s@/\"'<>]{1,200}(?:/[^\s@/\"'<>]{1,80})?)@(?=[\w\[$])"
        ),
        ("://",),
    ),
    Rule("token in url", re.compile(r"(?i)\bhttps?://(?P<secret>[A-Za-z0-9_-]{20,})@(?=\w)"), ("://",)),
    Rule(
        "authorization header",
        re.compile(
            r"(?i)\b(?:proxy-)?authorization[\"']?\s*[:=>,]{1,2}\s*[\[\\]*[\"']?(?!\[redacted)(?:(?:Basic|Bearer|Token|Digest|Negotiate|ApiKey|AWS4-HMAC-SHA256|SharedKey|SharedAccessSignature)\s+)?(?P<secret>(?!(?:none|null|required|failed|header|denied|error|missing|basic|bearer)\b)[^\s\"'\\,;]{6,}(?:[ ,;][^\s\"'\\,]+=[^\s\"'\\,]+)*)"
        ),
        ("authorization",),
    ),
    Rule(
        "bearer token",
        re.compile(r"(?i)\b(?:bearer|basic)[ :]+(?P<secret>[A-Za-z0-9._~+/=-]{12,})"),
        ("bearer", "basic"),
        lambda m: is_token_like(m["secret"]),
    ),
    Rule(
        "cookie",
        re.compile(
            r"(?i)\b(?:set-)?cookie[\"']?\s*[:=]\s*[\[\\]*[\"']?(?P<secret>[\w.%-]+=[^\s\"'\\;]+(?:;\s*[\w.%-]+(?:=[^\s\"'\\;]+)?)*)"
        ),
        ("cookie",),
    ),
    Rule(
        "password in command",
        re.compile(
            r"(?i)(?:\s--?(?:password|passwd|pass|pwd|token|api-?key|secret|auth-?token)[ =]+|\bsshpass\s+-p\s*|\bmysql(?:dump|admin)?\b[^\n|;]{0,80}?\s-p(?=\S)|\bcurl\b[^\n|;]{0,200}?\s(?:-u|--user)\s+[\"']?[\w.@-]+:|\bdocker login\b[^\n|;]{0,80}?\s-p\s+|\bredis-cli\b[^\n|;]{0,80}?\s-a\s+)[\"']?(?P<secret>[^\s\"'$<{(][^\s\"']{2,})"
        ),
        ("-p", "--pass", "--token", "--api", "--secret", "--auth", "--pwd", "-u ", "--user", "-a ", "-pass"),
    ),
    Rule(
        "password in sql",
        re.compile(
            r"(?i)\b(?:identified\s+(?:with\s+\w+\s+)?by|(?:with\s+)?(?:encrypted\s+)?password)\s+(?:password\s+)?'(?P<secret>[^'\n]{1,200})'"
        ),
        ("identified", "password"),
    ),
    Rule(
        "assigned secret",
        re.compile(
            rf"(?i)(?P<name>[\w.\-]{{0,60}}?{_SECRET_NAME}[\w.\-]{{0,40}})\\?[\"'\]]{{0,2}}\s*(?:=>|:=|[:=]|\bis\b)\s*(?:[rbfu]|Bearer |Basic )?{_VALUE}"
        ),
        ("pass", "pwd", "secret", "token", "key", "credential", "session", "connect.sid"),
        _is_assigned_secret,
    ),
    Rule(
        "random key",
        re.compile(
            rf"(?i)\b(?P<name>[\w.\-]{{0,60}}(?:key|auth|sign(?:ature)?|salt|nonce|hmac|cred|pass|cert|dsn|webhook|access|priv)[\w.\-]{{0,30}})\\?[\"'\]]{{0,2}}\s*(?:=>|:=|[:=])\s*{_VALUE}"
        ),
        ("key", "auth", "sign", "salt", "nonce", "hmac", "cred", "pass", "cert", "dsn", "webhook", "access", "priv"),
        _is_assigned_random,
    ),
    Rule(
        "random key",
        re.compile(rf"(?<![\w.])(?P<name>[A-Z][A-Z0-9]*_[A-Z0-9_]{{1,60}})\s*[:=]\s*{_VALUE}"),
        ("=", ":"),
        _is_assigned_random,
    ),
)
