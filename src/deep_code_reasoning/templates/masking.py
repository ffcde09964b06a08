"""Lines to shapes: what can be seen to be a value, by its form alone, becomes a mask.

Two levels. *Words* (between blanks) are masked on their own; there are few distinct ones, so each is looked at once.
*Phrases* are what blanks do not end: `key = value`, a quantity and its unit, a date, a list of values.

What counts as a value, and why (each is a habit of those who write log statements, of no particular system):

- a word with a digit in it, whole: numbers, addresses, versions, identifiers, `node-12`, `0x1f`, `blk_-17`;
- a URL, a path, a mail address, `host.example:port`, colon-separated hexadecimal, eight or more letters a-f;
- one word in quotes: quotes set off a name, while a quoted sentence is text;
- `true`, `false`, `null` and the like, the literals of programming languages;
- what follows `=`, up to where the value ends: the next blank or delimiter, or its closing quote or bracket;
- a value of a JSON member; a unit belongs to the quantity before it, a month and a weekday to their date;
- a list of values is one value, however many it has; so are the frames of a stack trace (Java, JavaScript, .NET).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

MASK: Final = "\x1a"
"""Stands for a value. `signatures` turns control characters of the input into blanks, so it cannot come from there."""

_LITERALS: Final = frozenset(
    "true false True False TRUE FALSE null Null NULL nil none None NONE NaN nan undefined".split()
)
_END: Final = r"\s,;()\[\]{}<>\"'|"  # characters that end a path or a URL
_JOINT: Final = r"[.\-~@+$#%]"  # characters that join parts of a word when a letter or a digit follows

_URL: Final = re.compile(rf"[A-Za-z][\w+.\-]*://[^{_END}]+")
_QUOTED: Final = re.compile(r"(?<!\w)([\"'`])[^\"'`]+\1(?!\w|:)")
_PATH: Final = re.compile(
    rf"(?<![\w.>)\]%+\-@$\\/{MASK}])(?:[A-Za-z]:(?=[/\\])|\.\.?(?=[/\\])|~(?=/))?[/\\]+[\w.][^{_END}=&]*(?<![.:!?])"
)
_RELATIVE_PATH: Final = re.compile(  # at least two separators, or one and a dot: `and/or` is none
    rf"(?<![\w/\\])[\w.@%+~$\-]*\w[/\\](?=[^{_END}=]*(?:\.\w|[/\\]))[^{_END}=&:]*[\w/\\*]"
    rf"|(?<![\w/\\])\w[\w@%+~$\-]*\.[\w.@%+~$\-]*\w[/\\][\w@%+~$\-]+"
)
_MAIL: Final = re.compile(r"[\w.+\-]+@[\w.\-]*\w")
_COLON_HEX: Final = re.compile(  # IPv6, MAC; bounded, so that no word can make it slow
    r"(?<![\w.])(?=[A-Fa-f:]{0,24}0)[0A-Fa-f]{1,16}(?:::?[0A-Fa-f]{1,16}+){2,15}+(?![\w\-])"
)
_HOST_PORT: Final = re.compile(
    r"(?<![\w.\-])(?:\w[\w$\-]*(?:\.[\w$\-]+){2,}|\w[\w\-]*\.[a-z]{2,}|localhost):0(?![\w.])"
)
_WITH_DIGIT: Final = re.compile(  # with its sign, or `<` as in `<1 sec`
    rf"(?<!\w)(?<!\w{_JOINT})(?:(?<![.)\]])[\-+~]|(?<!>)[<>](?=[\w.]+(?:[,;)]|$)))?"
    rf"(?:[^\W\d]++(?:{_JOINT}(?=\w))?)*+\d\w*+(?:{_JOINT}\w++)*+%?"
)
_HEX_LETTERS: Final = 8  # an English word of eight or more letters a-f does not come up in logs
_LETTERS: Final = re.compile(
    rf"(?<![\w.\-])(?:{'|'.join(sorted(_LITERALS))}|\(null\)|<(?:null|none|unknown|unset)>)(?![\w\-])"
    rf"|(?<!\w)[A-Fa-f]{{{_HEX_LETTERS},}}(?!\w)"
)
# A rule is tried on words that contain its trigger.
_WORD_RULES: Final = (
    ("://", _URL),
    ('"', _QUOTED),
    ("'", _QUOTED),
    ("`", _QUOTED),
    ("/", _PATH),
    ("\\", _PATH),
    ("/", _RELATIVE_PATH),
    ("\\", _RELATIVE_PATH),
    ("@", _MAIL),
    (":", _COLON_HEX),
    (":0", _HOST_PORT),
    ("0", _WITH_DIGIT),
    ("", _LETTERS),
)

_UNITS: Final = (
    "[KMGTPkmgtp]i?[Bb](?:ps)?|[KMGTP]|[Bb]ytes?|B|[kMG]?Hz|ns|us|ms|msecs?|secs?|[Ss]econds?|SECONDS|s|mins?|[Mm]inutes?|"
    "MINUTES|hours?|hrs?|h|m|days?|d|(?:[Mm]illi|[Mm]icro|[Nn]ano)seconds?|MILLISECONDS|MICROSECONDS|NANOSECONDS|%"
)
_BRACKETS: Final = r"(?:\[[^\[\]\n]*\]|\([^()\n]*\)|\{[^{}\n]*\})"
_VALUE: Final = r"[^\s,;(){}\[\]<>\"'=&]++"
_MONTHS: Final = (  # without their first letters
    "an|eb|ar|pr|ay|un|ul|ug|ep|ct|ov|ec|anuary|ebruary|arch|pril|une|uly|ugust|eptember|ctober|ovember|ecember"
)
_DAYS: Final = "on|ue|ed|hu|ri|at|un|onday|uesday|ednesday|hursday|riday|aturday|unday"
_LIST: Final = re.compile(rf"{MASK}(?:[ :.\-/,+_|#*&~]*+{MASK}(?! ?=))+")
_FRAME: Final = rf"at (?<!\Sat )[\w$<>/]*[.{MASK}][\w.$<>/{MASK}]* ?\([^()\n]*\)(?: ~?\[[^\]\n]*\])?"
# Phrase rules are tried in this order, each on all the text at once; every one begins with a rare character,
# which the regular expression engine can search for instead of trying every position.
_PHRASE_RULES: Final = (
    (
        re.compile(
            rf"=(?:(?<=[\w\])\"{MASK}]=)|(?<=[\w\])\"{MASK}] =))"
            rf"(?: ?(?:\"[^\"\n]*\"|'[^'\n]*'|[\w.{MASK}]*+{_BRACKETS})|{_VALUE}| {_VALUE}(?! ?=)|(?=[ ,;)}}\]]|$))",
            re.MULTILINE,
        ),
        "=" + MASK,
    ),
    (re.compile(r"\": ?\"[^\"\n]*\""), '": ' + MASK),
    (
        re.compile(
            rf"[JFMASOND](?<!\w.)(?:{_MONTHS})[.,]?(?: {MASK},?)+(?: (?:UTC|GMT|[ECMP][SD]T|CES?T))?(?: {MASK})?"
        ),
        MASK,
    ),
    (re.compile(rf"[MTWFS](?<!\w.)(?:{_DAYS}),? (?={MASK})"), ""),
    (re.compile(rf"{MASK} ?(?:{_UNITS})(?!\w)"), MASK),
    (_LIST, MASK),
    (re.compile(rf"{_FRAME}(?: {_FRAME})*"), "at " + MASK),
)

_MAX_WORD: Final = 1_000  # longer ones are data: dumps, base64, minified code
_PUNCTUATION: Final = ".,:;()[]{}!?"

_MAX_CACHED_WORDS: Final = 65_536  # some 10 MB; logs of unique identifiers would grow it without end


@lru_cache(maxsize=_MAX_CACHED_WORDS)
def mask_word(word: str) -> str:
    """A word without blanks, its values masked."""
    if len(word) > _MAX_WORD:
        return MASK
    bare = word.strip(_PUNCTUATION)
    if bare.isalpha() and bare not in _LITERALS and (len(bare) < _HEX_LETTERS or not _LETTERS.match(bare)):
        return word
    if bare == "0":
        return word.replace(bare, MASK)
    for trigger, rule in _WORD_RULES:
        if trigger in word:
            word = rule.sub(MASK, word)
            if word == MASK:
                break
    return word


def shapes(signatures: Iterable[str]) -> list[str]:
    """The shape of each line, given its signature. Blanks at its ends are gone."""
    drafts = [" ".join(map(mask_word, line.split())) for line in signatures]
    distinct = list(dict.fromkeys(drafts))
    if not distinct:
        return []
    text = "\n".join(distinct)
    for rule, replacement in _PHRASE_RULES:
        text = rule.sub(replacement, text)
    shape_of_draft = dict(zip(distinct, text.split("\n"), strict=True))
    return [shape_of_draft[draft] for draft in drafts]


def join_masks(text: str) -> str:
    """The text with every list of masks turned into one."""
    return _LIST.sub(MASK, text)
