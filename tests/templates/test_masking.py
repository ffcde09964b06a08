"""What is masked by its form, and what is not."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deep_code_reasoning.templates import signatures
from deep_code_reasoning.templates.masking import MASK, join_masks, mask_word, shapes


def shape_of(line: str) -> str:
    return shapes(signatures([line]))[0]


# Pieces of log lines, so that random texts meet the rules and what lies between them.
PIECE = st.sampled_from(
    [
        *" \t=:;,.'\"()[]{}<>|/\\-_+*#@%&~`",
        *[
            "a",
            "Failed",
            "user",
            "17",
            "0x1f",
            "1.5",
            "ms",
            "KB",
            "true",
            "null",
            "http://h/p?q=1",
            "/var/log/x",
            "a/b.c",
        ],
        *[
            "k=v",
            "k = v",
            'k="a b"',
            "k={a}",
            "Jan",
            "Mon",
            "deadbeef",
            "fe80::1",
            "h.example.com:80",
            "node-1",
            "é",
            "日本",
        ],
        *["at a.B.c(D.java:1)", "2024-01-01", "10:00:00", "UTC", "\x1a", "\n"],
    ]
)
LINE = st.lists(PIECE, max_size=14).map("".join)


@pytest.mark.parametrize(
    ("line", "shape"),
    [
        ("took 15 ms for 93.5 KB sent to 10.0.0.7:8080", "took <*> for <*> sent to <*>"),
        ("lifetime <1 sec", "lifetime <*>"),
        ("offset -17 of node-12 at 0x7f3a", "offset <*> of <*> at <*>"),
        ("GET https://shop.example/cart?id=7, retry", "GET <*>, retry"),
        ("cannot open /etc/app/main.conf: denied", "cannot open <*>: denied"),
        ("loaded C:\\Windows\\System32\\drv.sys and conf/app.yaml", "loaded <*> and <*>"),
        ("read and/or write, Input/output error", "read and/or write, Input/output error"),
        ("mail for bob@mail.example queued", "mail for <*> queued"),
        ("connect db.internal.example:5432 failed", "connect <*> failed"),
        ("link 5c:50:15:4c:18:13 on fe80::1ff:fe23:4567:890a", "link <*> on <*>"),
        ("checksum deadbeefcafe, facade kept", "checksum <*>, facade kept"),
        ("rename 'draft' to \"final\" now", "rename <*> to <*> now"),
        ('said "two words" and can\'t', 'said "two words" and can\'t'),
        ("ready=true, name=main loop", "ready=<*>, name=<*> loop"),
        ("total = 5, error = none", "total =<*>, error =<*>"),
        ("logname= uid=0 ruser= rhost=h", "logname=<*> uid=<*> ruser=<*> rhost=<*>"),
        ('pool={a, b} retry=(1 2) msg="not here" x=[]', "pool=<*> retry=<*> msg=<*> x=<*>"),
        ("if a == b then c >= d", "if a == b then c >= d"),
        ('{"status": 200, "name": "Ann Lee", "ok": true}', '{"status": <*>, "name": <*>, "ok": <*>}'),
        ("at Sun Jul 24 02:38:22 2005 and on Jan 5", "at <*> and on <*>"),
        ("Mars and Monday meet in May", "Mars and Monday meet in May"),
        ("fans ( 3552 3534 **** 3375 )", "fans ( <*> )"),
        ("parts [1, 2, 3] of 10.0.0.1 10.0.0.2", "parts [<*>] of <*>"),
        ("wait state........1", "wait state........<*>"),
        (
            "boom\n\tat a.b.C.d(C.java:7)\n\tat e.F.g(Native Method) ~[x.jar:1]\n\t... 9 more",
            "boom at <*> ... <*> more",
        ),
        ("TypeError: x at Object.run (/app/a.js:1:2) at main.loop (node:internal:3)", "TypeError: x at <*>"),
        ("  many   blanks\there ", "many blanks here"),
        ("ユーザー7 ログイン", "<*> ログイン"),
        ("", ""),
    ],
)
def test_values_are_masked_by_their_form(line: str, shape: str) -> None:
    assert shape_of(line).replace(MASK, "<*>") == shape


@given(st.lists(LINE, max_size=6))
def test_a_shape_depends_on_nothing_but_its_line(lines: list[str]) -> None:
    assert shapes(signatures(lines)) == [shape_of(line) for line in lines]


@given(LINE)
def test_signatures_lose_nothing_that_shapes_need(line: str) -> None:
    assert shape_of(signatures([line])[0]) == shape_of(line)


@given(LINE, st.randoms(use_true_random=False))
def test_other_numbers_give_the_same_shape(line: str, random: object) -> None:
    other = re.sub("[0-9]+", lambda _: str(random.randrange(10 ** random.randrange(1, 25))), line)  # type: ignore[attr-defined]
    assert shape_of(other) == shape_of(line)


def test_neighbouring_masks_are_one_list_but_keys_are_not() -> None:
    assert join_masks(f"{MASK}, {MASK}:{MASK} - {MASK} x {MASK}") == f"{MASK} x {MASK}"
    assert shape_of("r1=0x0 r2=0x1") == f"{MASK}={MASK} {MASK}={MASK}"


def test_a_word_of_more_than_a_thousand_characters_is_data() -> None:
    assert mask_word("x" * 1_001) == MASK
    assert mask_word("x" * 1_000) == "x" * 1_000


@pytest.mark.parametrize(
    "unit", ["a.", "a:", "::", "a/", "a=", "a = ", "0,", "(a", '"a', "a-", "@", "0 ms ", "at a.b(", "=["]
)
def test_a_line_of_a_megabyte_takes_no_longer_than_its_length_warrants(unit: str) -> None:
    line = (unit * (1_000_000 // len(unit) + 1))[:1_000_000]
    started = time.perf_counter()
    shape_of(line)
    assert time.perf_counter() - started < 20  # quadratic behaviour would take hours
