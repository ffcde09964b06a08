"""Functions as plain text tells them, in several languages."""

from __future__ import annotations

import pytest

from deep_code_reasoning.source.outline import function_at, functions

PYTHON = "class A:\n    async def f(self, x):\n        if x:\n            g(x)\n\n        return h(\n            x\n        )\n\ndef g(x): return x\n"
GO = 'func (s *Server) Handle(r *Request) error {\n\tuser := s.load(r)\n\tif user == nil {\n\t\treturn fail("}")\n\t}\n\treturn s.save(user)\n}\n'
JAVA = "class A {\n    @Override\n    public List<String> find(String id) throws IOException {\n        for (String x : ids) {\n            repo.query(x);\n        }\n        return null;\n    }\n}\n"
TYPESCRIPT = "export const load = async (id: string): Promise<void> => {\n  await fetchItem(id);\n};\nexport async function save(id) {\n  return store(id);\n}\n"
RUST = "pub async fn handle(req: Request) -> Response {\n    let user = load(&req);\n    respond(user)\n}\n"
RUBY = "  def charge(order)\n    gateway.pay(order)\n  end\n"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (PYTHON, [("f", 2, 8, ["g", "h"]), ("g", 10, 10, [])]),
        (GO, [("Handle", 1, 7, ["load", "fail", "save"])]),
        (JAVA, [("find", 3, 8, ["query"])]),
        (TYPESCRIPT, [("load", 1, 3, ["fetchItem"]), ("save", 4, 6, ["store"])]),
        (RUST, [("handle", 1, 4, ["load", "respond"])]),
        (RUBY, [("charge", 1, 3, ["pay"])]),
        ("", []),
        ("no code here: just (text)\n", []),
    ],
)
def test_functions_are_found_with_their_calls(source: str, expected: list[tuple[str, int, int, list[str]]]) -> None:
    found = functions(source.split("\n"))
    assert [(f.name, f.first, f.last, [name for name, _ in f.calls]) for f in found] == expected


def test_the_innermost_function_around_a_line_is_taken() -> None:
    lines = "def outer():\n    def inner():\n        return 1\n    return inner()\n".split("\n")
    assert function_at(lines, 3).name == "inner"  # type: ignore[union-attr]
    assert function_at(lines, 4).name == "outer"  # type: ignore[union-attr]
    assert function_at(lines, 1, "inner").name == "inner"  # type: ignore[union-attr]
    assert function_at(lines, 5) is None
