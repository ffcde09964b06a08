"""A failing test leads to what it exercises, in several languages, and frames of libraries lead nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from deep_code_reasoning.errors import SourceError
from deep_code_reasoning.source import Roots
from deep_code_reasoning.source.failing_tests import exercised
from deep_code_reasoning.source.hints import Frame
from deep_code_reasoning.source.index import SourceIndex
from deep_code_reasoning.source.localise import localise
from deep_code_reasoning.source.roots import SourceFile, SourcePath

JAVA = "src/main/java/com/acme/"
JAVA_TESTS = "src/test/java/com/acme/"
FILES = {
    f"{JAVA}Joiner.java": "class Joiner {\n  String join(String[] parts) {\n    return parts[1];\n  }\n}\n",
    f"{JAVA}Splitter.java": "class Splitter {\n  String[] partition(String s) {\n    return null;\n  }\n}\n",
    f"{JAVA}TestRunnerAdapter.java": "class TestRunnerAdapter {\n  void invoke(Method m) {\n    m.run();\n  }\n}\n",
    f"{JAVA_TESTS}JoinerTest.java": "class JoinerTest {\n  void testOne() {\n    check(made());\n  }\n}\n",
    f"{JAVA_TESTS}RoundTripTest.java": "class RoundTripTest {\n  void testOther() {\n    joiner.join(null);\n  }\n\n"
    '  void testBack() {\n    assertEquals(2, splitter.partition("a b").length);\n  }\n}\n',
    "shop/cart.py": "def total(items):\n    return sum(items)\n",
    "shop/stock.py": "def reserve(item):\n    return item\n",
    "tests/test_cart.py": "def test_one():\n    assert subject() == 3\n",
    "web/src/basket.ts": "export function fill(items) {\n  return items;\n}\n",
    "web/src/menu.ts": "export function open(items) {\n  return items;\n}\n",
    "web/src/basket.spec.ts": "it('works', () => {\n  expect(one()).toBe(2);\n});\n",
}
JUNIT = (
    "junit.framework.AssertionFailedError: expected:<2> but was:<1>\n"
    "\tat junit.framework.Assert.fail(Assert.java:57)\n\tat junit.framework.TestCase.assertEquals(TestCase.java:12)\n"
    "\tat com.acme.{frame}\n"
    "\tat java.base/jdk.internal.reflect.NativeMethodAccessorImpl.invoke0(Native Method)\n"
    "\tat java.base/java.lang.reflect.Method.invoke(Method.java:568)\n"
    "\tat org.junit.runners.TestRunnerAdapter.invoke(TestRunnerAdapter.java:59)\n"
)


@pytest.fixture
def first(index: SourceIndex, tmp_path: Path):
    for path, text in FILES.items():
        (tmp_path / "repo" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "repo" / path).write_text(text)
    roots = Roots([tmp_path / "repo"])
    tree = index.add_folder("repo", roots).tree

    def text_of(repo: str, path: str) -> SourceFile | None:
        try:
            return roots.read(SourcePath(repo, path))
        except SourceError:
            return None

    return lambda report: localise(index, [tree], report, text_of=text_of)[0]


def test_a_test_leads_to_what_it_is_named_for(first) -> None:
    found = first(JUNIT.format(frame="JoinerTest.testOne(JoinerTest.java:3)"))
    assert found.path == f"{JAVA}Joiner.java"
    assert found.reasons == ("a test in the stack trace is named for it",)


def test_a_test_leads_to_what_its_function_calls(first) -> None:
    assert first(JUNIT.format(frame="RoundTripTest.testBack(RoundTripTest.java:7)")).path == f"{JAVA}Splitter.java"
    assert first(JUNIT.format(frame="RoundTripTest.testOther(RoundTripTest.java:3)")).path == f"{JAVA}Joiner.java"


def test_a_line_of_another_revision_finds_its_function_by_the_name(first) -> None:
    assert first(JUNIT.format(frame="RoundTripTest.testBack(RoundTripTest.java:2)")).path == f"{JAVA}Splitter.java"


def test_what_failed_in_the_code_goes_before_what_the_test_is_named_for(first) -> None:
    thrown = (
        "java.lang.NullPointerException\n\tat com.acme.Splitter.partition(Splitter.java:3)\n"
        "\tat com.acme.JoinerTest.testOne(JoinerTest.java:3)\n"
    )
    assert first(thrown).path == f"{JAVA}Splitter.java"


@pytest.mark.parametrize(
    ("report", "path"),
    [
        ('Traceback:\n  File "/app/tests/test_cart.py", line 2, in test_one\nAssertionError\n', "shop/cart.py"),
        ("Error: no\n    at Object.<anonymous> (/app/web/src/basket.spec.ts:2:17)\n", "web/src/basket.ts"),
    ],
)
def test_it_is_so_in_other_languages(first, report: str, path: str) -> None:
    assert first(report).path == path


@pytest.mark.parametrize(
    ("path", "subject"),
    [
        ("CartTest.java", "Cart"), ("CartTests.cs", "Cart"), ("TestCart.java", "Cart"), ("CartTestCase.java", "Cart"),
        ("test_cart.py", "cart"), ("cart_test.go", "cart"), ("cart_spec.rb", "cart"), ("cart.test.ts", "cart"),
        ("CartIT.java", "Cart"), ("CartSpec.scala", "Cart"), ("testimony.py", "testimony"), ("AUDIT.java", "AUDIT"),
    ],
)  # fmt: skip
def test_a_test_is_named_for_its_subject(path: str, subject: str) -> None:
    assert exercised([(Frame(path), path, None)]).subjects == {subject}
