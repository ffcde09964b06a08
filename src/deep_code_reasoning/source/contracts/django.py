"""Django's routes: `urlpatterns` with `include`, and the routers of Django REST framework."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from .calls import Call, items
from .class_views import ClassViews
from .nodes import definition_name, last_name, text_of, unwrapped
from .prefixes import Prefixes
from .registered import Route
from .scopes import Term
from .syntax import CodeFile
from .templates import from_regex, joined
from .texts import HOLE
from .values import Values

_ALLOWING: Final = frozenset({"api_view", "require_http_methods", "require_GET", "require_POST", "require_safe"})
_LISTS: Final = {"GET": r"ListModelMixin|ListAPIView|\blist\b", "POST": r"CreateModelMixin|\bcreate\b"}
_ITEMS: Final = {
    "GET": r"RetrieveModelMixin|\bretrieve\b",
    "PUT": r"UpdateModelMixin|\bupdate\b",
    "PATCH": r"UpdateModelMixin|\bpartial_update\b",
    "DELETE": r"DestroyModelMixin|\bdestroy\b",
}


def django_routes(
    file: CodeFile, files: Sequence[CodeFile], values: Values, prefixes: Prefixes, views: ClassViews
) -> Iterator[Route]:
    """The routes of a file of URL patterns."""
    if "django" not in file.text and "rest_framework" not in file.text:
        return
    for call in file.calls:
        if call.name in ("path", "re_path", "url") and len(call.arguments) > 1:
            view = unwrapped(call.arguments[1].node)
            made = file.by_node.get(view.id)
            if (made is not None and made.name == "include") or last_name(text_of(view)) == "urls":
                continue
            own = values.text(call.positional(0), file)
            if own != HOLE:
                own = own if call.name == "path" else from_regex(own)
                handler = last_name(re.sub(r"\.as_view\(.*", "", text_of(view), flags=re.DOTALL))
                verbs = _verbs(text_of(view), handler, file, files, values, views)
                for before in prefixes.before(call, file):
                    yield Route(verbs, joined(from_regex(before), own), call.line, handler)
        elif call.name == "register" and len(call.arguments) > 1 and _is_router(call, file, prefixes):
            yield from _registered(call, file, values, prefixes, views)


def _verbs(
    view: str, handler: str, file: CodeFile, files: Sequence[CodeFile], values: Values, views: ClassViews
) -> tuple[str, ...]:
    """What a view serves: as a class, as a view set whose actions are named, or as a function."""
    mapped = re.search(r"\.as_view\(\s*\{([^}]*)\}", view)
    if mapped:
        return tuple(verb.upper() for verb in re.findall(r"['\"](\w+)['\"]\s*:", mapped[1]))
    return views.verbs(handler, file) if ".as_view(" in view else _allowed(handler, files, values)


def _is_router(call: Call, file: CodeFile, prefixes: Prefixes) -> bool:
    return call.receiver.endswith("router") or (
        call.receiver_node is not None and prefixes.is_router(call.receiver_node, file) is True
    )


def _allowed(function: str, files: Sequence[CodeFile], values: Values) -> tuple[str, ...]:
    """The verbs that a view's decorator allows: `@api_view(["GET"])`, `@require_http_methods`, `@require_POST`."""
    for file in files:
        for mark in file.marks:
            if mark.call.name not in _ALLOWING or definition_name(mark.target) != function:
                continue
            if mark.call.name.startswith("require_") and mark.call.name[8:].isupper():
                return (mark.call.name[8:],)
            return tuple(values.texts(mark.call.positional(0), file)) or ("GET",)
    return ()


def _registered(call: Call, file: CodeFile, values: Values, prefixes: Prefixes, views: ClassViews) -> Iterator[Route]:
    """A view set: the list, an item of it, and its own actions."""
    own = values.text(call.positional(0), file)
    name = last_name(text_of(call.arguments[1].node))
    classes = views.ancestry(name, file)
    shape = "\n".join(text_of(kind.node) for kind in classes)
    reads = "ReadOnlyModelViewSet" in shape
    everything = not classes or (re.search(r"(?<!ReadOnly)ModelViewSet", shape) is not None and not reads)
    for before in prefixes.of_receiver(call.receiver_node, call, file):
        base = joined(from_regex(before), own)
        for methods, template in ((_LISTS, base), (_ITEMS, joined(base, "{pk}"))):
            verbs = tuple(
                v for v, by in methods.items() if everything or (reads and v == "GET") or re.search(by, shape)
            )
            verbs = views.allowed(name, file, verbs)
            if verbs:
                yield Route(verbs, template, call.line, name)
        for kind in classes:
            yield from _actions(kind, base, values)


def _actions(view: Term, base: str, values: Values) -> Iterator[Route]:
    file = view.file
    for mark in file.marks:
        target = mark.target
        if mark.call.name != "action" or target is None or not _within(target.start_byte, view):
            continue
        function = text_of(target.child_by_field_name("name"))
        path = values.text(given, file) if (given := mark.call.named("url_path")) is not None else function
        listed = mark.call.named("methods")
        verbs = tuple(values.text(item, file).upper() for item in items(listed)) if listed is not None else ("GET",)
        detail = text_of(mark.call.named("detail")) == "True"
        template = joined(base, "{pk}" if detail else "", from_regex(path))
        yield Route(verbs, template, mark.call.line, function)


def _within(start: int, view: Term) -> bool:
    return view.node.start_byte <= start < view.node.end_byte
