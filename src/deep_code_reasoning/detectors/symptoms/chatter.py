"""What a system says in calm too, and how much more of it makes a symptom.

Every system complains now and then: of a client that is slow, an entry that is not there, an input that is too long.
By chance such a complaint comes right after the onset at a service that has nothing to do with it. So a complaint
counts only where more of its kind is heard than the calm lets expect. How many that is, nobody knows exactly, as the
calm has few of them too: their number in the incident follows the negative binomial law that Jeffreys' prior of a
Poisson rate gives (Gelman et al., *Bayesian Data Analysis*, 2.6). Where a service was silent, its rate is taken to be
that of the system's average service: what others say all the time is no news because somebody else says it once.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from .symptom import Text

# So seldom would chance bring as many: several kinds at several services are looked at in each case, and one failure
# is often told twice or thrice (by a span, its exception, a log line).
_CHANCE: Final = 0.01
_JEFFREYS: Final = 0.5
# From so many on, the law is the normal one as far as anybody can tell, with its upper hundredth so many deviations up.
_MANY: Final = 200
_CHANCE_SPREADS: Final = 2.33


@dataclass(frozen=True, slots=True)
class Said:
    """A text and how often the calm window has it."""

    text: Text
    calm: int


def beyond_chatter(texts: Sequence[Text], calm: Sequence[Said], longer: float, services: int) -> tuple[Text, ...]:
    """Those texts of which more is heard than in calm, in their order.

    Args:
        texts: what is said in the incident, with their counts there.
        calm: what is said in calm.
        longer: how many times as long as the calm the incident is.
        services: how many services there are.
    """
    usual: dict[tuple[str, str], float] = defaultdict(float)
    anywhere: dict[str, float] = defaultdict(float)
    for said in calm:
        for kind in said.text.kinds:
            usual[kind, said.text.service] += said.calm
            anywhere[kind] += said.calm / max(1, services)
    telling: set[Text] = set()
    groups: dict[tuple[str, str], list[Text]] = defaultdict(list)
    for text in texts:
        for kind in text.kinds:
            groups[kind, text.service].append(text)
    for (kind, service), group in groups.items():
        before = max(usual[kind, service], anywhere[kind])
        alone = [text for text in group if _is_more(text.count, before, longer)]
        # A failure that words itself anew each time is told by all of its texts together.
        together = group if _is_more(sum(text.count for text in group), before, longer) else []
        telling.update(alone or together)
    return tuple(text for text in texts if text in telling)


def _is_more(count: int, before: float, longer: float) -> bool:
    """Whether chance seldom gives as many where the calm has `before`; always where the calm has none at all."""
    if not before:
        return True
    shape, share = before + _JEFFREYS, longer / (1 + longer)
    middle, spread = shape * longer, math.sqrt(shape * longer * (1 + longer))
    if middle > _MANY:
        return count > middle + _CHANCE_SPREADS * spread
    fewer = 0.0
    for n in range(count):
        fewer += math.exp(
            math.lgamma(shape + n) - math.lgamma(shape) - math.lgamma(n + 1)
            + n * math.log(share) + shape * math.log(1 - share)
        )  # fmt: skip
        if fewer > 1 - _CHANCE:
            return True
    return False
