"""Whether a value that stands where a secret may stand is one: the questions that patterns cannot answer."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import Final

# About a secret, not one: how long, which kind, where it is kept, when it ends.
_ABOUT: Final = re.compile(
    r"(?i)(?:(?:^|[_.\-])(?:max|min|num|total|avg|used|count|n)[_.\-]?(?:\w*[_.\-])?tokens?|(?:.*[_.\-])?tokens(?:[_.\-]\w+)?"
    r"|(?:input|output|prompt|completion|cached)[_.\-]?tokens?|tokeni[sz]\w*"
    r"|.*(?:[_.\-]|(?<=[a-z])(?=[A-Z]))(?:count|type|kind|name|len|length|size|ttl|expir\w*|age|path|file|dir|folder"
    r"|url|uri|endpoint|policy|field|label|header|prefix|suffix|index|limit|enabled|required|valid\w*|reset|change\w*|min\w*|max\w*"
    r"|rotation|version|arn|ref|provider|manager|store|service|class|format|algo\w*|regex|pattern|hint|prompt|error"
    r"|status|usage|bucket|budget|id|ids))"
)
_SESSION: Final = re.compile(r"(?i)session[_-]?id|jsessionid|phpsessid|connect\.sid")
_NOTHING: Final = frozenset(
    "null none nil undefined true false yes no on off empty unset missing invalid expired required optional hidden "
    "masked redacted str string int bool bytes any object text char varchar number float self this not is in and or "
    "if else the a an of for to from with was has been must should will can cannot could failed failure error wrong "
    "incorrect changed updated mismatch rejected accepted denied refresh renew renewed revoked generated".split()
)
_PLACEHOLDER: Final = re.compile(
    r"(?i)\**|x{3,}|\.{3,}|-+|<.*>|\$\{.*|\$\w.*|\{.*\}?|%.*%?|\[redacted.*|(?:your|my|the|some)[-_ ].*|change[-_]?me"
    r"|example|placeholder|todo|dummy"
)
# An expression of a programming language that fetches a value: the secret is elsewhere.
_EXPRESSION: Final = re.compile(
    r"[A-Za-z_]\w*(?:\??\.[A-Za-z_]\w*)+|[A-Za-z_]\w*(?:::\w+)+|(?:await|new|return|lambda|function|async|typeof)\b.*"
    r"|(?:process|os|System|env|config|settings|self|this|req|request|ctx|args|opts|options|props|data|params)\b.*"
)
_TYPE: Final = re.compile(r"(?:[A-Z][a-z]+)+|[a-z]+(?:_[a-z]+)*[!?]?")
_HEX: Final = re.compile(r"(?:0x)?[0-9a-fA-F]+")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# Ids by which a protocol counts its sessions; the key to a session is longer.
_ID: Final = re.compile(r"0x[0-9a-fA-F]+|[0-9a-fA-F]{1,16}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_WORDS: Final = re.compile(r"[A-Za-z]?[a-z]{2,}(?:[ _./:\-]|$|(?=[A-Z]))")
_MIN_RANDOM_LENGTH: Final = 20
# Bits a character: English and identifiers lie at 3 to 3.8 at these lengths, random letters and digits above 4.
_MIN_ENTROPY: Final = 3.9


def is_literal_secret(name: str, value: str, quoted: bool, called: bool) -> bool:
    """Whether the value assigned to a name of secrets is a secret and not a word, a placeholder or an expression.

    `called`: a bracket follows, so that the value is the name of a function.
    """
    if _ABOUT.fullmatch(name) and not _SESSION.search(name):
        return is_random(value)
    if (
        value.lower().rstrip(".:!?") in _NOTHING
        or _PLACEHOLDER.fullmatch(value)
        or (value.isdecimal() and len(value) < 4)
    ):
        return False
    if _SESSION.search(name):
        return is_token_like(value) and not _ID.fullmatch(value)
    if quoted:
        return (not value.isspace() and " " not in value.strip()) or is_random(value)
    if called or _EXPRESSION.fullmatch(value):
        return False
    is_password = re.search(r"(?i)pass|pwd|secret", name) is not None
    if _TYPE.fullmatch(value):
        # One word, no digit: `password: hunter` of a configuration, or `password = given` of a program. A name that
        # says what is in it (`newPassword`) is a program's.
        return is_password and re.search(r"(?i)pass|pwd|secret|token|key|value|input|str|arg|param", value) is None
    return len(value) >= (3 if is_password else 8)


def is_token_like(value: str) -> bool:
    """Whether a value may be a token: letters and digits mixed, or long, and no plain words."""
    return len(value) >= 8 and (any(c.isdigit() for c in value) or len(value) >= 24 or is_random(value))


def is_random(value: str) -> bool:
    """Whether a value looks drawn at random: long, letters of both cases and digits, no words, no hash, no UUID.

    Hexadecimal alone is left alone: trace ids, commits and digests look like that, and they are evidence.
    """
    if not _MIN_RANDOM_LENGTH <= len(value) <= 500 or " " in value or _HEX.fullmatch(value) or _UUID.fullmatch(value):
        return False
    classes = (any(c.islower() for c in value), any(c.isupper() for c in value), any(c.isdigit() for c in value))
    if not all(classes) or ("/" in value[:8] and value.count("/") > 2) or "://" in value:
        return False
    worded = sum(len(match[0]) for match in _WORDS.finditer(value) if len(match[0]) > 4)
    return worded <= len(value) / 2 and _entropy(value) >= _MIN_ENTROPY


def _entropy(value: str) -> float:
    """Shannon entropy in bits a character."""
    counts = Counter(value)
    return -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values())
