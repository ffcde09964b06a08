"""Lines to templates: whole logs, and the laws that hold for any lines."""

from __future__ import annotations

import random
import subprocess
import sys
import tracemalloc
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deep_code_reasoning.templates import HeaderFormat, mine, mine_shapes, signatures

LOGS = Path(__file__).parent / "logs"
SYSTEMS = sorted(path.stem for path in LOGS.glob("*.tsv"))

LINE = st.one_of(
    st.text(max_size=40),
    st.builds(
        "{} user {} from {} port {}".format,
        st.sampled_from(["Invalid", "Failed", "Accepted"]),
        st.sampled_from(["alice", "bob", "root", "x1", "Ünal", "a.b", ""]),
        st.sampled_from(["10.0.0.1", "host", "h.example.com", "::1"]),
        st.integers(0, 99999),
    ),
)


def read_log(system: str) -> tuple[list[str], list[str]]:
    rows = [line.split("\t", 1) for line in (LOGS / f"{system}.tsv").read_text("utf-8").splitlines()]
    return [statement for statement, _ in rows], [line for _, line in rows]


def grouping_accuracy(truth: Sequence[str], found: Sequence[str]) -> float:
    def groups(labels: Sequence[str]) -> set[tuple[int, ...]]:
        members = defaultdict(list)
        for index, label in enumerate(labels):
            members[label].append(index)
        return {tuple(group) for group in members.values()}

    return sum(map(len, groups(truth) & groups(found))) / len(truth)


@pytest.mark.parametrize("system", SYSTEMS)
def test_lines_of_one_statement_are_put_together(system: str) -> None:
    truth, lines = read_log(system)
    assert grouping_accuracy(truth, mine(lines).template_ids) >= 0.9


def test_most_logs_are_grouped_without_a_mistake() -> None:
    scores = [grouping_accuracy(truth, mine(lines).template_ids) for truth, lines in map(read_log, SYSTEMS)]
    assert scores.count(1.0) >= len(scores) / 2


def test_what_a_mining_says() -> None:
    mining = mine(
        ["took 5 ms", "jk2_init() found child 1", "took 17 ms", "jk2_init() found child 2", "done", "took 1 ms"]
    )
    assert [(t.text, t.count, t.example) for t in mining.templates] == [
        ("took <*>", 3, 0),
        ("jk<*>_init() found child <*>", 2, 1),
        ("done", 1, 4),
    ]
    took, child, done = (template.id for template in mining.templates)
    assert mining.template_ids == [took, child, took, child, done, took]


def test_ids_are_the_same_in_every_run() -> None:
    assert [t.id for t in mine(["took 5 ms"]).templates] == ["e440ddd0f843bf88"]


def test_constant_words_with_digits_are_shown_only_where_all_lines_have_them() -> None:
    assert [t.text for t in mine(["on worker-1 now", "on worker-2 now"]).templates] == ["on worker-<*> now"]
    assert [t.text for t in mine(["on worker-1 now", "on thread-2 now"]).templates] == ["on <*> now"]
    assert [t.text for t in mine(["at 0xbeef17 now"]).templates] == ["at <*> now"]


def test_a_statement_with_many_kinds_of_values_shows_no_constant() -> None:
    kinds = [f"{a}{b}" for a in "ghijklmnop" for b in "qrstuvwxyz"]
    for order in (kinds, kinds[::-1]):
        assert [t.text for t in mine([f"on {kind}-1 now" for kind in order]).templates] == ["on <*> now"]
        assert [
            t.text for t in mine(["on node-1 now"] * 9 + [f"on node-{kind}-1 now" for kind in order]).templates
        ] == ["on <*> now"]


