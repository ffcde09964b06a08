"""What few points tell: lines that form, memory that grows, messages that pile up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from deep_code_reasoning.domain.instant import NS_PER_MS
from fleet import Fleet
from scenery import START_NS, Row, series

Look = Callable[..., Any]
OTHERS = ("cart", "mail", "user")


def fleet_of(name: str, values: list[float], usual: list[float]) -> list[Row]:
    """One service with these values, three with the usual ones."""
    rows = series("stock", name, values)
    for other in OTHERS:
        rows += series(other, name, usual)
    return rows


@pytest.mark.parametrize(
    ("name", "mechanism"),
    [
        ("http.server.workers.queued", "thread_pool_exhausted"),
        ("db_pool_pending", "connection_pool_exhausted"),
    ],
)
def test_a_line_that_forms_is_told(name: str, mechanism: str, look: Look) -> None:
    rows = fleet_of(name, [0.0] * 10 + [2, 5, 3, 4, 6], [0.0] * 15)
    (finding,), _ = look("metrics.shortage", {"metrics": rows})
    assert (finding.service, finding.mechanism) == ("stock", mechanism)


def test_a_processor_that_is_taken_is_told(look: Look) -> None:
    rows = fleet_of("process.cpu.utilization", [0.04] * 10 + [0.95, 0.97, 1.0, 0.96, 0.99], [0.05] * 15)
    (finding,), _ = look("metrics.shortage", {"metrics": rows})
    assert (finding.service, finding.mechanism) == ("stock", "cpu_saturation")


@pytest.mark.parametrize(
    "values",
    [[0.0] * 15, [0.0, 1, 0, 2, 0, 1, 0, 0, 1, 0, 1, 0, 2, 0, 1], [0.0] * 13 + [3, 0]],
    ids=["no line", "lines now and then", "a peak"],
)
def test_lines_that_come_and_go_are_silent(values: list[float], look: Look) -> None:
    findings, check = look("metrics.shortage", {"metrics": fleet_of("db_pool_pending", values, [0.0] * 15)})
    assert not findings
    assert check.verdict == "clear"


FLAT = [190.0, 191, 190, 192, 191, 190, 191, 192, 191, 190]


def test_memory_that_only_grows_is_told(look: Look) -> None:
    rows = fleet_of("process.memory.usage", [190.0, 191, 190, 192, 191, 190, 230, 280, 330, 400], FLAT)
    (finding,), _ = look("metrics.leak", {"metrics": rows})
    assert (finding.service, finding.mechanism) == ("stock", "memory_leak")
    assert finding.facts["before"] == 190


def limited(values: list[float]) -> list[Row]:
    """Memory of which the limit is known; that of others is flat."""
    rows = fleet_of("container.memory.working_set", values, [FLAT[place % 10] for place in range(len(values))])
    return rows + series("stock", "container.memory.limit", [1000.0] * len(values))


@pytest.mark.parametrize(
    "after",
    [
        [300.0, 420, 410, 530, 640, 760, 850, 960, 200, 290, 430, 520],
        [300.0, 420, 410, 530, 640, 760, 850, 930, 950, 940, 950, 945, 950, 940, 950, 950],
    ],
    ids=["killed, and begins anew", "stays at its limit"],
)
def test_memory_that_grows_until_its_limit_stops_it_is_a_leak(after: list[float], look: Look) -> None:
    (finding,), _ = look("metrics.leak", {"metrics": limited([*FLAT, *after])})
    assert (finding.service, finding.mechanism) == ("stock", "memory_leak")
    assert finding.facts["before"] == 190


@pytest.mark.parametrize("other", [[191.0] * 7 + [260.0, 262, 330], FLAT], ids=["in steps", "as ever"])
def test_of_two_instances_one_may_climb_in_few_steps_but_not_stay_as_it_was(other: list[float], look: Look) -> None:
    rows = fleet_of("process.memory.usage", [190.0, 191, 190, 192, 191, 190, 230, 280, 330, 400], FLAT)
    rows += [row | {"instance": "stock-2"} for row in series("stock", "process.memory.usage", other)]
    findings, _ = look("metrics.leak", {"metrics": rows})
    assert [finding.service for finding in findings] == ([] if other is FLAT else ["stock"])


@pytest.mark.parametrize(
    "values",
    [
        [*FLAT, 240.0, 300, 350, 410, 460, 500, 502, 501, 503, 500, 502, 501],
        [*FLAT, 240.0, 300, 350, 410, 460, 500, 191, 190, 192, 190, 191],
        [190.0, 250, 300, 350, 400, 190, 250, 300, 350, 400, 190, 250, 300, 350, 400],
    ],
    ids=["a cache that filled", "given back", "collected as ever"],
)
def test_memory_that_grows_and_is_let_go_below_its_limit_is_no_leak(values: list[float], look: Look) -> None:
    findings, _ = look("metrics.leak", {"metrics": limited(values)})
    assert not findings


def test_memory_that_climbs_from_the_first_point_leaks_when_its_process_is_killed_for_it(look: Look) -> None:
    values = [190.0, 250, 310, 370, 430, 490, 190, 250, 310, 370]
    rows = fleet_of("process.memory.usage", values, FLAT)
    collected, _ = look("metrics.leak", {"metrics": rows})
    assert not collected
    killed = series("stock", "container.restarts", [0.0] * 6 + [1.0] * 4)
    (finding,), _ = look("metrics.leak", {"metrics": rows + killed})
    assert (finding.service, finding.facts["after"]) == ("stock", 490)


@pytest.mark.parametrize(
    ("values", "usual"),
    [
        ([190.0, 230, 280, 330, 400, 450, 500, 550, 600, 650], [100.0 + 40 * place for place in range(10)]),
        ([190.0, 191, 190, 300, 301, 300, 301, 300, 301, 300], FLAT),
        ([190.0, 250, 300, 190, 250, 300, 190, 250, 300, 190], FLAT),
    ],
    ids=["all warm up", "a step", "given back"],
)
def test_memory_that_does_not_leak_is_silent(values: list[float], usual: list[float], look: Look) -> None:
    findings, _ = look("metrics.leak", {"metrics": fleet_of("process.memory.usage", values, usual)})
    assert not findings


@pytest.mark.parametrize("alone", [True, False])
def test_what_a_host_is_busy_with_is_the_work_of_who_is_alone_on_it(alone: bool, look: Look) -> None:
    values = [0.05, 0.06, 0.05, 0.07, 0.06, 0.05, 0.96, 0.97, 0.95, 0.96, 0.97, 0.96]
    rows = [{**row, "host": "db-1"} for row in series("ledger", "system.disk.io_time.utilization", values)]
    for other in () if alone else OTHERS:
        rows += [{**row, "host": "db-1"} for row in series(other, "process.open_files", values)]
    findings, _ = look("metrics.saturation", {"metrics": rows})
    assert [(f.service, f.mechanism) for f in findings] == [("ledger", "disk_saturation")] * alone


def queue(name: str, values: list[float]) -> list[Row]:
    rows = series("broker", name, values)
    return [{**row, "attributes": {"topic": "orders"}} for row in rows]


@pytest.mark.parametrize("state", ["unacknowledged", "ready"])
def test_what_is_counted_of_messages_may_be_told_by_a_label(state: str, look: Look) -> None:
    rows = [{**row, "attributes": {"queue": "orders", "state": state}} for row in queue("broker.message.current", PILE)]
    others = [{**row, "value": 0.0, "attributes": {"queue": "orders", "state": "other"}} for row in rows]
    (finding,), _ = look("metrics.messages", {"metrics": rows + others})
    assert finding.resource == "orders"
    assert finding.mechanism == ("unacknowledged_messages" if state == "unacknowledged" else "message_backlog")


def test_a_few_more_than_a_moment_before_are_no_pile(look: Look) -> None:
    findings, _ = look("metrics.messages", {"metrics": queue("queue_depth", [0, 0, 2, 2, 0, 0, 0, 2, 3])})
    assert not findings


def mailing(processed: int, a_minute: int = 1) -> Fleet:
    """Orders are published from the first point of the metrics on; the mailer processes the first `processed`."""
    fleet = Fleet()
    ahead_ms = (START_NS - queue("depth", PILE)[0]["time_ns"]) / NS_PER_MS  # type: ignore[operator]
    for number in range(15 * a_minute):
        at, trace = number * 60_000.0 / a_minute - ahead_ms, f"t{number}"
        sent = fleet.span(trace, "", "shop", "h1", "publish", at, 2, "producer", topic="orders")
        if number < processed:
            fleet.span(trace, sent, "mailer", "h2", "process", at + 5, 20, "consumer", topic="orders")
    return fleet


PILE = [0.0] * 9 + [2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize(
    ("processed", "a_minute", "mechanism"),
    [
        (8, 1, "message_backlog"),
        (15, 1, "unacknowledged_messages"),
        (50, 6, "message_backlog"),
        (62, 6, "unacknowledged_messages"),
    ],
    ids=["stopped", "goes on", "stopped, often", "goes on until it holds as much as it may"],
)
def test_what_the_consumer_does_tells_a_backlog_from_what_it_does_not_acknowledge(
    processed: int, a_minute: int, mechanism: str, look: Look
) -> None:
    tables = {**mailing(processed, a_minute).tables(), "metrics": queue("consumer_group_lag", PILE)}
    (finding,), _ = look("metrics.messages", tables)
    assert (finding.service, finding.resource, finding.mechanism) == ("mailer", "orders", mechanism)


def test_messages_that_all_came_before_the_first_full_point_make_a_backlog_though_later_ones_are_served(
    look: Look,
) -> None:
    fleet = mailing(15)
    ahead_ms = (START_NS - queue("depth", PILE)[0]["time_ns"]) / NS_PER_MS  # type: ignore[operator]
    for number in range(20):
        at = 8.5 * 60_000 + number * 10 - ahead_ms
        fleet.span(f"b{number}", "", "shop", "h1", "publish", at, 2, "producer", topic="orders")
    metrics = queue("consumer_group_lag", [0.0] * 9 + [20.0] * 6)
    (finding,), _ = look("metrics.messages", {**fleet.tables(), "metrics": metrics})
    assert finding.mechanism == "message_backlog"


def test_a_burst_after_messages_that_were_served_is_a_backlog_while_its_own_are_taken_late(look: Look) -> None:
    fleet = mailing(54, 6)
    ahead_ms = (START_NS - queue("depth", PILE)[0]["time_ns"]) / NS_PER_MS  # type: ignore[operator]
    for number in range(40):
        at, told = 8.95 * 60_000 - ahead_ms, {"topic": "orders"}
        sent = fleet.span(f"b{number}", "", "shop", "h1", "publish", at + number, 2, "producer", **told)
        if number < 20:
            fleet.span(f"b{number}", sent, "mailer", "h2", "process", at + number * 9000, 20, "consumer", **told)
    metrics = queue("consumer_group_lag", [0.0] * 9 + [40.0, 36, 32, 28, 24, 20])
    (finding,), _ = look("metrics.messages", {**fleet.tables(), "metrics": metrics})
    assert finding.mechanism == "message_backlog"


def test_a_broker_that_counts_what_is_held_is_believed(look: Look) -> None:
    rows = queue("queue.messages.ready", [0.0] * 15) + queue("queue.messages.unacknowledged", PILE)
    (finding,), _ = look("metrics.messages", {"metrics": rows})
    assert finding.mechanism == "unacknowledged_messages"


@pytest.mark.parametrize(("work_ms", "told"), [(20, True), (90_000, False)], ids=["soon done", "long in work"])
def test_two_messages_that_stay_held_are_told_when_none_is_in_work(work_ms: int, told: bool, look: Look) -> None:
    held = queue("queue.messages.unacknowledged", [0.0] * 9 + [1, 0, 1, 2, 2, 2])
    fleet = mailing(15)
    for row in fleet.spans:
        if row["name"] == "process":
            row["duration_ns"] = work_ms * NS_PER_MS
    findings, _ = look("metrics.messages", {**fleet.tables(), "metrics": held})
    assert [f.mechanism for f in findings] == ["unacknowledged_messages"] * told


@pytest.mark.parametrize(
    "values",
    [[3.0, 5, 1, 4, 3, 0, 2, 4, 3, 1, 5, 2, 3, 4, 1], [0.0] * 8 + [9, 4, 1, 0, 0, 0, 0], [0.0] * 9 + [2.0] * 6],
    ids=["breathes", "worked off", "in hand"],
)
def test_a_depth_that_comes_and_goes_is_silent(values: list[float], look: Look) -> None:
    findings, _ = look("metrics.messages", {"metrics": queue("consumer_group_lag", values)})
    assert not findings


@pytest.mark.parametrize(
    ("said", "consumer"),
    [
        (
            {"shop": "orders.paid v2 published", "mailer": "Consumer on queue orders.paid received basic.cancel"},
            "mailer",
        ),
        ({"mailer": "handled orders.paid in 12 ms"}, "mailer"),
        ({"shop": "orders.paid sent", "mailer": "orders.paid handled"}, "broker"),
        ({"mailer": "consumer of orders.paid.late is up"}, "broker"),
    ],
    ids=["who takes them says so", "one alone speaks of it", "two do, and nobody says who takes", "of another queue"],
)
def test_whose_messages_wait_is_told_by_logs_where_no_span_names_them(
    said: dict[str, str], consumer: str, look: Look
) -> None:
    rows = [{**row, "attributes": {"queue": "orders.paid"}} for row in series("broker", "queue.ready", PILE)]
    logs = [
        {"time_ns": START_NS, "service": service, "body": text, "source_id": 1, "line": line}
        for line, (service, text) in enumerate(said.items(), start=1)
    ]
    (finding,), _ = look("metrics.messages", {"metrics": rows, "logs": logs})
    assert (finding.service, finding.resource) == (consumer, "orders.paid")


@pytest.mark.parametrize("kind", ["sum", "gauge", ""])
@pytest.mark.parametrize(
    "name", ["messaging.queue.published", "queueMessagesAcked", "queue_redelivered", "queue.consumers"]
)
def test_what_was_done_with_messages_and_who_takes_them_is_no_depth(name: str, kind: str, look: Look) -> None:
    around = [row | {"kind": kind} for row in queue(name, [40.0 * at for at in range(15)])]
    empty, full = (around + queue("queue.ready", values) for values in ([0.0] * 15, PILE))
    for code in ("metrics.messages", "metrics.saturation"):
        assert not look(code, {"metrics": empty})[0]
    (finding,), _ = look("metrics.messages", {"metrics": full})
    assert finding.facts["metric"] == "queue.ready"


BUSY = [0.06, 0.03, 0.05, 0.05, 0.94, 0.95, 0.94]


def test_of_a_recording_of_two_minutes_the_one_instance_that_runs_full_is_told(look: Look) -> None:
    rows = series("stock", "process.cpu.utilization", BUSY, 15)
    for number in range(12):
        rows += series(f"other{number}", "process.cpu.utilization", [0.04, 0.05, 0.03, 0.06, 0.05, 0.04, 0.05], 15)
    (finding,), _ = look("metrics.saturation", {"metrics": rows})
    assert (finding.service, finding.mechanism) == ("stock", "cpu_saturation")


def test_of_a_short_recording_what_the_others_do_too_is_silent(look: Look) -> None:
    rows = series("stock", "process.cpu.utilization", [0.06, 0.03, 0.05, 0.04, *BUSY], 15)
    at_times = [0.05, 0.04, 0.97, 0.96, 0.97, 0.05, 0.04, 0.05, 0.05, 0.06, 0.05]
    for number in range(12):
        rows += series(f"other{number}", "process.cpu.utilization", at_times, 15)
    assert look("metrics.saturation", {"metrics": rows})[1].verdict == "clear"


@pytest.mark.parametrize(("others", "told"), [(60.0, ["app"]), (24.0, ["app", "db"])], ids=["far more", "as many"])
def test_packets_are_lost_where_most_are_sent_again(others: float, told: list[str], look: Look) -> None:
    times = [0.0, 1, 0, 0, 1, 0, 0, 1]
    rows = series("db", "tcp.retransmits", [*times, *[22.0, 21, 23, 22, 21, 22, 23]])
    rows += series(
        "app", "tcp.retransmits", [*times, *[others, others + 1, others, others, others + 1, others, others]]
    )
    findings, _ = look("metrics.saturation", {"metrics": rows})
    assert sorted(f.service for f in findings if f.mechanism == "network_loss") == told
