"""What is said in calm too is no symptom because it happens to be said after the onset."""

from __future__ import annotations

import pytest

from deep_code_reasoning.detectors.symptoms.chatter import Said, beyond_chatter
from deep_code_reasoning.detectors.symptoms.symptom import Text


def text(service: str, said: str, count: int = 1) -> Text:
    return Text(service, said, "error", count)


def usual(*counts: tuple[str, str, int]) -> list[Said]:
    return [Said(text(service, said), calm) for service, said, calm in counts]


@pytest.mark.parametrize(
    ("count", "calm", "tells"),
    [
        (1, 0, True),
        (1, 1, False),
        (3, 2, False),
        (12, 2, True),
        (160, 150, False),
        (400, 150, True),
        (30_500, 30_000, False),
        (60_000, 30_000, True),
    ],
)
def test_a_complaint_tells_where_more_is_heard_than_chance_gives(count: int, calm: int, tells: bool) -> None:
    found = beyond_chatter([text("maps", "odd end", count)], usual(("maps", "odd end", calm)) if calm else [], 1.0, 4)
    assert bool(found) == tells


def test_the_incidents_length_counts() -> None:
    many = [text("maps", "odd end", 12)]
    assert beyond_chatter(many, usual(("maps", "odd end", 2)), 1.0, 1)
    assert not beyond_chatter(many, usual(("maps", "odd end", 2)), 4.0, 1)


def test_what_others_say_at_any_time_is_no_news_of_one_that_was_silent() -> None:
    calm = usual(("web", "odd end", 3), ("mail", "odd end", 3))
    assert not beyond_chatter([text("maps", "odd end")], calm, 1.0, 3)
    assert beyond_chatter([text("maps", "java.lang.OutOfMemoryError")], calm, 1.0, 3)


def test_a_failure_that_words_itself_anew_is_told_by_all_its_texts() -> None:
    calm = usual(("maps", "odd end", 1))
    worded = [text("maps", f"no tile for {name}") for name in ("oak", "elm", "fir", "ash", "yew", "box", "bay", "fig")]
    assert beyond_chatter(worded, calm, 1.0, 1) == tuple(worded)
    assert not beyond_chatter(worded[:2], calm, 1.0, 1)


def test_noise_of_the_kind_is_left_out_beside_what_tells() -> None:
    loud, noise = text("maps", "tile store answered oddly", 60), text("maps", "odd end")
    assert beyond_chatter([loud, noise], usual(("web", "odd end", 4)), 1.0, 2) == (loud,)