def test_a_header_is_left_out_of_the_templates() -> None:
    raw = [
        f"2024-01-31 10:00:{i:02},000 INFO [main] com.shop.{'AB'[i % 2]}: {'took' if i % 3 else 'lost'} {i} ms {i % 7}"
        for i in range(60)
    ]
    raw += [
        f"2024-01-31 10:01:{i:02},000 WARN [main] com.shop.C: {word} is {word}"
        for i, word in enumerate("abcdefghijklmnopqrstuvwx")
    ]
    texts = {template.text for template in mine(raw, HeaderFormat.learn(raw)).templates}
    assert {"took <*>", "lost <*>"} <= texts
    assert not any("INFO" in text for text in texts)


@given(st.lists(LINE, max_size=30), st.randoms(use_true_random=False))
def test_the_order_of_lines_changes_no_template(lines: list[str], shuffler: random.Random) -> None:
    found = dict(zip(lines, mine(lines).template_ids, strict=True))
    shuffled = list(lines)
    shuffler.shuffle(shuffled)
    mining = mine(shuffled)
    assert dict(zip(shuffled, mining.template_ids, strict=True)) == found
    assert {(t.id, t.text, t.count) for t in mining.templates} == {
        (t.id, t.text, t.count) for t in mine(lines).templates
    }


@given(st.lists(LINE, max_size=30), st.integers(2, 4))
def test_more_of_the_same_lines_change_only_counts(lines: list[str], times: int) -> None:
    once, often = mine(lines), mine(lines * times)
    assert often.template_ids == list(once.template_ids) * times
    assert [(t.id, t.text, t.count * times, t.example) for t in once.templates] == [
        (t.id, t.text, t.count, t.example) for t in often.templates
    ]


@given(st.lists(LINE, max_size=30))
def test_every_line_is_counted_and_every_example_is_of_its_template(lines: list[str]) -> None:
    mining = mine(iter(lines))
    assert Counter(mining.template_ids) == {template.id: template.count for template in mining.templates}
    for template in mining.templates:
        assert mining.template_ids[template.example] == template.id
        assert mining.template_ids.index(template.id) == template.example


@given(st.lists(LINE, max_size=30))
def test_counted_signatures_are_mined_like_lines(lines: list[str]) -> None:
    counted = Counter(signatures(lines))
    mining = mine_shapes(counted)
    by_signature = dict(zip(counted, mining.template_ids, strict=True))
    assert [by_signature[signature] for signature in signatures(lines)] == mine(lines).template_ids
    assert {t.id: t.count for t in mining.templates} == {t.id: t.count for t in mine(lines).templates}


@pytest.mark.parametrize(
    "lines", [[], [""], ["", " ", "\t"], ["a\nb", "a\nc"], ["\ud800", "\x1a\x1a"], ["x" * 1_000_000]]
)
def test_odd_lines_do_no_harm(lines: list[str]) -> None:
    mining = mine(lines)
    assert len(mining.template_ids) == len(lines)
    assert sum(template.count for template in mining.templates) == len(lines)


def test_nothing_depends_on_the_seed_of_hashes() -> None:
    code = (
        "import sys\nfrom deep_code_reasoning.templates import mine\n"
        "m = mine(line.rstrip('\\n').split('\\t', 1)[1] for line in open(sys.argv[1], encoding='utf-8'))\n"
        "print(m.template_ids, m.templates)"
    )
    outputs = [
        subprocess.run(
            [sys.executable, "-c", code, str(LOGS / "jvm.tsv")],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[2] / "src")},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert outputs[0] == outputs[1] != b""


def test_memory_does_not_grow_with_lines_that_repeat_but_for_numbers() -> None:
    def lines(count: int) -> Iterator[str]:
        return (
            f"request {i} of session 0x{i:08x} served in {i % 977} ms to 10.0.{i % 256}.{i // 256 % 256}"
            for i in range(count)
        )

    def peak_bytes(count: int) -> int:
        tracemalloc.start()
        mine(lines(count))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    assert peak_bytes(60_000) - peak_bytes(20_000) < 40_000 * 250  # two references, and what is remembered of a line
