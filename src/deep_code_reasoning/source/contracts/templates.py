"""Templates of routes: one way to write what varies, and when two of them are the same."""

from __future__ import annotations

import re
from typing import Final

from .texts import HOLE

# `{id}`, `{id:int}`, `{id?}`, `{*path}`, `<int:id>`, `<id>`, `:id`, `:id(\\d+)`, `(?P<id>...)`, `[id]`, `[...path]`.
_PARAMETER: Final = re.compile(
    r"\(\?P?<(?P<regex>\w+)>(?:[^()]|\([^()]*\))*\)"
    r"|(?<=/):(?P<colon>\w+)(?:\([^()]*\)|<[^<>]*>|\{[^{}]*\})?\??"
    r"|\{\*{0,2}(?P<braces>[\w.\-]*)(?:[:=][^{}]*(?:\{[^{}]*\}[^{}]*)?)?\??\*?\}"
    r"|<(?:[\w.]+(?:\([^()]*\))?:)?(?P<angles>\w+)>"
    r"|(?<=/)\*(?P<star>\w+)"
    r"|\[\[?(?:\.\.\.)?(?P<square>\w+)\]?\]"
)
# Slim: `/x[/{id}]`.
_OPTIONAL: Final = re.compile(r"\[(/[^\[\]]*)\]")
_GROUP: Final = re.compile(r"(?<!\\)\((?!\?)(?:[^()]|\([^()]*\))*\)")
_ANCHORS: Final = re.compile(r"\\/|\\\.|\^|\$$|\\Z$|/\?\$?$")
_ABSOLUTE: Final = re.compile(r"^(?P<scheme>[a-z][a-z0-9+.-]*:)?//(?P<host>[^/?#]*)(?P<rest>.*)$", re.DOTALL)
_HOST_PORT: Final = re.compile(
    r"^(?P<host>[A-Za-z0-9][\w.-]*|\[[0-9a-f:]+\])(?P<port>:(?:\d+|\0))?(?P<rest>[/?].*)?$", re.DOTALL
)


def joined(*parts: str) -> str:
    """Parts of a path under each other, with one `/` between them, one before, none behind; parameters as `{name}`."""
    parts = tuple(_OPTIONAL.sub(r"\1", re.sub(r"\{[?&][^{}]*\}|/\?$", "", part)) for part in parts)
    whole = "/".join(part.strip("/") for part in parts if part.strip("/"))
    return "/" + _named(re.sub(r"/{2,}", "/", whole)).strip("/")


def shape(template: str) -> tuple[str, ...]:
    """The segments of a template with `{}` for what varies: equal for templates of the same requests."""
    return tuple(re.sub(r"\{[^{}]*\}", "{}", part) for part in template.lower().split("?")[0].strip("/").split("/"))


def from_regex(pattern: str) -> str:
    """A path out of a regular expression of one: anchors and escapes off, groups as parameters."""
    pattern = _GROUP.sub("{}", pattern)
    return _ANCHORS.sub(lambda found: found[0].lstrip("\\") if found[0] in ("\\/", "\\.") else "", pattern)


def split_address(value: str) -> tuple[str, str] | None:
    """(host, path template) of an address of a request, either '' when it is not known; None when it is none.

    What stands before the first `/` and is not known is a host that only runs: `{base}/orders`.
    """
    value = value.strip()
    found = _ABSOLUTE.match(value)
    if found:
        return found["host"].rpartition("@")[2].partition(":")[0].replace(HOLE, ""), _path(found["rest"])
    if value.startswith("/"):
        return "", _path(value)
    if value.startswith(HOLE):
        rest = value.lstrip(HOLE)
        return ("", _path("/" + rest.lstrip("/"))) if "/" in rest else None
    named = _HOST_PORT.match(value)
    if named and (named["port"] or (named["rest"] and "." not in named["host"])):
        return named["host"], _path(named["rest"] or "")
    return None


def _path(rest: str) -> str:
    return joined(re.sub(r"[?#].*$", "", rest, flags=re.DOTALL).replace(HOLE, "{}"))


def _named(path: str) -> str:
    def name(found: re.Match[str]) -> str:
        return "{" + next((group for group in found.groups() if group), "") + "}"

    return _PARAMETER.sub(name, "/" + path.replace(HOLE, "{}")).lstrip("/")
