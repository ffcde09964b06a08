"""Containers' logs: cut lines, streams that interleave, what is inside the lines."""

from __future__ import annotations

from typing import Any

import pytest

T = "2026-06-18T14:00:0"


def read(read_evidence: Any, text: str, name: str = "cart.log") -> Any:
    return read_evidence("container-log", {name: text.encode()})[name]


def test_streams_that_interleave_are_joined_apart(read_evidence: Any) -> None:
    outcome = read(
        read_evidence,
        f"{T}0.1Z stderr F Traceback (most recent call last):\n{T}0.2Z stdout F served\n"
        f'{T}0.3Z stderr F   File "/a.py", line 1\n{T}0.4Z stdout P ser\n{T}0.5Z stderr F ValueError: x\n'
        f"{T}0.6Z stdout F ved\n",
    )
    assert sorted((row["line"], row["attributes"]["log.iostream"], row["body"]) for row in outcome.rows) == [
        (1, "stderr", 'Traceback (most recent call last):\n  File "/a.py", line 1\nValueError: x'),
        (2, "stdout", "served"),
        (4, "stdout", "served"),
    ]
    assert outcome.rejected == []


def test_lines_that_were_written_later_begin_a_record(read_evidence: Any) -> None:
    outcome = read(read_evidence, f"{T}0Z stdout F ready\n{T}0.1Z stdout F   indented\n{T}5Z stdout F   later\n")
    assert [row["body"] for row in outcome.rows] == ["ready\n  indented", "  later"]


def test_a_line_that_never_ends_is_kept(read_evidence: Any) -> None:
    outcome = read(read_evidence, f"{T}0Z stdout F whole\n{T}1Z stdout P half of\n{T}2Z stdout P  a line\n")
    assert [(row["line"], row["body"]) for row in outcome.rows] == [(1, "whole"), (2, "half of a line")]


def test_the_header_inside_gives_level_and_logger_and_the_runtime_gives_the_time(read_evidence: Any) -> None:
    outcome = read(read_evidence, f"{T}0.25Z stdout F 16:00:00,250 WARN  [main] c.s.Cart - slow\n")
    row = outcome.rows[0]
    assert (row["time_ns"], row["time_guess"], row["severity"], row["scope"], row["body"]) == (
        1781791200_250_000_000,
        "",
        "warn",
        "c.s.Cart",
        "slow",
    )


def test_the_path_names_pod_container_and_service(read_evidence: Any) -> None:
    name = "pods/shop_cart-7d9c6b5f4-x2x5z_0a1b2c3d-1111/server/0.log"
    row = read(read_evidence, f"{T}0Z stdout F ready\n", name).rows[0]
    assert (row["service"], row["instance"]) == ("cart", "cart-7d9c6b5f4-x2x5z")
    assert row["resource"] == {
        "k8s.namespace.name": "shop",
        "k8s.pod.name": "cart-7d9c6b5f4-x2x5z",
        "k8s.container.name": "server",
    }


def test_what_is_no_line_of_a_container_is_rejected(read_evidence: Any) -> None:
    outcome = read(read_evidence, f"{T}0Z stdout F ready\nnot one\n{T}0Z stdwhat F x\n{T}1Z stdout F done\n")
    assert [row["body"] for row in outcome.rows] == ["ready", "done"]
    assert [(piece["line"], piece["reason"], piece["excerpt"]) for piece in outcome.rejected] == [
        (2, "no line of a container's log", "not one"),
        (3, "no line of a container's log", f"{T}0Z stdwhat F x"),
    ]


def test_a_file_of_one_container_is_named_for_its_namespace_pod_and_container(read_evidence: Any) -> None:
    for name in ("shop_cart-5f9c1-x1_cart.log", "cart-5f9c1-x1_shop_cart.log"):
        row = read(read_evidence, f"{T}0Z stdout F ready\n", name).rows[0]
        assert (row["service"], row["instance"]) == ("cart", "cart-5f9c1-x1")


@pytest.mark.parametrize(
    ("name", "service"),
    [
        ("cart-5f9c1d7b4f-x4bcd.log", "cart"),
        ("cart-xlnxnk2fx-hmnfd.log", "cart"),
        ("cart-worker-hmnfd.log", "cart-worker-hmnfd"),
    ],
)
def test_a_file_may_be_named_for_a_pod(name: str, service: str, read_evidence: Any) -> None:
    assert read(read_evidence, f"{T}0Z stdout F ready\n", name).rows[0]["service"] == service
