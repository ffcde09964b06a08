"""Whole incidents of heap dumps (examples/heaps), through the public use case; and single rows of heaps."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from examples.heaps.incident import Order, make

from deep_code_reasoning.app.ingest import Evidence
from deep_code_reasoning.app.investigate import investigate
from deep_code_reasoning.domain.finding import Check, Finding
from deep_code_reasoning.domain.instant import NS_PER_S
from deep_code_reasoning.report.answer import as_json

Look = Callable[..., tuple[Sequence[Finding], Check]]


@dataclass(frozen=True)
class Made:
    truth: dict[str, Any]
    answer: dict[str, Any]


@pytest.fixture(scope="module", params=["unacknowledged", "leak", "none"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp(request.param)
    truth = make(Order(request.param, 7, 4_000_000), folder)
    return Made(truth, as_json(investigate(Evidence((folder / "evidence",)))))


def test_five_heaps_give_the_answer_that_was_planted(made: Made) -> None:
    if made.truth["mechanism"] is None:
        assert made.answer["verdict"] in ("healthy", "no_cause_found")
        return
    top = made.answer["causes"][0]
    assert made.answer["verdict"] == "cause_found"
    assert (top["mechanism"], top["service"]) == (made.truth["mechanism"], made.truth["service"])
    assert made.truth["place"].split(".")[-1] in top["summary"]
    assert any(citation.startswith("heap:") for citation in top["citations"])
    if "queue" in made.truth:
        assert top["resource"] == made.truth["queue"]
        assert made.truth["held_with"][0] in top["summary"]


def test_dumps_alone_are_enough(tmp_path: Path) -> None:
    truth = make(Order("unacknowledged", 3, 4_000_000), tmp_path)
    (tmp_path / "evidence" / "memory.csv").unlink()
    top = as_json(investigate(Evidence((tmp_path / "evidence",))))["causes"][0]
    assert (top["mechanism"], top["service"]) == (truth["mechanism"], truth["service"])


def rows(*piles: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Two tables of one pile a dump; `heap` bytes in all, `share` of them in the pile."""
    classes, holders = [], []
    for number, pile in enumerate(piles, 1):
        who = {"dump": f"dump-{number}", "service": pile["service"], "time_ns": pile["hour"] * 3600 * NS_PER_S}
        place = {"source_id": 1, "line": number}
        classes.append({**who, **place, "class_name": "byte[]", "objects": 9.0, "bytes": 1e8})
        holders.append(
            {
                **who, **place, "node": f"0x{number}", "class_name": "java.util.HashMap$Node[]",
                "path": [pile["field"], "java.util.HashMap.table", "java.util.HashMap$Node[]"],
                "retained_bytes": pile["share"] * 1e8, "heap_bytes": 1e8, "objects": 1000.0, "parts": 500.0,
                "content_classes": ["byte[]", pile["holds"]], "content_counts": [900.0, 500.0],
                "ids": pile.get("ids", []),
            }
        )  # fmt: skip
    return {"heap_classes": classes, "heap_holders": holders}


def pile(service: str, hour: int, share: float, field: str = "app.Consumer.unacked", **more: Any) -> dict[str, Any]:
    return {"service": service, "hour": hour, "share": share, "field": field, "holds": "app.Delivery", **more}


@pytest.mark.parametrize(
    ("field", "holds"),
    [
        ("app.Consumer.unackedMessages", "app.Payload"),
        ("org.client.UnAckedMessageTracker.entries", "org.client.MessageId"),
        ("app.mq.Listener.inFlight", "app.Job"),
        ("client.jms.MessageConsumer.deliveredMessages", "client.jms.MessageDispatch"),
        ("app.Relay.awaitingAck", "app.Envelope"),
    ],
)
def test_names_of_waiting_messages_are_understood(look: Look, field: str, holds: str) -> None:
    tables = rows(pile("shop", 1, 0.05, field, holds=holds), pile("shop", 6, 0.6, field, holds=holds))
    (finding,), _ = look("heap.held_messages", tables)
    assert (finding.mechanism, finding.service) == ("unacknowledged_messages", "shop")


@pytest.mark.parametrize(
    ("field", "holds"),
    [("app.Prices.cache", "app.Price"), ("app.i18n.Texts.messages", "app.Text"), ("app.Web.sessions", "app.Session")],
)
def test_what_grows_and_is_no_waiting_message_is_a_leak(look: Look, field: str, holds: str) -> None:
    tables = rows(pile("shop", 1, 0.05, field, holds=holds), pile("shop", 6, 0.6, field, holds=holds))
    assert look("heap.held_messages", tables)[1].verdict == "clear"
    (finding,), _ = look("heap.growth", tables)
    assert (finding.mechanism, finding.resource) == ("memory_leak", ".".join(field.split(".")[-2:]))


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.6, 0.5), (0.3, 0.33), (0.3, 0.5, 0.4)])
def test_what_breathes_is_no_leak(look: Look, shares: tuple[float, ...]) -> None:
    tables = rows(*(pile("shop", hour, share) for hour, share in enumerate(shares, 1)))
    assert look("heap.growth", tables)[1].verdict == "clear"
    assert look("heap.held_messages", tables)[1].verdict == "clear"


def test_messages_in_work_are_no_finding(look: Look) -> None:
    assert look("heap.held_messages", rows(pile("shop", 1, 0.04)))[1].verdict == "clear"


def test_who_takes_is_told_and_who_sent_them_is_named_beside(look: Look) -> None:
    same = [f"{number:016x}" for number in range(64)]
    sent = {"field": "app.Publisher.pendingConfirms", "ids": same}
    tables = rows(
        pile("shop", 1, 0.05, **sent), pile("shop", 6, 0.7, **sent),
        pile("desk", 1, 0.05, ids=same), pile("desk", 6, 0.5, ids=same),
    )  # fmt: skip
    (finding,), _ = look("heap.held_messages", tables)
    assert (finding.service, finding.facts["held_with"], finding.facts["side"]) == ("desk", ("shop",), "consumer")
    alone, _ = look("heap.held_messages", rows(*(pile("desk", hour, share) for hour, share in ((1, 0.05), (6, 0.5)))))
    assert alone[0].confidence < finding.confidence


def test_two_caches_of_the_same_things_are_no_messages(look: Look) -> None:
    same = {"ids": [f"{number:016x}" for number in range(64)], "field": "app.Catalog.bySku", "holds": "app.Product"}
    tables = rows(pile("shop", 1, 0.2, **same), pile("desk", 1, 0.2, **same))
    assert look("heap.held_messages", tables)[1].verdict == "clear"


def test_the_order_of_rows_and_names_of_services_do_not_matter(look: Look) -> None:
    tables = rows(pile("shop", 1, 0.05), pile("shop", 6, 0.6), pile("desk", 1, 0.3), pile("desk", 6, 0.3))
    mixed = {name: random.Random(1).sample(given, len(given)) for name, given in tables.items()}
    assert look("heap.growth", mixed)[0] == look("heap.growth", tables)[0]
    renamed = {name: [{**row, "service": f"x{row['service']}"} for row in given] for name, given in tables.items()}
    assert [f.service for f in look("heap.growth", renamed)[0]] == ["xshop"]
