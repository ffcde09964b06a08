"""A change that is held to have done it, and what is known of that."""

from __future__ import annotations

from dataclasses import dataclass, fields

from .finding import Finding


@dataclass(frozen=True, slots=True)
class Conviction(Finding):
    """A finding about a change (`Finding.change`). What it says of its own is among its facts too.

    Attributes:
        effect: the kind of effect for which it is held to have done it; None where nothing is known of what it does.
        only_configuration: it touches nothing but configuration.
        deployed_to: the service on which it went live before; None where that is not known.
        can_bring: the mechanisms that all its effects are known for.
        eliminated: it is held to have done it because no other change can have, whatever it does.
        victims: the services that failed after the first.
        measured: it was tried for time that requests lose, which was measured, and not for what is said.
        bisect: what to run next to halve the changes that may have done it.
        acquitted: deployed changes that are not to blame, and why.
    """

    effect: str | None = None
    only_configuration: bool = False
    deployed_to: str | None = None
    can_bring: tuple[str, ...] = ()
    eliminated: bool = False
    victims: tuple[str, ...] = ()
    measured: bool = False
    bisect: str | None = None
    acquitted: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        own = {field.name: getattr(self, field.name) for field in fields(self) if field.name not in _OF_ALL_FINDINGS}
        object.__setattr__(self, "facts", {**self.facts, **own})


_OF_ALL_FINDINGS = {field.name for field in fields(Finding)}
