"""Lines without the types that only checkers read: Python's annotations, TypeScript's types."""

from __future__ import annotations

import re
from typing import Final

from .paths import has_extension

_OPENS_PARAMETERS: Final = re.compile(
    r"\b(?:def|function)\b[^(]*\(|^(?:[\w*]+\s+)*[\w$#]+\s*\((?=.*\{$)|(?<![\w$])\((?=.*=>)"
)
_VARIABLE: Final = re.compile(
    r"^((?:export\s+)?(?:const|let|var)\s+[\w$]+|(?:self\.)?\w+)\s*:\s*[A-Za-z_][^=;{}()]*=(?!=)"
)
_AFTER_PARAMETERS: Final = re.compile(r"^\s*(?:->\s*.+(?=:$)|:\s*[^={}()]+?(?=\s*(?:\{|=>)))")
_CONTROL: Final = re.compile(r"^\s*\}?\s*(?:if|for|while|switch|catch|return|else)\b")


def without_hints(code: str, path: str) -> str:
    """A line without type hints, in languages that do not heed them when the code runs; other lines as they are."""
    if not has_extension(path, "py", "ts", "tsx", "mts") or (":" not in code and "->" not in code):
        return code
    code = _VARIABLE.sub(r"\1 =", code)
    opened = None if _CONTROL.match(code) else _OPENS_PARAMETERS.search(code)
    if opened is None:
        return code
    parameters, rest = _parameters(code[opened.end() :])
    return code[: opened.end()] + parameters + _AFTER_PARAMETERS.sub("", rest)


def _parameters(text: str) -> tuple[str, str]:
    """Parameters up to and with the bracket that ends them, without their types; and what follows them."""
    kept, depth, in_type = "", 0, False
    for place, letter in enumerate(text):
        if letter in "([{<":
            depth += 1
        elif letter in ")]}" or (letter == ">" and text[place - 1] != "="):
            depth -= 1
        if depth < 0:
            return kept.rstrip() + letter, text[place + 1 :]
        if depth == 0 and letter == ":":
            in_type, kept = True, kept.rstrip("?")
        elif depth == 0 and (letter == "," or (letter == "=" and text[place + 1 : place + 2] != ">")):
            in_type = False
        if not in_type:
            kept += letter
    return kept, ""
