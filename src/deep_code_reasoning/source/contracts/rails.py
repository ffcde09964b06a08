"""Rails' routes: `config/routes.rb` and the files that it draws, with namespaces, scopes and resources."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from .calls import Call
from .frameworks import VERBS
from .nodes import text_of
from .scopes import Frame
from .syntax import CodeFile
from .templates import joined
from .texts import HOLE
from .values import Values

if TYPE_CHECKING:
    from tree_sitter import Node

Found = tuple[tuple[str, ...], str, int, str]
_FILE: Final = re.compile(r"(?:^|/)config/routes(?:/[\w/]+)?\.rb$")
_OPTIONAL: Final = re.compile(r"\(/?(:\w+|\{\w+\})\)")
# What `resources` makes: action -> (verbs, below an item?, last part).
_PLURAL: Final = {
    "index": (("GET",), False, ""), "create": (("POST",), False, ""), "new": (("GET",), False, "new"),
    "show": (("GET",), True, ""), "edit": (("GET",), True, "edit"), "update": (("PATCH", "PUT"), True, ""),
    "destroy": (("DELETE",), True, ""),
}  # fmt: skip
_SINGULAR: Final = {
    "show": (("GET",), False, ""), "create": (("POST",), False, ""), "new": (("GET",), False, "new"),
    "edit": (("GET",), False, "edit"), "update": (("PATCH", "PUT"), False, ""), "destroy": (("DELETE",), False, ""),
}  # fmt: skip
_SERVING: Final = frozenset({*VERBS, "match", "root", "resources", "resource"})
_HOLDERS: Final = frozenset(
    "namespace scope resources resource member collection constraints concern shallow with_options slice".split()
)


def is_rails_routes(file: CodeFile) -> bool:
    """Whether a file holds routes of Rails."""
    return file.language == "ruby" and _FILE.search(file.where.path) is not None


def rails_routes(file: CodeFile, values: Values, api_only: bool) -> Iterator[Found]:
    """The routes of a file, as (verbs, template, line, handler); an application without views has no forms."""
    concerns = {values.text(call.positional(0), file): call for call in file.calls if call.name == "concern"}
    for call in file.calls:
        if call.receiver or call.name not in _SERVING or _concern_around(call, file) is not None:
            continue
        for frame in values.names.runs.frames(call.node, file, call.words):
            yield from _of_run(call, file, InRun(values, frame), api_only, concerns)


class InRun:
    """What expressions are in one run of the blocks around them."""

    def __init__(self, values: Values, frame: Frame | None) -> None:
        self._values = values
        self._frame = frame

    def text(self, node: Node | None, file: CodeFile) -> str:
        """The value of an expression."""
        return self._values.text(node, file, self._frame)

    def texts(self, node: Node | None, file: CodeFile) -> list[str]:
        """The values of a list."""
        return self._values.texts(node, file, self._frame)


def _of_run(call: Call, file: CodeFile, values: InRun, api_only: bool, concerns: Mapping[str, Call]) -> Iterator[Found]:
    before = _OPTIONAL.sub(r"/\1", _before(call, file, values))
    yield from _of(call, before, file, values, api_only)
    for name in values.texts(call.named("concerns"), file) if call.name == "resources" else ():
        whole = joined(before, _path_of(call, call.arguments[0].node, file, values))
        for inner in file.calls:
            if name in concerns and _concern_around(inner, file) is concerns[name]:
                holder = _holder(inner, file)
                within = holder.name if holder is not None else ""
                own = _before(inner, file, values) if within != "collection" else ""
                nested = f"{{{_key(call, file, values)}}}" if within not in ("member", "collection") else ""
                yield from _of(inner, joined(whole, nested, own), file, values, api_only)


def _of(call: Call, before: str, file: CodeFile, values: InRun, api_only: bool) -> Iterator[Found]:
    if not call.receiver:
        if call.name in ("resources", "resource"):
            for argument in call.arguments:
                if not argument.name:
                    yield from _resource(call, argument.node, before, file, values, api_only)
        elif call.name in VERBS or call.name in ("match", "root"):
            yield from _single(call, before, file, values)


def _single(call: Call, before: str, file: CodeFile, values: InRun) -> Iterator[Found]:
    if call.name == "root":
        yield ("GET",), joined(before), call.line, _to(call, file, values)
        return
    via = (
        [text.upper() for text in values.texts(call.named("via"), file)]
        if call.name == "match"
        else [call.name.upper()]
    )
    verbs = () if via == ["ALL"] else tuple(via)
    on = values.text(call.named("on"), file)
    holder = _holder(call, file)
    item = ""
    if holder is not None and holder.name == "resources" and on != "collection":
        item = "{id}" if on == "member" else "{" + _key(holder, file, values) + "}"
    for argument in call.arguments:
        given = argument.node
        if argument.name and (
            argument.name in ("to", "via", "on", "as", "action", "controller", "constraints", "defaults", "format")
        ):
            continue
        path = argument.name or values.text(given, file)
        if path != HOLE:
            yield verbs, joined(before, item, re.sub(r"\(\.:\w+\)", "", path)), call.line, _to(call, file, values)


def _resource(call: Call, name: Node, before: str, file: CodeFile, values: InRun, api_only: bool) -> Iterator[Found]:
    actions = _PLURAL if call.name == "resources" else _SINGULAR
    given = _option(call, file, "only")
    only = values.texts(given, file) if given is not None else list(actions)
    without = values.texts(_option(call, file, "except"), file)
    path = _path_of(call, name, file, values)
    key = "{" + (values.text(call.named("param"), file) if call.named("param") is not None else "id") + "}"
    for action, (verbs, below, last) in actions.items():
        if action in only and action not in without and not (last and api_only):
            controller = values.text(name, file)
            above = _before(call, file, values, shallow=True) if below and _is_shallow(call, file) else before
            yield verbs, joined(above, path, key if below else "", last), call.line, f"{controller}#{action}"


def _option(call: Call, file: CodeFile, name: str) -> Node | None:
    """An option of a resource: its own, or that of the `with_options` around it."""
    holder: Call | None = call
    while holder is not None and holder.named(name) is None:
        holder = _holder(holder, file)
        if holder is not None and holder.name != "with_options":
            return None
    return holder.named(name) if holder is not None else None


def _is_shallow(call: Call, file: CodeFile) -> bool:
    """Whether the items of a resource go without what it is nested in: it says so, or what is around it does."""
    holder: Call | None = call
    while holder is not None:
        given = holder.named("shallow")
        if holder.name == "shallow" or (given is not None and text_of(given) == "true"):
            return True
        holder = _holder(holder, file)
    return False


def _before(call: Call, file: CodeFile, values: InRun, shallow: bool = False) -> str:
    """What the blocks around a call put before it; of a shallow resource only the namespaces."""
    parts: list[str] = []
    inner, holder = call, _holder(call, file)
    while holder is not None:
        if not (shallow and holder.name in ("resources", "resource")):
            parts.insert(0, _part(holder, inner, file, values))
        inner, holder = holder, _holder(holder, file)
    return joined(*parts)


def _part(holder: Call, inner: Call, file: CodeFile, values: InRun) -> str:
    first = holder.positional(0)
    if holder.name == "namespace":
        given = holder.named("path") or first
        return values.text(given, file) if given is not None else ""
    if holder.name == "slice":  # Hanami
        return values.text(holder.named("at"), file).replace(HOLE, "")
    if holder.name == "scope":
        given = holder.named("path") or first
        text = values.text(given, file) if given is not None and "symbol" not in given.type else ""
        return "" if text == HOLE else text if text else _symbol(given)
    if holder.name in ("resources", "resource") and first is not None:
        path = _path_of(holder, first, file, values)
        nested = inner.name in ("resources", "resource") or inner.name in ("namespace", "scope")
        return joined(path, "{" + _key(holder, file, values) + "}") if nested and holder.name == "resources" else path
    return "{id}" if holder.name == "member" else ""


def _symbol(given: Node | None) -> str:
    return text_of(given).strip(":\"'") if given is not None else ""


def _key(holder: Call, file: CodeFile, values: InRun) -> str:
    named = holder.named("param")
    name = values.text(holder.positional(0), file)
    single = re.sub(r"ies$", "y", name) if name.endswith("ies") else name.removesuffix("s")
    return f"{single}_{values.text(named, file) if named is not None else 'id'}"


def _path_of(call: Call, name: Node, file: CodeFile, values: InRun) -> str:
    given = call.named("path")
    return values.text(given if given is not None else name, file)


def _to(call: Call, file: CodeFile, values: InRun) -> str:
    given = call.named("to")
    text = values.text(given, file) if given is not None else ""
    return "" if text == HOLE else text


def _concern_around(call: Call, file: CodeFile) -> Call | None:
    holder = _holder(call, file)
    while holder is not None and holder.name != "concern":
        holder = _holder(holder, file)
    return holder


def _holder(call: Call, file: CodeFile) -> Call | None:
    above = call.node.parent
    while above is not None:
        outer = file.by_node.get(above.id)
        if outer is not None and outer.name in _HOLDERS and outer.node.id != call.node.id:
            return outer
        above = above.parent
    return None
