"""Functions as plain text tells them, in several languages."""

from __future__ import annotations

import pytest

from deep_code_reasoning.source.functions import function_at, functions

PYTHON = """\
class A:
    async def f(self, x):
        if x:
            g(x)

        return h(
            x
        )

def g(x): return x
"""
GO = """\
func (s *Server) Handle(r *Request) error {
	user := s.load(r)
	if user == nil {
		return fail("}")
	}
	return s.save(user)
}
"""
JAVA = """\
class A {
    @Override
    public List<String> find(String id) throws IOException {
        for (String x : ids) {
            repo.query(x);
        }
        return null;
    }
}
"""
TYPESCRIPT = """\
export const load = async (id: string): Promise<void> => {
  await fetchItem(id);
};
export async function save(id) {
  return store(id);
}
"""
RUST = """\
pub async fn handle(req: Request) -> Response {
    let user = load(&req);
    respond(user)
}
"""
RUBY = """\
  def charge(order)
    gateway.pay(order)
  end
"""


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
