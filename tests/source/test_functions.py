"""Functions with their calls, in several languages."""

from __future__ import annotations

import pytest

from deep_code_reasoning.source.functions import Function, function_at, functions
from deep_code_reasoning.source.roots import SourceFile, SourcePath

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
    ("path", "source", "expected"),
    [
        ("a.py", PYTHON, [("f", 2, 8, ["g", "h"]), ("g", 10, 10, [])]),
        ("a.go", GO, [("Handle", 1, 7, ["load", "fail", "save"])]),
        ("a.java", JAVA, [("find", 2, 8, ["query"])]),
        ("a.ts", TYPESCRIPT, [("load", 1, 3, ["fetchItem"]), ("save", 4, 6, ["store"])]),
        ("a.rs", RUST, [("handle", 1, 4, ["load", "respond"])]),
        ("a.rb", RUBY, [("charge", 1, 3, ["pay"])]),
        ("a.py", "", []),
        ("a.txt", "no code here: just (text)\n", []),
    ],
)
def test_functions_are_found_with_their_calls(
    path: str, source: str, expected: list[tuple[str, int, int, list[str]]]
) -> None:
    found = _functions(path, source)
    assert [(f.name, f.first, f.last, [name for name, _ in f.calls]) for f in found] == expected


def test_the_innermost_function_around_a_line_is_taken() -> None:
    found = _functions("a.py", "def outer():\n    def inner():\n        return 1\n    return inner()\n")
    assert function_at(found, 3).name == "inner"  # type: ignore[union-attr]
    assert function_at(found, 4).name == "outer"  # type: ignore[union-attr]
    assert function_at(found, 1, "inner").name == "inner"  # type: ignore[union-attr]
    assert function_at(found, 5) is None


def _functions(path: str, source: str) -> list[Function]:
    return functions(SourceFile(SourcePath("repo", path), source))
