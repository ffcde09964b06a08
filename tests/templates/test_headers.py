"""Where messages begin, in the formats that one meets."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from deep_code_reasoning.templates import HeaderFormat, signatures

MESSAGES = [
    "session opened for user root by (uid=0)",
    "connection from 10.0.0.7 closed after 3 s",
    "disk 4: 93 % full",
    "Processed order 17",
    "[client 10.0.0.9] refused",
    "cache: miss",
    "42 lines read",
    "queue drained - going to sleep",
    "com.shop.Cart emptied",
    "no such table",
]

Make = Callable[[random.Random], str]


def clock(r: random.Random) -> str:
    return f"{r.randrange(24):02}:{r.randrange(60):02}:{r.randrange(60):02}"


def day(r: random.Random, separator: str = "-") -> str:
    return f"20{r.randrange(10, 25)}{separator}{r.randrange(1, 13):02}{separator}{r.randrange(1, 29):02}"


def month(r: random.Random) -> str:
    return r.choice("Jan Feb Mar Apr Jun Oct Nov Dec".split())


def level(r: random.Random) -> str:
    return r.choices(["INFO", "WARN", "ERROR"], [8, 1, 1])[0]


FORMATS: dict[str, Make] = {
    "ISO 8601 and a level": lambda r: f"{day(r)}T{clock(r)}.{r.randrange(1000):03}Z {level(r)} ",
    "log4j": lambda r: f"{day(r)} {clock(r)},{r.randrange(1000):03} {level(r):5} [main] com.shop.{r.choice('AB')}: ",
    "logback": lambda r: (
        f"{clock(r)}.{r.randrange(1000):03} [worker-{r.randrange(9)}] {level(r)} c.s.{r.choice('AB')} - "
    ),
    "Spring Boot": lambda r: f"{day(r)} {clock(r)}.123  {level(r):5} 1 --- [main] c.s.{r.choice(['Cart', 'Pay'])} : ",
    "Python logging": lambda r: f"{day(r)} {clock(r)},{r.randrange(1000):03} - root - {level(r)} - ",
    "syslog": lambda r: (
        f"{month(r)} {r.randrange(1, 29):2} {clock(r)} host {r.choice(['cron', 'sshd'])}[{r.randrange(9999)}]: "
    ),
    "syslog, RFC 5424": lambda r: (
        f"<{r.randrange(9, 191)}>1 {day(r)}T{clock(r)}Z host{r.randrange(9)} app {r.randrange(99)} - "
    ),
    "klog": lambda r: (
        f"{r.choice('IWE')}0310 {clock(r)}.{r.randrange(999999):06} {r.randrange(99):7} file.go:{r.randrange(999)}] "
    ),
    "Apache": lambda r: f"[Sun {month(r)} {r.randrange(1, 29):02} {clock(r)} 2005] [{r.choice(['error', 'notice'])}] ",
    "nginx": lambda r: f"{day(r, '/')} {clock(r)} [error] {r.randrange(999)}#{r.randrange(999)}: *{r.randrange(999)} ",
    "PostgreSQL": lambda r: (
        f"{day(r)} {clock(r)}.{r.randrange(1000):03} UTC [{r.randrange(9999)}] {r.choice(['LOG', 'ERROR'])}:  "
    ),
    "Redis": lambda r: f"1:M {r.randrange(1, 29):02} {month(r)} 2024 {clock(r)}.{r.randrange(1000):03} * ",
    "Android": lambda r: (
        f"03-17 {clock(r)}.811  {r.randrange(9999)}  {r.randrange(9999)} {r.choice('VDI')} Window{r.choice('AB')}: "
    ),
    "bars": lambda r: f"{day(r, '')}-{clock(r)}:{r.randrange(999)}|Step_{r.choice(['A', 'B'])}|{r.randrange(99999)}|",
    "supercomputer": lambda r: (
        f"- {r.randrange(10**9)} {day(r, '.')} R0{r.randrange(9)}-M1 {day(r)}-{clock(r)} R02 RAS APP {level(r)} "
    ),
    "cluster": lambda r: (
        f"{r.randrange(99999)} node-{r.randrange(99)} {r.choice(['net', 'disk'])} state {r.randrange(10**9)} 1 "
    ),
    "proxy": lambda r: f"[10.30 {clock(r)}] {r.choices(['chrome.exe', 'sync.exe *64'], [8, 2])[0]} - ",
    "level alone": lambda r: f"{level(r)}:     ",
    "none": lambda r: "",
}


def lines(make: Make, messages: list[str]) -> list[str]:
    r = random.Random(7)
    return [make(r) + message for message in messages]


@pytest.mark.parametrize("name", FORMATS)
def test_the_message_is_found_whatever_the_header(name: str) -> None:
    wanted = [f"{message} {word}" for message in MESSAGES for word in ("at once", "again", "in vain")]
    raw = lines(FORMATS[name], wanted)
    assert HeaderFormat.learn(raw).strip(signatures(raw)) == signatures(wanted)


def test_a_line_that_has_only_the_first_fields_loses_these() -> None:
    raw = lines(FORMATS["syslog"], MESSAGES * 3)
    header = HeaderFormat.learn(raw)
    assert header.strip(signatures(["Oct 10 00:00:00 host --- last message repeated 3 times ---"])) == [
        "--- last message repeated 0 times ---"
    ]
    assert header.strip(signatures(["    at a.b.C.d(C.java:7)"])) == ["at a.b.C.d(C.java:0)"]


def test_messages_without_a_header_stay_whole() -> None:
    assert HeaderFormat.learn(MESSAGES * 3) == HeaderFormat("")
    assert HeaderFormat.learn(
        [f"user {c} took {i} of {i}" for i, c in enumerate("abcdefghijklmnopqrstuvwxyz")]
    ) == HeaderFormat("")


def test_what_one_template_repeats_is_not_taken_for_a_header() -> None:
    raw = [
        f"2024-01-31 10:00:00 INFO Processed order {i} for {c}{c}{c} in time"
        for i, c in enumerate("abcdefghijklmnopqrstuvwxyz")
    ]
    assert HeaderFormat.learn(raw).strip(signatures(raw[:1])) == ["Processed order 0 for aaa in time"]


def test_of_few_lines_only_what_cannot_be_words_is_header() -> None:
    raw = ["2024-01-31 10:00:00 INFO com.shop.Cart emptied", "2024-01-31 10:00:01 INFO com.shop.Cart filled"]
    assert HeaderFormat.learn(raw).strip(signatures(raw)) == ["com.shop.Cart emptied", "com.shop.Cart filled"]


def test_a_line_that_is_all_header_is_kept() -> None:
    raw = lines(FORMATS["ISO 8601 and a level"], MESSAGES * 3)
    assert HeaderFormat.learn(raw).strip(signatures(["2024-01-31T10:00:00.000Z INFO "])) != [""]


@pytest.mark.parametrize("raw", [[], [""], ["", "  ", "\n"], ["1 2 3"] * 50, ["x" * 1_000_000], ["["] * 30])
def test_odd_lines_have_no_header_and_do_no_harm(raw: list[str]) -> None:
    header = HeaderFormat.learn(raw)
    assert len(header.strip(signatures(raw))) == len(raw)
