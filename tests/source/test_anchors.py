"""A line is followed from the version that ran to the one that is looked at."""

from __future__ import annotations

import pytest

from deep_code_reasoning.source.anchors import moved_line

OLD = ["import os", "", "def pay(cart):", "    log.info('paying %s', cart)", "    charge(cart)", "    return cart"]


@pytest.mark.parametrize(
    ("new", "line", "moved"),
    [
        (OLD, 4, 4),
        (["# a comment", "", *OLD], 4, 6),
        (OLD[2:], 4, 2),
        ([*OLD[:3], "    if cart:", *(f"    {text}" for text in OLD[3:])], 5, 6),
        ([*OLD[:3], "    log.info('paying %s now', cart)", *OLD[4:]], 4, 4),
        ([*OLD[:3], "    check(cart)", "    log.info('paying for %s', cart)", *OLD[4:]], 4, 5),
        ([*OLD[:3], *OLD[4:]], 4, None),
        ([*OLD[:3], "    nothing = like + it", *OLD[4:]], 4, None),
        ([], 4, None),
        (OLD, 7, None),
        (OLD, 0, None),
    ],
)
def test_a_line_is_followed(new: list[str], line: int, moved: int | None) -> None:
    assert moved_line(OLD, new, line) == moved
