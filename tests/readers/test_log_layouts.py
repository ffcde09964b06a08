"""Headers of plain-text lines: what loggers write by default is told from the message."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deep_code_reasoning.domain.instant import format_instant
from deep_code_reasoning.readers.log_clock import Clock
from deep_code_reasoning.readers.log_headers import HeaderReader
from deep_code_reasoning.readers.log_layouts import learn

DAY = "2026-06-18T14:00:00"


def header_of(*lines: str) -> dict[str, Any]:
    """The row of the first line, its time as text, without empty cells."""
    row = HeaderReader(learn(lines), Clock()).read(lines[0], {})
    assert row is not None
    if "time_ns" in row:
        row["time"] = format_instant(row.pop("time_ns"))
    return {name: cell for name, cell in row.items() if cell}


LAYOUTS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "log4j2 with a clock only": (
        ("14:00:00.125 [main] INFO  com.shop.Orders - placed 7",),
        {
            "time": "1970-01-01T14:00:00.125Z",
            "time_guess": "date,zone",
            "severity": "info",
            "scope": "com.shop.Orders",
            "attributes": {"thread.name": "main"},
            "body": "placed 7",
        },
    ),
    "Sleuth": (
        (
            "2026-06-18 14:00:00.125  INFO [orders,65c8a1b2c3d4e5f6a7b8c9d0e1f2a3b4,a7b8c9d0e1f2a3b4] 4711 --- "
            "[nio-8080-exec-1] c.s.OrderController : placed 7",
        ),
        {
            "time": f"{DAY}.125Z",
            "time_guess": "zone",
            "severity": "info",
            "service": "orders",
            "trace_id": "65c8a1b2c3d4e5f6a7b8c9d0e1f2a3b4",
            "span_id": "a7b8c9d0e1f2a3b4",
            "scope": "c.s.OrderController",
            "attributes": {"process.pid": "4711", "thread.name": "nio-8080-exec-1"},
            "body": "placed 7",
        },
    ),
    "Python's logging": (
        (f"{DAY.replace('T', ' ')},125 - shop.orders - ERROR - no stock",),
        {"time": f"{DAY}.125Z", "time_guess": "zone", "severity": "error", "scope": "shop.orders", "body": "no stock"},
    ),
    "gunicorn": (
        (f"[{DAY.replace('T', ' ')} +0200] [12] [INFO] Booting worker with pid: 12",),
        {
            "time": "2026-06-18T12:00:00Z",
            "severity": "info",
            "attributes": {"process.pid": "12"},
            "body": "Booting worker with pid: 12",
        },
    ),
    "loguru": (
        (f"{DAY.replace('T', ' ')}.125 | WARNING  | shop.orders:place:12 - slow",),
        {
            "time": f"{DAY}.125Z",
            "time_guess": "zone",
            "severity": "warn",
            "scope": "shop.orders:place:12",
            "body": "slow",
        },
    ),
    "Go's log": (
        ("2026/06/18 14:00:00.000125 main.go:23: listening on 8080",),
        {
            "time": f"{DAY}.000125Z",
            "time_guess": "zone",
            "attributes": {"code.location": "main.go:23"},
            "body": "listening on 8080",
        },
    ),
    "klog": (
        (
            "E0618 14:00:00.125000    4711 controller.go:12] Error syncing pod",
            "I0618 14:00:01.125000    4711 controller.go:15] Syncing pod",
        ),
        {
            "time": "1972-06-18T14:00:00.125Z",
            "time_guess": "date,zone",
            "severity": "error",
            "attributes": {"process.pid": "4711", "code.location": "controller.go:12"},
            "body": "Error syncing pod",
        },
    ),
    "zap on a console": (
        (f'{DAY}.125Z\tINFO\torders/main.go:12\tplaced\t{{"id": 7}}',),
        {
            "time": f"{DAY}.125Z",
            "severity": "info",
            "attributes": {"code.location": "orders/main.go:12"},
            "body": 'placed\t{"id": 7}',
        },
    ),
    "env_logger": (
        (f"[{DAY}Z ERROR shop::orders] no stock",),
        {"time": f"{DAY}Z", "severity": "error", "scope": "shop::orders", "body": "no stock"},
    ),
    "Serilog": (
        (f"{DAY.replace('T', ' ')}.125 +00:00 [FTL] Host terminated",),
        {"time": f"{DAY}.125Z", "severity": "fatal", "body": "Host terminated"},
    ),
    "Rails": (
        (f"W, [{DAY}.000125 #4711]  WARN -- : Slow query",),
        {
            "time": f"{DAY}.000125Z",
            "time_guess": "zone",
            "severity": "warn",
            "attributes": {"header.1": "W,", "process.pid": "4711"},
            "body": "Slow query",
        },
    ),
    "nginx's error log": (
        ('2026/06/18 14:00:00 [error] 31#31: *1 connect() failed (111: refused), client: 10.0.0.1, server: "x"',),
        {
            "time": f"{DAY}Z",
            "time_guess": "zone",
            "severity": "error",
            "attributes": {"process.pid": "31"},
            "body": '*1 connect() failed (111: refused), client: 10.0.0.1, server: "x"',
        },
    ),
    "PostgreSQL": (
        (f"{DAY.replace('T', ' ')}.125 UTC [4711] shop@orders FATAL:  too many connections",),
        {
            "time": f"{DAY}.125Z",
            "severity": "fatal",
            "scope": "shop@orders",
            "attributes": {"process.pid": "4711"},
            "body": "too many connections",
        },
    ),
    "MySQL": (
        (f"{DAY}.125000Z 8 [Warning] [MY-010055] [Server] IP address could not be resolved",),
        {
            "time": f"{DAY}.125Z",
            "severity": "warn",
            "attributes": {"process.pid": "8", "thread.name": "MY-010055", "header.1": "Server"},
            "body": "IP address could not be resolved",
        },
    ),
    "Elasticsearch": (
        (f"[{DAY},125][WARN ][o.e.n.Node               ] [node-1] closing",),
        {
            "time": f"{DAY}.125Z",
            "time_guess": "zone",
            "severity": "warn",
            "scope": "o.e.n.Node",
            "attributes": {"thread.name": "node-1"},
            "body": "closing",
        },
    ),
    "a program and its pod": (
        (
            f"{DAY}.125Z WARN [cart] [cart-5d9f7c6b8-x2x7k] slow",
            f"{DAY}.125Z WARN [orders] [orders-0] slow",
        ),
        {
            "time": f"{DAY}.125Z",
            "severity": "warn",
            "service": "cart",
            "instance": "cart-5d9f7c6b8-x2x7k",
            "body": "slow",
        },
    ),
    "Apache's error log": (
        ("[Thu Jun 18 14:00:00.125 2026] [core:error] [pid 35708:tid 43] [client 10.0.0.9] File does not exist: /x",),
        {
            "time": f"{DAY}.125Z",
            "time_guess": "zone",
            "severity": "error",
            "attributes": {"thread.name": "pid 35708:tid 43", "header.1": "client 10.0.0.9"},
            "body": "File does not exist: /x",
        },
    ),
    "Tomcat": (
        ("18-Jun-2026 14:00:00.125 SEVERE [main] org.apache.catalina.Startup.start Port in use",),
        {
            "time": f"{DAY}.125Z",
            "time_guess": "zone",
            "severity": "error",
            "scope": "org.apache.catalina.Startup.start",
            "attributes": {"thread.name": "main"},
            "body": "Port in use",
        },
    ),
    "monolog": (
        (f"[{DAY}.000125+00:00] app.CRITICAL: Uncaught Exception: boom [] []",),
        {"time": f"{DAY}.000125Z", "severity": "fatal", "scope": "app", "body": "Uncaught Exception: boom [] []"},
    ),
    "Celery": (
        (f"[{DAY.replace('T', ' ')},125: ERROR/MainProcess] Task shop.add[abc-1] raised",),
        {
            "time": f"{DAY}.125Z",
            "time_guess": "zone",
            "severity": "error",
            "attributes": {"thread.name": "MainProcess"},
            "body": "Task shop.add[abc-1] raised",
        },
    ),
    "Cassandra, level first": (
        (f"ERROR [Stage-1] {DAY.replace('T', ' ')},125 StorageService.java:618 - disk full",),
        {
            "time": f"{DAY}.125Z",
            "time_guess": "zone",
            "severity": "error",
            "attributes": {"header.1": "[Stage-1]", "code.location": "StorageService.java:618"},
            "body": "disk full",
        },
    ),
    "a supercomputer's events": (
        ("- 1781791200 2026.06.18 R02-M1-N0 2026-06-18-14.00.00.125 R02-M1-N0 RAS KERNEL FATAL machine check",),
        {
            "time": f"{DAY}Z",
            "severity": "fatal",
            "attributes": {
                "header.1": "2026.06.18",
                "header.2": "R02-M1-N0",
                "header.3": "2026-06-18-14.00.00.125",
                "header.4": "R02-M1-N0",
                "header.5": "RAS",
                "header.6": "KERNEL",
            },
            "body": "machine check",
        },
    ),
    "syslog, RFC 3164": (
        ("<35>Jun 18 14:00:00 web1 sshd[4711]: Failed password for root",),
        {
            "time": "1972-06-18T14:00:00Z",
            "time_guess": "date,zone",
            "severity": "error",
            "host": "web1",
            "service": "sshd",
            "scope": "sshd",
            "attributes": {"process.pid": "4711"},
            "body": "Failed password for root",
        },
    ),
    "a level and no time": (("[ERROR] no stock", "[INFO] fine"), {"severity": "error", "body": "no stock"}),
    "Python's basic format": (
        ("WARNING:shop.orders:slow", "INFO:root:fine"),
        {"severity": "warn", "scope": "shop.orders", "body": "slow"},
    ),
    "an epoch and a logger's name": (
        ("1781791200.125 orders.place ERROR no stock",),
        {"time": f"{DAY}.125Z", "severity": "error", "scope": "orders.place", "body": "no stock"},
    ),
    "day before month": (
        ("18/06/2026 14:00:00 started", "18/06/2026 14:00:01 stopped"),
        {"time": f"{DAY}Z", "time_guess": "zone", "body": "started"},
    ),
    "nothing but a time": (
        (f"{DAY}Z connection to db failed after 3 tries", f"{DAY}Z user logged in"),
        {"time": f"{DAY}Z", "body": "connection to db failed after 3 tries"},
    ),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_header_is_told_from_the_message(name: str) -> None:
    lines, expected = LAYOUTS[name]
    assert header_of(*lines) == expected


def test_a_line_that_deviates_keeps_what_it_shares_with_the_others() -> None:
    lines = [f"Jun 18 14:00:{second:02d} web1 sshd[{second}]: closed" for second in range(20)]
    odd = "Jun 18 14:00:59 web1 syslogd 1.4.1: restart."
    row = HeaderReader(learn([*lines, odd]), Clock()).read(odd, {})
    assert row is not None
    assert (row["host"], row["body"]) == ("web1", "syslogd 1.4.1: restart.")


def test_messages_that_begin_with_brackets_keep_them() -> None:
    lines = [f"14:00:{n:02d}.1 INFO  a.s.Orders#{n} [place][order {n}][ok]" for n in range(20)]
    row = HeaderReader(learn(lines), Clock()).read(lines[3], {})
    assert row is not None
    assert (row["scope"], row["body"]) == ("a.s.Orders#3", "[place][order 3][ok]")


def test_a_time_in_the_middle_of_prose_is_no_header() -> None:
    assert learn(["the backup started at 2026-06-18 14:00:00 and is still running"]) == ()


def test_a_layout_that_the_head_did_not_show_is_learnt_on_the_way() -> None:
    reader = HeaderReader(learn(["20260618-14:00:00:606|Step_LSC|30002312|onStep 1"]), Clock())
    row = reader.read("20260618-14:0:7:6|Step_LSC|30002312|onStep 2", {})
    assert row is not None
    assert (format_instant(row["time_ns"]), row["scope"], row["body"]) == (f"{DAY[:-2]}07.006Z", "Step_LSC", "onStep 2")


def test_the_message_of_real_system_logs_is_what_their_labels_say(labelled_data: Path) -> None:
    for folder in sorted((labelled_data / "loghub").iterdir()):
        name = folder.name
        with (folder / f"{name}_2k.log_structured_corrected.csv").open(newline="", encoding="utf-8") as file:
            # The labels were corrected by hand: spaces differ here and there.
            contents = ["".join(row["Content"].split()) for row in csv.DictReader(file)]
        raw = (folder / f"{name}_2k.log").read_text("utf-8", "replace").split("\n")
        lines = [line.rstrip("\r") for line in raw if line.strip()]
        reader = HeaderReader(learn(lines), Clock())
        rows = [reader.read(line, {}) for line in lines]
        assert ["".join(row["body"].split()) if row else None for row in rows] == contents, name


@given(st.lists(st.text(st.sampled_from(f"{DAY} INFO[]():-|\t\x0b\x1c\u2028p1.a/#<>"), max_size=60), max_size=8))
@settings(max_examples=300, deadline=None)
def test_any_text_can_be_looked_at(texts: list[str]) -> None:
    lines = [f"{DAY}Z {text}" for text in texts]
    reader = HeaderReader(learn([*texts, *lines]), Clock())
    for text in texts:
        reader.read(text, {})
    # Words that belong to a time change when others stand against them; what is apart from the rest is read.
    for line, text in zip(lines, texts, strict=True):
        if text[:1].isalpha():
            row = reader.read(line, {})
            assert row is not None
            assert row["time_ns"] > 0
