"""Which words that vary are values."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deep_code_reasoning.templates.masking import MASK
from deep_code_reasoning.templates.merging import Settings, merge

NAMES = "alice bob carol dave erin frank grace heidi ivan judy mallory niaj olivia peggy".split()
SERVICES = [f"com.shop.{name}.Service" for name in NAMES]
STATES = "NEW READY RUNNING BLOCKED WAITING DONE FAILED KILLED LOST PAUSED STOPPED RETRYING".split()


def templates(shapes: list[str]) -> set[str]:
    return {template.replace(MASK, "<*>") for template in merge(shapes).values()}


def test_many_plain_words_at_one_place_are_values() -> None:
    assert templates([f"greeting {name} from afar" for name in NAMES[:5]]) == {"greeting <*> from afar"}
    assert len(templates([f"greeting {name} from afar" for name in NAMES[:4]])) == 4


def test_three_identifiers_at_one_place_are_values() -> None:
    assert templates([f"cannot reach {name} now" for name in SERVICES[:3]]) == {"cannot reach <*> now"}
    assert len(templates([f"cannot reach {name} now" for name in SERVICES[:2]])) == 2


def test_after_a_noun_that_introduces_names_three_words_are_enough() -> None:
    assert templates([f"session for user {name} closed" for name in NAMES[:3]]) == {"session for user <*> closed"}


def test_states_and_verbs_make_different_events() -> None:
    assert len(templates([f"task moved to {state} by scheduler" for state in STATES[:11]])) == 11
    assert (
        len(templates([f"virtual machine {verb} by request" for verb in "started stopped paused resumed".split()])) == 4
    )


def test_two_words_that_vary_together_are_both_values() -> None:
    pairs = zip(NAMES[:7], reversed(NAMES[7:]), strict=True)
    assert templates([f"message sent by {a} to {b} was read" for a, b in pairs]) == {
        "message sent by <*> to <*> was read"
    }


def test_unrelated_lines_stay_apart_though_every_word_varies() -> None:
    lines = [
        "disk almost full",
        "link went down",
        "cache was cold",
        "queue ran dry",
        "token has expired",
        "peer lost us",
    ]
    assert templates(lines) == set(lines)


def test_words_known_as_values_are_values_where_they_are_few() -> None:
    seen = [f"greeting {name} from afar" for name in NAMES]
    few = ["mail of alice is late", "mail of bob is late"]
    assert templates(seen + few) == {"greeting <*> from afar", "mail of <*> is late"}
    assert templates(few) == set(few)


def test_a_place_where_values_were_masked_takes_fewer_words() -> None:
    assert templates([f"greeting {name} from afar" for name in [MASK, *NAMES[:3]]]) == {"greeting <*> from afar"}


def test_masks_that_become_neighbours_become_one() -> None:
    hosts = [f"record for {name}:{name} updated" for name in SERVICES[:3]]
    assert templates([*hosts, f"record for {MASK} updated"]) == {"record for <*> updated"}


def test_words_beyond_ascii_are_compared_too() -> None:
    names = ["花子", "太郎", "次郎", "三郎", "四郎"]
    assert templates([f"挨拶 {name} また ここに" for name in names]) == {"挨拶 <*> また ここに"}


def test_the_order_of_shapes_does_not_matter() -> None:
    shapes = [f"greeting {name} from afar" for name in NAMES] + [f"task {state} at last" for state in STATES]
    assert merge(shapes) == merge(list(reversed(shapes)))


@pytest.mark.parametrize(
    ("setting", "value", "lines"),
    [
        ("min_words", 2, [f"greeting {name} from afar" for name in NAMES[:2]]),
        ("min_names", 2, [f"cannot reach {name} now" for name in SERVICES[:2]]),
        ("min_states", 3, [f"task moved to {state} by scheduler" for state in STATES[:4]]),
        ("mask_counts", 5, [f"greeting {name} from afar" for name in (MASK, "alice")]),
        ("known_values", 5, [*(f"hi {n} there" for n in NAMES[:6]), "mail of alice is late", "mail of bob is late"]),
        ("lonely_factor", 1, [f"greeting {name}" for name in NAMES[:6]]),
        ("leading_factor", 1, [f"{name} came to dinner" for name in NAMES[:6]]),
    ],
)
def test_every_setting_changes_the_outcome(setting: str, value: int, lines: list[str]) -> None:
    default = Settings(min_names=2) if setting == "min_words" else Settings()
    changed = replace(default, **{setting: value})
    assert len(set(merge(lines, changed).values())) < len(set(merge(lines, default).values()))
