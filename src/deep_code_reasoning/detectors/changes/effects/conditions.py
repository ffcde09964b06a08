"""Conditions as what they ask, so that one is known again when it is turned round, moved or written in another way."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from ..code import string_literals, without_strings
from ..diff import Line

# Where a condition stands on a line: behind a word for it, in the call that picks by it, before a `?`, in an answer.
_CONDITIONS: Final = (
    re.compile(r"\b(?:if|unless|elif|elsif|while|until|guard|when|assert|require)\b\s*(?:let\s+)?(.*)"),
    re.compile(
        r"\.(?:filter\w*|[wW]here|select|reject|any|Any|all|All|none|takeWhile|dropWhile|find|partition)\s*[({]"
        r"(?:\s*\|?[\w(), ]*(?:->|=>|\|))?(.*)"
    ),
    re.compile(r"(?:\breturn\b|=(?![=>]))?([^=]*[^\s?])\s\?\s[^?]*:"),
    re.compile(r"\breturn\b(.*)"),
)
_PARTS: Final = re.compile(r"\s*(?:&&|\|\||\band\b|\bor\b)\s*")
_SIGN: Final = re.compile(r"^(?P<one>.+?)\s*(?P<sign>===|!==|==|!=|<=|>=|<|>|\bis not\b|\bis\b)\s*(?P<other>.+)$")
_NO_VALUE: Final = re.compile(r"^(?:null|nil|None|undefined|nullptr)$")
_ASKS_FOR_VALUE: Final = re.compile(r"(?:\.|->)(?:nil\?|is_none\(\)|isEmpty\(\)|blank\?|isNull\(\))$|^is_null\(.*\)$")
_ASKS_FOR_NONE: Final = re.compile(r"(?:\.|->)(?:present\?|is_some\(\)|isPresent\(\))$|^isset\(.*\)$")
_OPPOSITE: Final = {"<": ">=", ">=": "<", ">": "<=", "<=": ">", "==": "!=", "!=": "==", "yes": "no", "no": "yes"}
_FROM_BEHIND: Final = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
_EXIT: Final = re.compile(r"\b(?:return|continue|break|raise|throw|next|panic|abort|exit)\b")
_DECIDES: Final = re.compile(
    r"\b(?:if|unless|elif|elsif|when|while|until|case|guard|match|switch|assert|require)\b"
    r"|\s\?\s|&&|\|\||\?\?|\?\.|&\.|\?->|\?:"
    r"|\.(?:filter\w*|[wW]here|select|reject|any|Any|all|All|none|takeWhile|dropWhile|find|first|partition|map)\w*\s*[({&]"
)
_CASE: Final = re.compile(r"^(?:case|when|is|in)\b\s*(?P<value>[^:>-]+)")
_WORD: Final = re.compile(r"[A-Za-z_$][\w$]*")
_NAME: Final = re.compile(r"[A-Za-z_$][\w$]{2,}")
_CALLED: Final = re.compile(r"(\w+[?!]?)\s*\(")
_WORDS: Final = frozenset(
    """if unless elif elsif else while until when case guard return continue break raise throw next not and or let
    null nil none None undefined true false True False this self is then end const var val isset empty""".split()
)


# What each of many is called while a loop or a function of one line looks at it: any name does.
_BOUND: Final = re.compile(
    r"\b(?:for|foreach)\b\s*(?:await\s*)?\(?\s*(?:const|let|var|auto|final)?\s*(?:[\w<>.]+\s+)?&?(\w+)\s*(?:,\s*(\w+)\s*)?(?:\bin\b|\bof\b|:)"
    r"|\|(\w+)\||\b(\w+)\s*(?:=>|->)"
)


def bound_names(lines: Sequence[Line]) -> frozenset[str]:
    """Names that lines give to each of many."""
    return frozenset(name for line in lines for match in _BOUND.finditer(line.code) for name in match.groups() if name)


class Conditions:
    """The conditions of some lines, for others to be looked for among them; `bound` are names that those gave."""

    def __init__(self, lines: Sequence[Line], bound: AbstractSet[str] = frozenset()) -> None:
        self._bound = bound
        deciding = [line.code for line in lines if _DECIDES.search(without_strings(line.code))]
        self._keys = {key for code in deciding for key, _, _ in _atoms(code)}
        self._deciding: dict[str, list[str]] = defaultdict(list)
        for code in deciding:
            for name in _NAME.findall(code):
                self._deciding[name].append(code)
        self._words = {word for line in lines for word in _WORD.findall(line.code)}
        self._texts = {text for line in lines for text in string_literals(line.code)}
        self._compared = {text for line in lines if "==" in line.code for text in string_literals(line.code)}

    def have(self, line: Line) -> bool:
        """Whether a line's condition is among them, whatever form it has there; that of an `else` is its `if`'s."""
        if re.fullmatch(r"\}?\s*else\s*[:{]?", line.code):
            return True
        case = _CASE.match(line.code)
        if case:
            values = [*string_literals(case["value"]), *_names(case["value"])]
            return bool(values) and all(value in self._texts or value in self._words for value in values)
        atoms = list(_atoms(line.code))
        return self.tell_by_value(line) or (bool(atoms) and all(self._ask(key, atom) for key, _, atom in atoms))

    def tell_by_value(self, line: Line) -> bool:
        """Whether a line compares with a text that they have too, as a case or as a key of what to do."""
        values = string_literals(line.code)
        if not values or not re.search(r"==|\b(?:eql?|equals|is)\b", line.code):
            return False
        return self._texts.issuperset(values) and self._compared.isdisjoint(values)

    def _ask(self, key: tuple[str, ...], atom: str) -> bool:
        if key in self._keys:
            return True
        names = [name for name in _names(atom) if name not in self._bound]
        if not self._words.issuperset(names) or not names:
            return False
        asks = ([name for name in _CALLED.findall(atom) if name in names] or names)[-1]
        codes = self._deciding.get(asks, [])
        if key[0] == "value":
            return any(re.search(rf"\b{re.escape(asks)}(?:\(\))?(?:\?\.|\s*\?\?|\s*\?:)", code) for code in codes)
        if key[0] == "compared":
            return any(re.search(r"[<>]|==|!=|\bis\b|\bcase\b|\bwhen\b|\bequals", code) for code in codes)
        return bool(codes)


def is_turned(old: Line, new: Line, before: Sequence[Line], after: Sequence[Line]) -> bool:
    """Whether two conditions let the same pass: `unless a` around something, and `return if a` before it."""
    asked, now = ({key: value for key, value, _ in _atoms(line.code)} for line in (old, new))
    if not asked or not asked.keys() <= now.keys():
        return False
    sides = [_leaves(line, side) for line, side in ((old, before), (new, after))]
    same = [now[key] == value for key, value in asked.items()]
    opposite = [now[key] == _OPPOSITE[value] for key, value in asked.items()]
    if _CONDITIONS[0].search(new.code) is None or sides[0] == sides[1]:
        return all(same)
    return all(opposite)


def _leaves(line: Line, side: Sequence[Line]) -> bool:
    """Whether what a condition lets pass leaves: `unless` and `reject` let pass the opposite."""
    index = next((n for n, other in enumerate(side) if other is line), len(side))
    following = side[index + 1].code if index + 1 < len(side) else ""
    leaves = _EXIT.search(without_strings(line.code)) or re.match(_EXIT, following)
    return (leaves is not None) != bool(re.search(r"\b(?:unless|until)\b|\.reject\b", line.code))


def sides_changed(removed: Sequence[Line], added: Sequence[Line]) -> tuple[Line, Line] | None:
    """A comparison whose sides change places while its sign stays: the lines that it stood and stands on."""
    old, new = ({pair: line for line in lines for pair in _compared(line.code)} for lines in (removed, added))
    for (one, sign, other), line in new.items():
        if one != other and (other, sign, one) in old and (one, sign, other) not in old:
            return old[other, sign, one], line
    return None


def _compared(code: str) -> Iterator[tuple[str, str, str]]:
    for _, _, atom in _atoms(code):
        match = _SIGN.match(atom)
        if match and match["sign"] in _FROM_BEHIND:
            yield _plain(match["one"]), match["sign"], _plain(match["other"])


def _atoms(code: str) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """The single questions of a line: what each is about, the answer that it wants, and its text."""
    text = without_strings(code)
    found = next((match for pattern in _CONDITIONS if (match := pattern.search(text))), None)
    whole = found[1] if found else text
    whole = _up_to_its_end(whole)
    whole = re.split(r"\bthen\b|\{\s*$|:\s*$|\)\s*(?:return|continue|break|throw)\b", whole)[0]
    for part in _PARTS.split(whole):
        atom = part.strip(" ;{}")
        wanted = "yes"
        while True:
            bare = _unbracketed(atom)
            turned = re.sub(r"^(?:!(?!=)|not\s+)", "", bare).strip()
            if turned == atom:
                break
            wanted = _OPPOSITE[wanted] if turned != bare else wanted
            atom = turned
        if atom:
            yield (*_question(atom, wanted), atom)
    for pattern in _CHAINED:
        for match in pattern.finditer(text):
            yield ("value", _plain(match[1])), "yes", match[1]


# What is read of a value only where there is one: `a?.b`, `a&.b`, `a ?? b`, `a ?: b`, `Optional.ofNullable(a)`.
_CHAINED: Final = (
    re.compile(r"(?=(?<![\w.?&])([@$]?\w+(?:(?:\?\.|&\.|\?->|\.|->)\w+)*?)(?:\?\.|&\.|\?->|\s*\?\?|\s*\?:))"),
    re.compile(r"(?=(?<![\w.?&])([@$]?\w+(?:(?:\?\.|&\.|\?->|\.|->)\w+)+)(?:\?\.|&\.|\?->|\s*\?\?|\s*\?:))"),
    re.compile(r"\bofNullable\(\s*([\w.]+)\s*\)"),
)


def _up_to_its_end(text: str) -> str:
    """A text up to the bracket that closes what was open before it."""
    depth = 0
    for place, letter in enumerate(text):
        depth += (letter in "([{") - (letter in ")]}")
        if depth < 0:
            return text[:place]
    return text


def _question(atom: str, wanted: str) -> tuple[tuple[str, ...], str]:
    match = _SIGN.match(atom)
    if match:
        one, other = _plain(match["one"]), _plain(match["other"])
        sign = {"===": "==", "is": "==", "!==": "!=", "is not": "!="}.get(match["sign"], match["sign"])
        if _NO_VALUE.match(other):
            return ("value", one), wanted if sign == "!=" else _OPPOSITE[wanted]
        if one > other:
            one, other, sign = other, one, _FROM_BEHIND.get(sign, sign)
        return ("compared", one, other), sign if wanted == "yes" else _OPPOSITE[sign]
    for pattern, answer in ((_ASKS_FOR_VALUE, "no"), (_ASKS_FOR_NONE, "yes")):
        if pattern.search(atom):
            subject = pattern.sub("", atom) or re.sub(r"^\w+\(|\)$", "", atom)
            return ("value", _plain(subject)), wanted if answer == "yes" else _OPPOSITE[wanted]
    return ("value" if re.fullmatch(r"[@$\w.]+", atom) else "answer", _plain(atom)), wanted


def _unbracketed(atom: str) -> str:
    """An atom without the brackets around it, or those of a group that it begins or ends."""
    while atom.startswith("(") and (atom.endswith(")") or atom.count("(") > atom.count(")")):
        atom = atom[1:-1] if atom.endswith(")") and atom.count("(") == atom.count(")") else atom[1:]
    while atom.endswith(")") and atom.count(")") > atom.count("("):
        atom = atom[:-1]
    return atom.strip()


def _plain(text: str) -> str:
    return re.sub(r"\s|\b(?:this|self)(?:\.|->)|^[@$]|\(\)|\?$|[?&](?=\.|->)", "", text)


def _names(text: str) -> list[str]:
    return [name for name in _NAME.findall(without_strings(text)) if name not in _WORDS]


def statement(lines: Sequence[Line], line: Line, called: Mapping[str, Sequence[Line]]) -> str:
    """A line with those that follow it up to the end of its brackets, and the bodies of the functions that it calls."""
    index = next((n for n, other in enumerate(lines) if other is line), len(lines))
    text = line.code
    for following in lines[index + 1 : index + 1 + _MAX_STATEMENT_LINES]:
        bare = without_strings(text)
        if sum(map(bare.count, "([{")) <= sum(map(bare.count, ")]}")):
            break
        text += " " + following.code
    bodies = (other.code for name, body in called.items() if re.search(rf"\b{name}\s*\(", text) for other in body)
    return " ".join((text, *bodies))


_MAX_STATEMENT_LINES: Final = 12
