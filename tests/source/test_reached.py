"""What a failing test calls, and what that calls, is found by types: in several languages."""

from __future__ import annotations

from pathlib import Path

import pytest

from deep_code_reasoning.app.localise import reader
from deep_code_reasoning.source import Roots
from deep_code_reasoning.source.callees import Callees
from deep_code_reasoning.source.index import SourceIndex
from deep_code_reasoning.source.localise import localise
from deep_code_reasoning.source.reached import Start, reached

JAVA = "src/main/java/com/acme/"
TESTS = "src/test/java/com/acme/"
FILES = {
    # An abstract class, two heirs, and a helper that all of them go through.
    f"{JAVA}Codec.java": "abstract class Codec {\n  String run(String s) {\n    return pad(apply(s));\n  }\n"
    "  abstract String apply(String s);\n  String pad(String s) {\n    return Strings.fill(s, 3);\n  }\n}\n",
    f"{JAVA}Hex.java": "class Hex extends Codec {\n  String apply(String s) {\n    return s;\n  }\n}\n",
    f"{JAVA}Octal.java": "class Octal extends Codec {\n  String apply(String s) {\n    return s;\n  }\n}\n",
    f"{JAVA}Strings.java": "class Strings {\n  static String fill(String s, int n) {\n    return s;\n  }\n"
    "  static String fill(String s) {\n    return s;\n  }\n  static String never(String s) {\n    return s;\n  }\n}\n",
    f"{JAVA}Loop.java": "class Loop {\n  Loop next() {\n    return this.next().next();\n  }\n}\n",
    f"{TESTS}RoundTripTest.java": "class RoundTripTest {\n  private Codec codec;\n  void setUp() {\n"
    '    codec = new Hex();\n  }\n  void testOne() {\n    check("a");\n    Strings.never("b");\n  }\n'
    "  private void check(String s) {\n    assertEquals(s, codec.run(s));\n  }\n"
    "  void testLoop() {\n    new Loop().next();\n  }\n}\n",
    # A test that its heirs complete, and what a name is given where neither a field nor a local variable says it.
    f"{JAVA}Pool.java": "class Pool implements AutoCloseable {\n  int size() {\n    return 1;\n  }\n"
    "  int drain() {\n    return 1;\n  }\n  int count() {\n    return 1;\n  }\n  int left() {\n    return 1;\n  }\n}\n",
    f"{JAVA}Well.java": "class Well {\n  int size() {\n    return 1;\n  }\n"
    "  int drain() {\n    return 1;\n  }\n  int count() {\n    return 1;\n  }\n  int left() {\n    return 1;\n  }\n}\n",
    f"{JAVA}Size.java": "enum Size {\n  SMALL;\n  int in(Pool pool) {\n    return wide();\n  }\n"
    "  int wide() {\n    return 2;\n  }\n}\n",
    f"{TESTS}AbstractPoolTest.java": "abstract class AbstractPoolTest<T> {\n  abstract T makeObject();\n"
    "  void testSize(Object any) {\n    makeObject().size();\n"
    "    try (Pool held = Pools.open()) { held.drain(); }\n"
    "    for (Pool each : any) { each.count(); }\n"
    "    ((Pool) any).left();\n    Size.SMALL.in(null);\n  }\n}\n",
    f"{TESTS}PoolTest.java": "class PoolTest extends AbstractPoolTest<Pool> {\n  Pool makeObject() {\n"
    "    return new Pool();\n  }\n}\n",
    "shop/cart.py": "from shop.tax import rate\n\n\nclass Cart:\n    def total(self):\n"
    "        return self.net() * rate()\n\n    def net(self):\n        return 1\n",
    "shop/tax.py": "def rate():\n    return 2\n",
    "tests/test_all.py": "from shop.cart import Cart\n\n\ndef test_total():\n    assert Cart().total() == 3\n",
    "web/src/basket.ts": "export class Basket {\n  sum(): number {\n    return weigh(this);\n  }\n}\n"
    "function weigh(b: Basket): number {\n  return 1;\n}\n",
    "web/test/all.spec.ts": "function checks() {\n  const held: Basket = made();\n  expect(held.sum()).toBe(2);\n}\n",
}


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory):
    root = tmp_path_factory.mktemp("reached") / "repo"
    for path, text in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    roots = Roots([root])
    with SourceIndex(root.parent / "index.db") as index:
        yield index, index.add_folder("repo", roots).tree, reader(roots)


def ran(repo, path: str, line: int, function: str) -> dict[tuple[str, int], float]:
    """By (path, first line): how directly each function is reached from a line."""
    index, tree, text_of = repo
    found = reached(Callees(index, [tree], text_of), [Start(("repo", path), line, function, 1.0)])
    return {(path, first): weight for (_, path), some in found.items() for (first, _), weight in some.items()}


