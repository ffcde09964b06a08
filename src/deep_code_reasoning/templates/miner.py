"""Mines log lines: each line's template, and the templates.

A pure function of the lines: no settings per system, no clock, no randomness; the order of lines changes nothing but
which line is the example. Memory grows with the number of distinct shapes (and two words a line), not with the text.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Final

from .headers import HeaderFormat
from .masking import MASK
from .masking import shapes as shapes_of
from .merging import merge
from .signature import fold_digits, signatures
from .wording import MAX_MESSAGES, PLACEHOLDER, wording

_BLOCK_LINES: Final = 8_192  # enough for the per-block cost to vanish, little enough to stay in the processor's cache
_MAX_REMEMBERED_LINES: Final = 200_000  # distinct lines (numbers aside) whose shape is remembered: some 50 MB
_ID_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class Template:
    """A log statement, as far as its lines show it.

    Attributes:
        id: 16 hexadecimal digits that follow from the constant text alone, so the same in every run that finds it.
        text: the constant text, `<*>` where lines differ.
        count: lines of it.
        example: index of its first line.
    """

    id: str
    text: str
    count: int
    example: int


class Mining:
    """Lines by template."""

    def __init__(self, template_ids: list[str], templates: Callable[[], tuple[Template, ...]]) -> None:
        self.template_ids = template_ids
        """Of each line, the id of its template."""
        self._templates = templates

    @cached_property
    def templates(self) -> tuple[Template, ...]:
        """The templates, the most frequent first."""
        return self._templates()


def mine(lines: Iterable[str], header: HeaderFormat | None = None) -> Mining:
    """Mine messages, or whole lines when the header's format is given. Blanks around a message say nothing."""
    known = _Shapes(header)
    numbers: list[int] = []
    source = iter(lines)
    while block := list(islice(source, _BLOCK_LINES)):
        numbers += known.of(block)
    return _mining(known, numbers, lambda: Counter(numbers))


def mine_shapes(shapes: Mapping[str, int]) -> Mining:
    """Mine lines that were counted before, as by `GROUP BY` over `signature_sql`.

    Args:
        shapes: lines or signatures, each with the number of its lines.

    Returns:
        `template_ids` in the order of the mapping; counts are sums of its numbers; examples are indexes into it.
    """
    known = _Shapes(None)
    numbers = known.of(list(shapes))

    def counts() -> Counter[int]:
        total: Counter[int] = Counter()
        for number, count in zip(numbers, shapes.values(), strict=True):
            total[number] += count
        return total

    return _mining(known, numbers, counts)


class _Shapes:
    """Numbers the distinct shapes."""

    def __init__(self, header: HeaderFormat | None) -> None:
        self._header = header or HeaderFormat("")
        self._number_of_line: dict[str, int] = {}
        self._number_of_signature: dict[str, int] = {}
        self._number_of_shape: dict[str, int] = {}
        self._lines = 0
        self.texts: list[str] = []
        self.messages: list[list[str]] = []  # of each shape, some signatures
        self.first_line: dict[int, int] = {}

    def of(self, block: Sequence[str]) -> list[int]:
        """The number of each line's shape, for the block of lines that follows those before."""
        folded = fold_digits(block)
        try:
            numbers = list(map(self._number_of_line.__getitem__, folded))
        except KeyError:
            self._remember(folded)
            numbers = list(map(self._number_of_line.__getitem__, folded))
        if len(self.first_line) < len(self.texts):
            last = self._lines + len(numbers) - 1
            first = dict(zip(reversed(numbers), range(last, self._lines - 1, -1), strict=True))
            self.first_line = first | self.first_line
        self._lines += len(numbers)
        return numbers

    def _remember(self, folded: Sequence[str]) -> None:
        number_of = self._number_of_line
        if len(number_of) > _MAX_REMEMBERED_LINES:
            number_of.clear()
            self._number_of_signature.clear()
        new = [line for line in dict.fromkeys(folded) if line not in number_of]
        signature_of = signatures(new)
        unseen = [signature for signature in dict.fromkeys(signature_of) if signature not in self._number_of_signature]
        messages = self._header.strip(unseen)
        numbers = map(self._number, shapes_of(messages), messages)
        self._number_of_signature.update(zip(unseen, numbers, strict=True))
        number_of.update(zip(new, map(self._number_of_signature.__getitem__, signature_of), strict=True))

    def _number(self, shape: str, message: str) -> int:
        number = self._number_of_shape.setdefault(shape, len(self.texts))
        if number == len(self.texts):
            self.texts.append(shape)
            self.messages.append([])
        if len(self.messages[number]) <= MAX_MESSAGES:
            self.messages[number].append(message)
        return number


def _mining(known: _Shapes, numbers: Sequence[int], count: Callable[[], Mapping[int, int]]) -> Mining:
    template_of = merge(known.texts)
    id_of = {text: _id(text) for text in set(template_of.values())}
    ids = [id_of[template_of[shape]] for shape in known.texts]

    def templates() -> tuple[Template, ...]:
        counts = count()
        members = defaultdict(list)
        for number, shape in enumerate(known.texts):
            members[template_of[shape]].append(number)
        found = [
            Template(
                id_of[text],
                wording(text, [(known.texts[number], known.messages[number]) for number in group]),
                sum(counts[number] for number in group),
                min(known.first_line[number] for number in group),
            )
            for text, group in members.items()
        ]
        return tuple(sorted(found, key=lambda template: (-template.count, template.id)))

    return Mining(list(map(ids.__getitem__, numbers)), templates)


def _id(template: str) -> str:
    text = template.replace(MASK, PLACEHOLDER).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(text, digest_size=_ID_BYTES).hexdigest()
