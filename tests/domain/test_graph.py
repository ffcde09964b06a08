from __future__ import annotations

from deep_code_reasoning.domain.graph import ServiceGraph

CHAIN = ServiceGraph(
    ("web", "api", "db", "cache"), {("web", "api"): 9, ("api", "db"): 5, ("api", "cache"): 2, ("db", "db"): 1}
)


def test_neighbours_are_direct_and_exclude_the_service_itself() -> None:
    assert CHAIN.callees("api") == ("cache", "db")
    assert CHAIN.callers("db") == ("api",)


def test_upstream_is_all_that_can_be_hurt_nearest_first() -> None:
    assert CHAIN.upstream("db") == ("api", "web")
    assert CHAIN.downstream("web") == ("api", "cache", "db")


def test_a_path_follows_calls() -> None:
    assert CHAIN.path("web", "db") == ("web", "api", "db")
    assert CHAIN.path("db", "web") == ()


def test_cycles_end() -> None:
    loop = ServiceGraph(("a", "b"), {("a", "b"): 1, ("b", "a"): 1})
    assert loop.upstream("a") == ("b",)
    assert loop.path("a", "c") == ()