def test_a_call_leads_to_the_heir_that_is_made_and_to_what_it_takes_over(repo) -> None:
    found = ran(repo, f"{TESTS}RoundTripTest.java", 7, "testOne")
    assert (f"{JAVA}Codec.java", 2) in found
    assert (f"{JAVA}Hex.java", 2) in found
    assert not {path for path, _ in found} & {f"{JAVA}Octal.java"}
    assert (f"{JAVA}Codec.java", 5) not in found  # it has no body


def test_arguments_tell_overloads_apart(repo) -> None:
    found = ran(repo, f"{TESTS}RoundTripTest.java", 7, "testOne")
    assert (f"{JAVA}Strings.java", 2) in found
    assert (f"{JAVA}Strings.java", 5) not in found


def test_what_an_abstract_test_leaves_open_is_looked_for_in_the_test_that_failed(repo) -> None:
    index, tree, text_of = repo
    tests = [f"{TESTS}AbstractPoolTest.java", f"{TESTS}PoolTest.java"]
    starts = [Start(("repo", path), 0, "testSize", 1.0) for path in tests]
    found = reached(Callees(index, [tree], text_of), starts)
    assert (2, 4) in found["repo", tests[1]]  # makeObject
    assert (2, 4) in found["repo", f"{JAVA}Pool.java"]  # size: the type parameter says no class, what was made does
    assert ("repo", f"{JAVA}Well.java") not in found


def test_resources_loops_casts_and_enums_say_types(repo) -> None:
    found = ran(repo, f"{TESTS}AbstractPoolTest.java", 0, "testSize")
    assert {(f"{JAVA}Pool.java", first) for first in (5, 8, 11)} <= found.keys()  # drain, count, left
    assert {(f"{JAVA}Size.java", first) for first in (3, 6)} <= found.keys()
    assert not {(f"{JAVA}Well.java", first) for first in (5, 8, 11)} & found.keys()


def test_what_is_nearer_and_what_had_run_weighs_more(repo) -> None:
    found = ran(repo, f"{TESTS}RoundTripTest.java", 7, "testOne")
    assert found[f"{JAVA}Codec.java", 2] > found[f"{JAVA}Codec.java", 6] > found[f"{JAVA}Strings.java", 2]
    later = ran(repo, f"{TESTS}RoundTripTest.java", 8, "testOne")
    assert later[f"{JAVA}Strings.java", 8] > found[f"{JAVA}Strings.java", 8]


def test_a_frame_without_a_line_starts_at_the_function_of_its_name(repo) -> None:
    assert (f"{JAVA}Hex.java", 2) in ran(repo, f"{TESTS}RoundTripTest.java", 0, "testOne")
    assert ran(repo, f"{TESTS}RoundTripTest.java", 0, "gone") == {}


def test_circles_end(repo) -> None:
    assert (f"{JAVA}Loop.java", 2) in ran(repo, f"{TESTS}RoundTripTest.java", 14, "testLoop")


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (("tests/test_all.py", 5, "test_total"), {("shop/cart.py", 5), ("shop/cart.py", 8), ("shop/tax.py", 1)}),
        (("web/test/all.spec.ts", 3, "checks"), {("web/src/basket.ts", 2), ("web/src/basket.ts", 6)}),
    ],
)
def test_it_is_so_in_other_languages(repo, start: tuple[str, int, str], expected: set[tuple[str, int]]) -> None:
    assert expected <= ran(repo, *start).keys()


def test_frames_of_tests_alone_lead_to_the_functions_behind_what_they_call(repo) -> None:
    index, tree, text_of = repo
    report = (
        "junit.framework.ComparisonFailure: expected:<[a]> but was:<[b]>\n"
        "\tat com.acme.RoundTripTest.check(RoundTripTest.java:11)\n"
        "\tat com.acme.RoundTripTest.testOne(RoundTripTest.java:7)\n"
    )
    places = localise(index, [tree], report, text_of=text_of)
    assert (places[0].path, places[0].units[0].name) == (f"{JAVA}Codec.java", "Codec.run")


def test_a_test_that_is_only_named_leads_there_too(repo) -> None:
    index, tree, text_of = repo
    report = "--- com.acme.RoundTripTest::testOne\norg.junit.ComparisonFailure: expected:<[a]> but was:<[b]>\n"
    units = {unit.name for place in localise(index, [tree], report, text_of=text_of) for unit in place.units}
    assert {"Codec.run", "Hex.apply", "Strings.fill"} <= units


def test_a_chain_of_calls_of_any_length_is_read(index: SourceIndex, tmp_path: Path) -> None:
    (tmp_path / "repo").mkdir()
    chain = "a" + ".b()" * 3_000
    (tmp_path / "repo/Long.java").write_text(f"class Long {{\n  Long b() {{\n    return {chain};\n  }}\n}}\n")
    roots = Roots([tmp_path / "repo"])
    tree = index.add_folder("repo", roots).tree
    found = reached(Callees(index, [tree], reader(roots)), [Start(("repo", "Long.java"), 3, "b", 1.0)])
    assert found
