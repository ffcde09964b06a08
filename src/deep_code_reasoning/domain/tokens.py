"""How many tokens a text takes, where nobody can count them for us: an estimate, and labelled as one."""

from __future__ import annotations

import re
from typing import Final

# One match is about one token of a byte-pair vocabulary of 100,000 entries or more: a word (capitals begin a new one)
# up to seven letters long, each digit, two signs, a line break with the blanks around it, three letters of another
# alphabet, one ideograph. Digits one by one: some vocabularies join three, so texts full of numbers come out high.
_TOKEN: Final = re.compile(
    r"[A-Z]?[a-z]{1,7}|[A-Z]{1,5}|[0-9]|\s*\n\s*|[^\S\n]{2,}|[!-/:-@\[-`{-~]{1,2}|[\x80-\u07ff]{1,3}|[\u0800-\U0010ffff]"
)

ESTIMATE_METHOD: Final = "estimate: word pieces by shape, within about 10 % on logs, traces, metrics and code"


def estimate_tokens(text: str) -> int:
    """Estimate how many tokens a text takes, the same for every model.

    Measured against a public vocabulary of 131,000 entries (Mistral's Tekken, 2024), estimate over true count: log
    lines 0.94, trace JSON 1.02 to 1.10, metric CSV 1.07, Python 1.09, English 1.03, Chinese 0.94, Russian 0.95. Random
    text is counted low (hexadecimal 0.96, base64 0.75, minified JavaScript 0.67), German high (1.39). About 8 MB/s.
    """
    return len(_TOKEN.findall(text))
