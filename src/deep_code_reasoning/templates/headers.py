"""Where the message of a log line begins: after the time, the level, the host, the process, the component.

No format is configured. A header is what (nearly) all lines of a source begin with: fields of the same kinds in the
same order. The kinds are those that logging libraries, syslog (RFC 3164, RFC 5424) and cluster monitors write; a header
counts only if it says a time or a level, or several numbers, so that messages that came without one stay whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from .signature import signatures

_READ_LINES: Final = 10_000
_SAMPLE_LINES: Final = 200  # distinct ones, spread over those read: a line that repeats says nothing new
# With fewer distinct lines than this, what they share may as well be their message: only fields that cannot be taken
# for words of a message count as header.
_ENOUGH_LINES: Final = 20
_MAX_FIELDS: Final = 14
_MAX_HEADER: Final = 500  # characters
# Lines that a source's own format does not cover (continuations, "last message repeated") are a small part of it.
_SHARE: Final = 0.9

# Over signatures, in which 2024-01-31, 17.5 and 0x1f are 0 each.
_ZONE: Final = r"(?: ?(?:Z|[AP]M\b|[+\-]0(?::0)?|(?:UTC|GMT|[ECMP][SD]T|CES?T)\b))"
_CLOCK: Final = rf"0:0(?::0)?(?:[.,:]0)?{_ZONE}?"
_TIME: Final = "|".join(
    (
        rf"[A-Z][a-z]{{2}},? [A-Z][a-z]{{2}} +0 {_CLOCK}(?: 0)?",  # asctime: Sun Dec 04 04:47:44 2005
        rf"(?:0 +)?[A-Z][a-z]{{2}} +0(?:,? 0)?,? +{_CLOCK}",  # syslog: Dec 10 06:55:46
        rf"(?:0(?:-0)?|0/0(?:/0)?|0[/\-][A-Z][a-z]{{2}}[/\-]0)(?:T|[ _:\-]|, ){_CLOCK}",  # ISO 8601 and its kin
        r"0/0/0|0[/\-][A-Z][a-z]{2}[/\-]0",
        _CLOCK,
    )
)
_LEVEL: Final = (
    r"(?i:trace|debug|verbose|info|information|notice|warn|warning|error|err|severe|failure|fatal|crit|critical|alert|emerg|"
    r"panic|fine|finer|finest|config|audit)"
)
# The kinds of fields, the more telling first: a letter, and its pattern.
_KINDS: Final = {
    "T": rf"\[(?:{_TIME})[^\]\[]*\](?=\s|$|\|)|(?:{_TIME})(?=[\s,|]|$)|<0>0?(?=[\s\w])",  # time; syslog's priority
    "L": rf"(?:\[ ?{_LEVEL} ?\]|<{_LEVEL}>|\({_LEVEL}\)|{_LEVEL}|[VDIWEF]):?(?=[\s,|/]|$)",
    "N": r"[-+*#]?0(?=[\s,|]|$)",
    "B": r"\[(?:[^\[\]]|\[[^\[\]]*\])*\]:?(?=\s|$|\|)|[^\s\[\]]+\](?=\s|$)",  # [thread], file.go:12]
    "C": r"[^\s\[\]:|\"'=]+(?:\[[^\[\]\s]*\])?:(?=\s|$)",  # component: or process[pid]:
    "S": r"[-:*#=>]+(?=\s|$)|\|",
    "P": r"[^\s|\"'=]+(?=\s*\|)",  # field|
    "H": r"\S+(?: \S+)? +-+(?=\s|$)",  # program - or program option -
    "D": r"[A-Za-z_$][\w$]*(?:\.[\w$\-]+)+(?:#0)?(?=\s|$)",  # dotted.name
    "W": r"[^\s|]+(?=[\s|]|$)",  # any word: a host, a component; never the last field
}
_RULES: Final = tuple((kind, re.compile(rf"(?:{pattern})[\s,|]*")) for kind, pattern in _KINDS.items())

_CERTAIN_FIELDS: Final = re.compile(r"(?:TWC|[TLNSB])*")
# Words, and a number, name or bracket after words, are rather the beginning of the message: `Processed order 17`.
_MESSAGE_FIELDS: Final = re.compile(r"(?:W+[NDB]?)+$")
# A header says early a time or a level, or it is full of numbers.
_HEADER: Final = re.compile(r"[^W]*W?[^W]*[TL]|W?NN|N.*NN")


@dataclass(frozen=True, slots=True)
class HeaderFormat:
    """The kinds of fields that the lines of a source begin with, a letter each; '' when they have no header."""

    kinds: str

    @classmethod
    def learn(cls, lines: Iterable[str]) -> HeaderFormat:
        """The header that nearly all of the first 10,000 lines share."""
        read = signatures(list(islice(lines, _READ_LINES)))
        distinct = list(dict.fromkeys(line.strip()[:_MAX_HEADER] for line in read if line.strip()))
        sample = distinct[:: -(-len(distinct) // _SAMPLE_LINES) or 1]
        kinds = _common_kinds(sample)
        certain = _CERTAIN_FIELDS.match(kinds) if len(sample) < _ENOUGH_LINES else None
        kinds = _MESSAGE_FIELDS.sub("", certain[0] if certain else kinds)
        return cls(kinds if _HEADER.match(kinds) else "")

    def strip(self, signatures: Sequence[str]) -> list[str]:
        """The messages of lines, given their signatures.

        A line that has only the first fields of the header loses these.
        """
        if not self.kinds:
            return list(signatures)
        header = self._pattern()
        return [line[match.end() :] or line if (match := header.match(line)) else line for line in signatures]

    def _pattern(self) -> re.Pattern[str]:
        pattern = ""
        for kind in reversed(self.kinds):
            pattern = rf"(?:(?:{_KINDS[kind]})[\s,|]*{pattern})?"
        return re.compile(r"\s*" + pattern)


def _common_kinds(sample: list[str]) -> str:
    """The kinds of the leading fields, each the most telling that nearly all lines have at that place."""
    kinds = ""
    ends = dict.fromkeys(sample, 0)
    while len(kinds) < _MAX_FIELDS:
        for kind, rule in _RULES:
            found = {line: match.end() for line, end in ends.items() if (match := rule.match(line, end))}
            if len(found) >= _SHARE * len(sample) and found:
                kinds += kind
                ends = found
                break
        else:
            break
    return kinds
