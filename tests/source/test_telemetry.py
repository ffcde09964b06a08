"""Spans and log lines lead to the code that they come from."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from deep_code_reasoning.source import Roots
from deep_code_reasoning.source.hints import Frame
from deep_code_reasoning.source.index import SourceIndex
from deep_code_reasoning.source.log_statements import HOLE, wrote
from deep_code_reasoning.source.outline import outline
from deep_code_reasoning.source.telemetry import code_frame, log_origins

# A file of each language, and what its log statements say: (line, template with * for a hole).
STATEMENTS = {
    "a.py": (
        'logger.info("cart %s paid by %(who)s", c)\nself.log.error("lost " + what + "\\tnow")\n'
        'logging.log(logging.INFO, f"took {ms:.1f} ms")\nLOG.warning(\n  "one "\n  "two {} three".format(x))\n'
        'print("no log")\nlogger.info(value)\nmath.log("no log of ours", 2)\nlogger.debug("%d items" % n)\n',
        [(1, "cart * paid by *"), (2, "lost *\tnow"), (3, "took * ms"), (4, "one two * three"), (9, "no log of ours"),
         (10, "* items")],
    ),
    "A.java": (
        'class A { void a() {\n  log.info("cart {} paid", id);\n  LOGGER.error("lost " + what, e);\n'
        '  logger.warn(String.format("took %d ms", ms));\n  list.add("no log");\n} }\n',
        [(2, "cart * paid"), (3, "lost *"), (4, "took * ms")],
    ),
    "a.js": (
        "console.log(`cart ${id} paid`);\n"
        "logger.error('lost ' + what);\nlog.warn({ id }, 'took %d ms', ms);\nalert('no');\n",
        [(1, "cart * paid"), (2, "lost *"), (3, "took * ms")],
    ),
    "a.ts": ("this.logger.info(`cart ${id} paid`);\nlog.debug('plain text');\n",
             [(1, "cart * paid"), (2, "plain text")]),
    "a.go": (
        'package a\nfunc f() {\n  log.Printf("cart %+v paid\\n", id)\n'
        '  slog.ErrorContext(ctx, "lost cart", "id", id)\n'
        '  s.logger.Warnf(`took %d ms`, ms)\n  logrus.WithField("a", 1).Info("with field")\n'
        '  fmt.Println("no log")\n}\n',
        [(3, "cart * paid"), (4, "lost cart"), (5, "took * ms"), (6, "with field")],
    ),
    "A.cs": (
        'class A { void F() {\n  _logger.LogInformation("cart {CartId} paid", id);\n'
        '  log.Error(ex, $"lost {what} now");\n'
        '  logger.LogWarning(@"took {0:N1} ms", ms);\n  Console.WriteLine("to nobody");\n} }\n',
        [(2, "cart * paid"), (3, "lost * now"), (4, "took * ms")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("path", STATEMENTS)
def test_log_statements_become_templates(path: str) -> None:
    text, expected = STATEMENTS[path]
    found = outline(path, text.encode()).statements
    assert [(statement.line, statement.template.replace(HOLE, "*")) for statement in found] == expected


@pytest.mark.parametrize(
    ("template", "message", "fits"),
    [
        ("cart * paid", "cart 7 paid", True), ("cart * paid", "cart  paid", True), ("cart * paid", "cart paid", False),
        ("cart * paid", "a cart 7 paid", False), ("* paid", "cart 7 paid", True), ("cart *", "cart 7 paid", True),
        ("a*a", "a", False), ("a * b * c", "a 1 b 2 b 3 c", True), ("a * b * c", "a c b", False),
        ("plain", "plain", True),
    ],
)  # fmt: skip
def test_a_message_fits_a_template(template: str, message: str, fits: bool) -> None:
    assert wrote(template.replace("*", HOLE), message) is fits


@pytest.fixture
def tree(index: SourceIndex, tmp_path: Path) -> int:
    files = {
        "shop/cart.py": 'log.info("cart %s paid", c)\nlog.info("item %s of cart %s paid", i, c)\nlog.info("%s", x)\n',
        "shop/order.py": 'x = 1\nlog.info("cart %s paid", c)\n',
        "api/Pay.java": 'class Pay { void f() { log.error("payment {} refused by {}", id, bank); } }\n',
    }
    for path, text in files.items():
        (tmp_path / "repo" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "repo" / path).write_text(text)
    return index.add_folder("repo", Roots([tmp_path / "repo"])).tree


def origins(index: SourceIndex, tree: int, message: str, logger: str = "") -> list[str]:
    return [f"{found.path}:{found.line}" for found in log_origins(index, [tree], message, logger)]


def test_a_line_leads_to_the_statement_with_the_most_constant_text(index: SourceIndex, tree: int) -> None:
    assert origins(index, tree, "item 7 of cart 9 paid")[0] == "shop/cart.py:2"
    assert origins(index, tree, "payment 8 refused by ACME") == ["api/Pay.java:1"]
    assert origins(index, tree, "nothing of ours") == []


def test_the_logger_tells_equal_statements_apart(index: SourceIndex, tree: int) -> None:
    assert origins(index, tree, "cart 7 paid") == ["shop/cart.py:1", "shop/order.py:2"]
    assert origins(index, tree, "cart 7 paid", "shop.order") == ["shop/order.py:2", "shop/cart.py:1"]


def test_what_stands_before_a_message_does_not_matter(index: SourceIndex, tree: int) -> None:
    (found,) = log_origins(index, [tree], "2026-11-25T10:00:00Z ERROR [main] c.a.Pay - payment 8 refused by ACME")
    assert (found.path, found.line, found.whole) == ("api/Pay.java", 1, False)


def test_current_and_deprecated_attributes_say_the_same() -> None:
    current = {"code.file.path": "/app/cart.py", "code.line.number": "40", "code.function.name": "Cart.pay"}
    old = {"code.filepath": "/app/cart.py", "code.lineno": "40", "code.function": "pay", "code.namespace": "Cart"}
    assert code_frame(current) == code_frame(old) == Frame("/app/cart.py", 40, "Cart.pay")
    assert code_frame({"code.function": "pay", "code.lineno": "-"}) == Frame("", None, "pay")
    assert code_frame({"http.route": "/cart"}) is None


def test_no_template_and_no_message_take_long() -> None:
    started = time.process_time()
    assert not wrote(HOLE.join("a" * 2_000), "a" * 1_999 + "b" * 100_000)
    deep = b"log.info(" + b"(" * 3_000 + b'"text"' + b")" * 3_000 + b")\n"
    assert outline("a.py", deep + b'log.info("a"' + b' + "b"' * 3_000 + b")\n").statements is not None
    assert time.process_time() - started < 5
