"""The verbs of views that are classes: their methods named for verbs, or what the generic view they extend serves."""

from __future__ import annotations

import re
from typing import Final

from .frameworks import VERBS
from .nodes import text_of
from .scopes import Term
from .syntax import CodeFile
from .values import Values

# Falcon's methods are named `on_get`.
_METHOD: Final = re.compile(rf"\bdef\s+(?:on_)?({'|'.join(VERBS)})\s*\(")
_PARTS: Final = {"List": "GET", "Create": "POST", "Retrieve": "GET", "Update": "PUT PATCH", "Destroy": "DELETE"}
_GENERIC: Final = re.compile(r"\b((?:List|Create|Retrieve|Update|Destroy)+)APIView\b")
_PAGES: Final = re.compile(r"\b(?:TemplateView|ListView|DetailView|RedirectView)\b")
_FORMS: Final = re.compile(r"\b(?:FormView|CreateView|UpdateView|DeleteView)\b")
_ALLOWED: Final = re.compile(r"\bhttp_method_names\s*=\s*[\[(]([^\])]*)[\])]")
_MAX_BASES: Final = 12


class ClassViews:
    """The views of many files."""

    def __init__(self, values: Values) -> None:
        self._names = values.names

    def verbs(self, name: str, near: CodeFile, suffix: str = "") -> tuple[str, ...]:
        """The verbs that a class serves, by methods with a suffix if one is told; none when it is not found or does not
        say."""
        verbs: list[str] = []
        method = re.compile(rf"\bdef\s+on_({'|'.join(VERBS)})_{re.escape(suffix)}\s*\(") if suffix else _METHOD
        for kind in self.ancestry(name, near):
            text = text_of(kind.node)
            header = text.partition(":\n")[0]
            verbs += [verb.upper() for verb in method.findall(text)]
            for generic in _GENERIC.findall(header):
                for part, of_part in _PARTS.items():
                    verbs += of_part.split() if part in generic else []
            if not verbs:
                verbs = ["GET"] if _PAGES.search(header) else ["GET", "POST"] if _FORMS.search(header) else []
        return self.allowed(name, near, tuple(dict.fromkeys(verbs)))

    def allowed(self, name: str, near: CodeFile, verbs: tuple[str, ...]) -> tuple[str, ...]:
        """Those of the verbs that a class lets through (`http_method_names`)."""
        for kind in self.ancestry(name, near):
            named = _ALLOWED.search(text_of(kind.node))
            if named:
                return tuple(verb for verb in verbs if verb.lower() in re.findall(r"\w+", named[1]))
        return verbs

    def ancestry(self, name: str, near: CodeFile) -> list[Term]:
        """A class and those of our code that it extends, the nearest first."""
        found: list[Term] = []
        waiting = [(name, near)]
        while waiting and len(found) < _MAX_BASES:
            wanted, file = waiting.pop(0)
            kind = self._names.type_of(wanted, file)
            if kind is None or any(kind.node.id == each.node.id for each in found):
                continue
            found.append(kind)
            bases = kind.node.child_by_field_name("superclasses")
            waiting += [(base, kind.file) for base in re.findall(r"(\w+)\s*[,)\[]", text_of(bases))]
        return found
