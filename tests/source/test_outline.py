"""What each language's files are cut into."""

from __future__ import annotations

import pytest

from deep_code_reasoning.source.languages import LANGUAGES, is_searched, language_of
from deep_code_reasoning.source.outline import Outline, outline

# A class with a method that calls, and a function; (path, text, names in the order of their lines, a call of one).
CASES = {
    "python": ("a.py", "class Cart:\n  @cached\n  def total(self):\n    return add(1)\n\ndef free():\n  pass\n",
               ["Cart", "Cart.total", "free"], ("Cart.total", "add")),
    "javascript": ("a.mjs", "class Cart {\n  total() { return this.sum.add(1) }\n}\nexport const free = () => 1\n",
                   ["Cart", "Cart.total", "free"], ("Cart.total", "add")),
    "typescript": ("a.ts", "interface Item { id: string }\nexport class Cart {\n  total() { return add(1) }\n}\n"
                   "function free(): void {}\n", ["Item", "Cart", "Cart.total", "free"], ("Cart.total", "add")),
    "tsx": ("a.tsx", "class Cart {\n  total() { return add(<b/>) }\n}\nfunction Free() { return <p>hi</p> }\n",
            ["Cart", "Cart.total", "Free"], ("Cart.total", "add")),
    "java": ("A.java", "class Cart {\n  Cart() {}\n  int total() { return sum.add(1); }\n}\nrecord Item(int id) {}\n",
             ["Cart", "Cart.Cart", "Cart.total", "Item"], ("Cart.total", "add")),
    "kotlin": ("A.kt", "class Cart {\n  fun total() = sum.add(1)\n}\nfun free() {}\n",
               ["Cart", "Cart.total", "free"], ("Cart.total", "add")),
    "go": ("a.go", "package a\ntype Cart struct{}\nfunc (c *Cart) Total() { c.sum.Add(1) }\nfunc free() {}\n",
           ["Cart", "Total", "free"], ("Total", "Add")),
    "csharp": ("A.cs", "class Cart {\n  public Cart() {}\n  void Total() { sum.Add(1); }\n}\nrecord Item(int Id);\n",
               ["Cart", "Cart.Cart", "Cart.Total", "Item"], ("Cart.Total", "Add")),
    "ruby": ("a.rb", "class Cart\n  def total\n    sum.add(1)\n  end\n  def self.make\n  end\nend\n",
             ["Cart", "Cart.total", "Cart.make"], ("Cart.total", "add")),
    "php": ("a.php", "<?php\nclass Cart {\n  function total() { return $this->sum->add(1); }\n}\nfunction free() {}\n",
            ["Cart", "Cart.total", "free"], ("Cart.total", "add")),
    "rust": ("a.rs", "struct Cart;\nimpl Cart {\n  fn total(&self) -> i32 { self.sum.add(1) }\n}\nfn free() {}\n",
             ["Cart", "Cart", "Cart.total", "free"], ("Cart.total", "add")),
    "c": ("a.c", "struct cart { int sum; };\nint total(int c) { return add(c); }\nchar *name(void) { return 0; }\n",
          ["cart", "total", "name"], ("total", "add")),
    "cpp": ("a.cpp", "class Cart {\n  int total() { return sum.add(1); }\n};\nint Cart::free() { return 0; }\n",
            ["Cart", "Cart.total", "Cart::free"], ("Cart.total", "add")),
}  # fmt: skip


def names(found: Outline) -> list[str]:
    return [unit.name for unit in found.units if unit.kind != "module"]


def test_every_language_has_a_case() -> None:
    assert CASES.keys() == {language.name for language in LANGUAGES}


@pytest.mark.parametrize("language", CASES)
def test_definitions_and_calls_are_found(language: str) -> None:
    path, text, expected, (caller, called) = CASES[language]
    found = outline(path, text.encode())
    assert found.language == language
    assert names(found) == expected
    (unit,) = (unit for unit in found.units if unit.name == caller)
    assert called in {name for name, _ in unit.calls}


@pytest.mark.parametrize("language", CASES)
def test_broken_code_keeps_what_comes_before_the_fault(language: str) -> None:
    path, text, expected, _ = CASES[language]
    found = outline(path, f"{text}\n)]}} \x01 \udcff".encode("utf-8", "surrogateescape"))
    assert expected[0] in names(found)


@pytest.mark.parametrize("language", CASES)
def test_each_line_belongs_to_one_unit(language: str) -> None:
    path, text, _, _ = CASES[language]
    found = outline(path, text.encode())
    shared = [line for unit in found.units for line in unit.body.split("\n") if unit.body]
    assert sorted(filter(None, shared)) == sorted(filter(None, text.split("\n")))


def test_a_function_within_a_function_belongs_to_the_outer_one() -> None:
    found = outline("a.py", b"def outer():\n    def inner():\n        call()\n    return inner\n")
    assert names(found) == ["outer"]
    assert [unit.calls for unit in found.units if unit.name == "outer"] == [[("call", 3)]]


def test_a_decorator_and_an_export_are_part_of_what_they_decorate() -> None:
    found = outline("a.py", b"x = 1\n@app.get('/cart')\ndef cart():\n    pass\n")
    assert [(unit.first_line, unit.last_line) for unit in found.units if unit.name == "cart"] == [(2, 4)]


def test_minified_code_is_left_out_with_a_note() -> None:
    found = outline("app.min.js", b"function a(){return 1};" * 1000)
    assert found.units == ()
    assert found.note == "its lines are too long to be written by people"


@pytest.mark.parametrize("path", ["a.py", "A.java", "a.cpp", "a.rb", "a.ts"])
def test_deep_nesting_is_read_in_time_and_does_not_crash(path: str) -> None:
    for nested in (b"{\n", b"f(\n", b"class A {\n", b"if (x) [\n"):
        assert outline(path, nested * 5_000).lines == 5_001


def test_a_file_without_a_grammar_is_one_unit() -> None:
    found = outline("schema.sql", b"create table cart (id int);\n")
    assert [(unit.kind, unit.first_line, unit.last_line) for unit in found.units] == [("module", 1, 2)]


def test_prose_and_data_are_not_searched() -> None:
    assert [path for path in ("README.md", "data.csv", "logo.png", "x.lock", ".py") if is_searched(path)] == []
    assert is_searched("deploy/Dockerfile")
    assert is_searched("values.yaml")
    assert language_of("values.yaml") is None
