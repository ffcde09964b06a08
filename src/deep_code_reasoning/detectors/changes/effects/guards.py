"""Guards that are no longer there: checks of missing values, errors and bounds, cases told apart."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from ....domain.wording import excerpt
from ..code import block_after, without_strings
from ..diff import Hunk, Line, Patch
from ..effect import Effect
from .conditions import Conditions, bound_names
from .taken_over import newcomers, texts

_NULL_CHECK: Final = re.compile(
    r"(==|!=|===|!==|\bis\b|\bis not\b)\s*(nil|null|None|undefined|nullptr|NULL)\b|\?\.|\?\?|"
    r"\.(orElse\w*|isPresent|isEmpty|ofNullable|unwrap_or\w*"
    r"|getOrDefault|getOrElse|is_some|is_none|present\?|blank\?|nil\?|ok_or\w*|filter_map|dig|try)\b|"
    r"\bSome\(|\bNone\s*=>|\bif let\b|\bguard let\b"
    r"|\bif\s*\(?\s*!\s*[\w.\[\]]+\s*\)?\s*(\{|return|$)|\bif not [\w.\[\]()]+:|\.get\(\s*(\"\"|"
    r"\w+)\s*,|\bdefaultdict\b|hasOwnProperty|\bin\s+\w+\s*[:)]"
    r"|,\s*ok\s*:?=|\bunless\b"
)
_BOUND_CHECK: Final = re.compile(
    r"\blen\s*\(|\.(length|size|count|len)\b(\(\))?\s*(==|!=|<|>|<=|>=|===)|\bif\b.*[<>]=?|\bempty\?|"
    r"isEmpty|\.is_empty\(|\b[Mm]ax\w*\s*\(\s*1\b|\b[Mm]ax\w*\s*\(.*,\s*1(?:\.0)?\s*\)|coerceAtLeast\(\s*1|(?i:NULLIF)\("
)
_ERROR_CHECK: Final = re.compile(
    r"\berr\s*!=\s*nil|\btry\b|\bcatch\b|\bexcept\b|\brescue\b|\.catch\(|\?;|(?:\)|\bawait)\?[),]|on_?error|\.recover\b|"
    r"raise_for_status|\bthrow\b|\braise\b"
)
_BARE_DEREFERENCE: Final = re.compile(
    r"\.unwrap\(\)|\.expect\(|!!\.?|\w!\.|\.get\(\)\.|\bas!|\.first\(\)\.|\[0\]\.|\.orElseThrow\("
)
_BRANCH: Final = re.compile(r"^\s*(?:\}?\s*else\b|elif\b|elsif\b|if\b|unless\b|switch\b|case\b|when\b|match\b)")
# Heads of loops over what is `in` something; a `try` that only releases.
_GOES_ON: Final = re.compile(r"^\s*(?:async\s+)?(?:for|foreach)\b")
_TRY: Final = re.compile(r"^\s*(?:try|begin)\b\s*[:{]?$")
_CAUGHT: Final = re.compile(r"\b(?:catch|except|rescue)\b")
_CHECKS: Final = (
    ("null_guard_removed", _NULL_CHECK, "a check for a missing value"),
    ("error_check_removed", _ERROR_CHECK, "the handling of an error"),
    ("bound_check_removed", _BOUND_CHECK, "a check of a bound"),
    ("branch_removed", _BRANCH, "a case that was told apart"),
)


def extract(patch: Patch) -> list[Effect]:
    """Checks that are gone, and values taken for granted."""
    return [
        effect
        for hunk in patch.running
        if hunk.kind in ("code", "view")
        for effect in (*_guards(hunk, patch), *_taken_for_granted(hunk))
    ]


def _guards(hunk: Hunk, patch: Patch) -> Iterator[Effect]:
    now = Conditions(hunk.added, bound_names(hunk.removed))
    catches = any(_CAUGHT.search(line.code) for line in hunk.removed)
    for effect, pattern, says in _CHECKS:
        old, new = (
            [line for line in lines if pattern.search(without_strings(line.code))]
            for lines in (hunk.removed, hunk.added)
        )
        old = [line for line in old if not _GOES_ON.match(line.code)]
        if effect == "error_check_removed" and not catches:
            old = [line for line in old if not _TRY.match(line.code)]
        if effect == "branch_removed" and len(old) > len(new):
            old = [line for line in old if not _is_taken_over(line, hunk, patch)]
        gone = [line.code for line in old if not now.have(line)] if len(old) > len(new) else []
        if gone:
            sureness = 0.95 if not new else 0.55
            yield Effect(
                effect, f"{says} is gone: `{excerpt(gone[0], 80)}`", hunk.path, _names(gone), sureness=sureness
            )


def _is_taken_over(line: Line, hunk: Hunk, patch: Patch) -> bool:
    """Whether a function that is called here since says what the case that was told apart here said."""
    before = hunk.before
    said = texts([before[place] for place in block_after(before, before.index(line))])
    return bool(said) and said <= texts(newcomers(hunk, patch))


def _taken_for_granted(hunk: Hunk) -> Iterator[Effect]:
    """A value that is used as if it were there."""
    bare = [line.code for line in hunk.added if _BARE_DEREFERENCE.search(line.code)]
    if bare and not any(_BARE_DEREFERENCE.search(line.code) for line in hunk.removed):
        says = f"takes a value for granted: `{excerpt(bare[0], 80)}`"
        yield Effect("null_guard_removed", says, hunk.path, _names(bare), sureness=0.85)


def _names(codes: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for code in codes for name in re.findall(r"[A-Za-z_]\w{2,}", code)))[:20]
