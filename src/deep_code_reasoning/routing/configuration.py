"""The user's settings of routing, read from what a TOML file holds. Every field may be left out.

A file `routing.toml` in the home, or the one that $DCR_ROUTING names:

    [thresholds]                    # when a question goes to a model: any one passed is enough
    files = 50
    trace_bytes = 100_000_000
    services = 3
    time_span_s = 3600
    attempts = 5
    proven_confidence = 0.9         # a cause of this confidence needs no model
    contested_margin = 0.1          # two causes closer than this are not told apart

    [policy]                        # to whom
    value_usd = 25                  # what a verified answer is worth
    accepts_right = 0.8             # share of right answers that hold when checked
    accepts_wrong = 0.2             # share of wrong ones that do
    check_weight = 10               # how many outcomes that belief about the check is worth
    exploration = 0.05              # share of choices spread over all models that fit
    draws = 64
    max_models = 3                  # models that one question may go to
    elsewhere = 0.25                # what an outcome in another class of problems counts
    after_other_vendor = 0.5        # factor on the odds after another vendor's model failed
    after_same_vendor = 0.3
    expected_output_tokens = 8_000
    shortest_call_s = 10

    [[prior]]                       # what you believe of a model before it has a record here
    model = "deep"                  # its id in the catalogue; leave it out for all that no other prior names
    problem_class = "deadlock"      # leave it out for all classes
    success = 0.7                   # share of answers that prove right
    weight = 10                     # how many outcomes that belief is worth
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, Final, TypeVar

from ..errors import RoutingSettingsError
from .settings import ANY, Policy, Prior, RoutingSettings, Thresholds

T = TypeVar("T", Thresholds, Policy)

_TABLES: Final = ("thresholds", "policy", "prior")
_PRIOR_FIELDS: Final = ("model", "problem_class", "success", "weight")
# Bounds of fields, both included; every other number is 0 or more.
_SHARE: Final = (0.0, 1.0)
_BOUNDS: Final[Mapping[str, tuple[float, float]]] = {
    **dict.fromkeys(("proven_confidence", "contested_margin", "accepts_right", "accepts_wrong"), _SHARE),
    **dict.fromkeys(("exploration", "elsewhere", "after_other_vendor", "after_same_vendor"), _SHARE),
    "check_weight": (0.0, 1e6),
    "draws": (1, 10_000),
    "max_models": (1, 100),
    # A belief that is certain could never be changed by an outcome.
    "success": (0.001, 0.999),
    "weight": (0.1, 1e6),
}
_UNBOUNDED: Final = (0.0, 1e15)


def read_settings(content: Mapping[str, Any], place: str) -> RoutingSettings:
    """Settings from what a file holds.

    Args:
        content: the file's tables, as TOML gives them.
        place: how errors call the file.

    Raises:
        RoutingSettingsError: when a table, a field or a value is none that there is; it says what would be right.
    """
    _known(content, _TABLES, place)
    thresholds = _numbers(Thresholds(), content.get("thresholds", {}), f"{place}: [thresholds]")
    policy = _numbers(Policy(), content.get("policy", {}), f"{place}: [policy]")
    priors, default = _priors(content.get("prior", []), place)
    return RoutingSettings(thresholds, replace(policy, priors=priors, default_prior=default))


def _numbers(defaults: T, table: Any, place: str) -> T:
    """The defaults with what a table says instead."""
    if not isinstance(table, Mapping):
        raise RoutingSettingsError(f"{place} is no table")
    kinds = {field.name: type(getattr(defaults, field.name)) for field in fields(defaults)}
    _known(table, [name for name, kind in kinds.items() if kind in (int, float)], place)
    return replace(defaults, **{name: _number(name, value, kinds[name], place) for name, value in table.items()})


def _priors(entries: Any, place: str) -> tuple[dict[tuple[str, str], Prior], Prior]:
    """Beliefs by model and class, and the one about all other models."""
    if not isinstance(entries, list):
        raise RoutingSettingsError(f"{place}: 'prior' is no list", "each belief is one [[prior]] table")
    priors: dict[tuple[str, str], Prior] = {}
    for count, entry in enumerate(entries, 1):
        here = f"{place}: prior {count}"
        if not isinstance(entry, Mapping):
            raise RoutingSettingsError(f"{here} is no table")
        _known(entry, _PRIOR_FIELDS, here)
        model, problem_class = entry.get("model", ANY), entry.get("problem_class", ANY)
        if not isinstance(model, str) or not isinstance(problem_class, str):
            raise RoutingSettingsError(f"{here}: 'model' and 'problem_class' are names")
        if model == ANY and problem_class != ANY:
            raise RoutingSettingsError(f"{here}: a belief on one class of problems needs a 'model'")
        if (model, problem_class) in priors:
            raise RoutingSettingsError(f"{here}: there is another for the same model and class")
        named = {name: entry[name] for name in ("success", "weight") if name in entry}
        priors[model, problem_class] = Prior(**{n: _number(n, value, float, here) for n, value in named.items()})
    return priors, priors.pop((ANY, ANY), Prior())


def _number(name: str, value: Any, kind: type, place: str) -> Any:
    if isinstance(value, bool) or not isinstance(value, int if kind is int else int | float):
        raise RoutingSettingsError(f"{place}: '{name}' is no {'whole ' if kind is int else ''}number: {value!r}")
    low, high = _BOUNDS.get(name, _UNBOUNDED)
    if not low <= value <= high:
        raise RoutingSettingsError(f"{place}: '{name}' is {value}, and must be from {low:g} to {high:g}")
    return kind(value)


def _known(table: Mapping[str, Any], names: Any, place: str) -> None:
    for name in table:
        if name not in names:
            raise RoutingSettingsError(f"{place}: there is no '{name}'", f"there are {', '.join(names)}")
