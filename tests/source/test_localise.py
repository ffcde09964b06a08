"""Reports lead to the files that they are about, and what they name outright goes before."""

from __future__ import annotations

from pathlib import Path

import pytest

from deep_code_reasoning.source import Roots
from deep_code_reasoning.source.index import SourceIndex
from deep_code_reasoning.source.localise import Place, localise

FILES = {
    "shop/cart.py": "class Cart:\n    def total(self):\n        return self.discounted(sum(self.items))\n\n"
    "    def discounted(self, amount):\n        '''Take the voucher off.'''\n        return amount - self.voucher\n",
    "shop/stock.py": "def reserve(item, count):\n    '''Hold an item in the warehouse.'''\n    lock(item)\n",
    "shop/__init__.py": "from .cart import Cart\nvoucher = None\n",
    "tests/test_cart.py": "def test_the_voucher_is_taken_off():\n    voucher discounted voucher amount\n",
    "web/src/main/java/com/acme/Api.java": "class Api {\n  void post() {\n    stock.reserve();\n  }\n}\n",
    "deploy/values.yaml": "voucher: on\n",
}


@pytest.fixture
def places(index: SourceIndex, tmp_path: Path):
    root = tmp_path / "repo"
    for path, text in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    tree = index.add_folder("repo", Roots([root])).tree

    def found(report: str, limit: int = 20) -> list[Place]:
        return localise(index, [tree], report, limit)

    return found


def paths(found: list[Place]) -> list[str]:
    return [place.path for place in found]


def test_words_lead_to_the_function_that_they_describe(places) -> None:
    first = places("The voucher is not taken off the amount")[0]
    assert first.path == "shop/cart.py"
    assert first.units[0].name == "Cart.discounted"
    assert first.reasons == ()


def test_tests_stand_apart_unless_they_are_named(places) -> None:
    assert "tests/test_cart.py" not in paths(places("voucher discounted"))
    assert paths(places("voucher fails\nsee tests/test_cart.py"))[0] == "tests/test_cart.py"


def test_a_frame_leads_to_its_function_and_line(places) -> None:
    report = 'Voucher lost\n  File "/srv/app/shop/stock.py", line 3, in reserve\n'
    first = places(report)[0]
    assert (first.path, first.lines) == ("shop/stock.py", (3,))
    assert first.units[0].name == "reserve"
    assert first.reasons == ("a frame of a stack trace is in it",)


def test_a_java_frame_finds_its_file_by_the_package(places) -> None:
    first = places("NullPointerException\n\tat com.acme.Api.post(Api.java:3)\n")[0]
    assert (first.path, first.lines, first.units[0].name) == ("web/src/main/java/com/acme/Api.java", (3,), "Api.post")


def test_a_test_that_met_the_fault_comes_after_what_it_called(index: SourceIndex, tmp_path: Path) -> None:
    main, test = "src/main/java/com/acme/text/Joiner.java", "src/test/java/com/acme/text/JoinerTest.java"
    other = "src/main/java/com/acme/text/Splitter.java"
    files = {
        main: "class Joiner {\n  static class Row {\n    String add() {\n      return join(null);\n    }\n  }\n}\n",
        test: "class JoinerTest {\n  void testJoin() {\n    new Joiner.Row().add();\n  }\n}\n",
        other: "class Splitter {\n  void join() {}\n}\n",
    }
    for path, text in files.items():
        (tmp_path / "repo" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "repo" / path).write_text(text)
    tree = index.add_folder("repo", Roots([tmp_path / "repo"])).tree
    thrown = localise(
        index,
        [tree],
        "java.lang.NullPointerException\n\tat com.acme.text.Joiner$Row.add(Joiner.java:4)\n"
        "\tat com.acme.text.JoinerTest.testJoin(JoinerTest.java:3)\n"
        "\tat java.base/jdk.internal.reflect.DirectMethodHandleAccessor.invoke(DirectMethodHandleAccessor.java:103)\n",
    )
    assert (thrown[0].path, thrown[0].lines, thrown[0].units[0].name) == (main, (4,), "Joiner.Row.add")
    assert paths(thrown).index(test) > 0
    asserted = localise(
        index,
        [tree],
        "junit.framework.ComparisonFailure: expected:<[a]> but was:<[b]>\n\tat junit.framework.Assert.assertEquals"
        "(Assert.java:100)\n\tat com.acme.text.JoinerTest.testJoin(JoinerTest.java:3)\n",
    )
    assert asserted[0].path == main


def test_a_module_that_is_named_goes_before(places) -> None:
    named = places("shop.stock.reserve is slow")[0]
    assert (named.path, named.reasons) == ("shop/stock.py", ("its module is named",))


def test_what_only_gathers_names_comes_after_what_defines_them(places) -> None:
    found = paths(places("voucher of the shop's Cart"))
    assert found.index("shop/cart.py") < found.index("shop/__init__.py")


def test_the_limit_holds_and_nothing_is_found_for_nothing(places) -> None:
    assert len(places("voucher item amount", 2)) == 2
    assert places("") == []
    assert places("zzzz qqqq") == []


def test_a_report_that_looks_like_a_query_is_only_words(places) -> None:
    assert paths(places("voucher\" OR body:* NEAR(x) -- ' ; DROP TABLE units"))[0] == "shop/cart.py"


def test_sections_that_say_where_it_ran_do_not_count(places) -> None:
    plain = places("voucher is lost")
    assert paths(places("voucher is lost\n### Environment\nwarehouse item reserve hold stock")) == paths(plain)
