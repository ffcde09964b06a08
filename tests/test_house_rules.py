"""What machines can hold of the house's habits (the rest is in CONTRIBUTING.md)."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from deep_code_reasoning.detectors import runner
from deep_code_reasoning.domain.mechanisms import MECHANISMS
from deep_code_reasoning.readers import registry

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "deep_code_reasoning"
MODULES = sorted(SOURCE.rglob("*.py"))
MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 50
# Where any error becomes a message: the outermost frames of the command line, of a tool, of a worker process.
MAY_CATCH_EVERYTHING = {"cli/main.py", "server/serve.py", "server/worker.py"}
DETECTOR_SECTIONS = ("Looks for", "Why it matters", "Stays silent when", "Example finding")


def name_of(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


@dataclass(frozen=True)
class Habits:
    """What the rules ask of a module; its tree would take a megabyte."""

    has_docstring: bool
    long_functions: list[tuple[str, int]]
    catches_everything: bool
    prints: bool


def habits_of(tree: ast.Module) -> Habits:
    nodes = list(ast.walk(tree))
    lengths = [(n.name, length_of(n)) for n in nodes if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    return Habits(
        has_docstring=bool(ast.get_docstring(tree)),
        long_functions=[(name, lines) for name, lines in lengths if lines > MAX_FUNCTION_LINES],
        catches_everything=any(isinstance(node, ast.ExceptHandler) and catches_everything(node) for node in nodes),
        prints=any(isinstance(node, ast.Call) and writes_to_stdout(node.func) for node in nodes),
    )


def length_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (function.end_lineno or 0) - body[0].lineno + 1 if body else 0


def catches_everything(handler: ast.ExceptHandler) -> bool:
    caught = ast.unparse(handler.type) if handler.type else "Exception"
    words = set(caught.replace("(", " ").replace(")", " ").replace(",", " ").split())
    reraises = any(isinstance(inner, ast.Raise) and inner.exc is None for inner in handler.body)
    return not words.isdisjoint({"Exception", "BaseException"}) and not reraises


def writes_to_stdout(function: ast.expr) -> bool:
    if isinstance(function, ast.Attribute):
        return function.attr == "write" and ast.unparse(function) == "sys.stdout.write"
    return isinstance(function, ast.Name) and function.id == "print"


@pytest.fixture(scope="module")
def habits() -> dict[str, Habits]:
    return {name_of(path): habits_of(ast.parse(path.read_text("utf-8"))) for path in MODULES}


def test_modules_are_short_enough_to_be_read_at_once() -> None:
    long = {name_of(path): n for path in MODULES if (n := len(path.read_text("utf-8").splitlines())) > MAX_MODULE_LINES}
    assert long == {}


def test_functions_are_short_enough_to_be_understood_at_once(habits: dict[str, Habits]) -> None:
    assert {name: module.long_functions for name, module in habits.items() if module.long_functions} == {}


def test_only_the_outermost_frames_catch_everything(habits: dict[str, Habits]) -> None:
    assert {name for name, module in habits.items() if module.catches_everything} <= MAY_CATCH_EVERYTHING


def test_nothing_prints_outside_the_command_line(habits: dict[str, Habits]) -> None:
    assert {name for name, module in habits.items() if module.prints and not name.startswith("cli/")} == set()


def test_every_module_says_what_it_is(habits: dict[str, Habits]) -> None:
    assert [name for name, module in habits.items() if not module.has_docstring] == []


def test_help_loads_neither_the_engine_nor_anything_else_that_is_heavy() -> None:
    code = (
        "import sys\nfrom click.testing import CliRunner\nfrom deep_code_reasoning.cli.main import cli\n"
        "assert CliRunner().invoke(cli, ['--help']).exit_code == 0\n"
        "heavy = {'chdb._chdb', 'pyarrow', 'pandas', 'numpy', 'rich', 'sqlglot', 'pydantic', 'sqlalchemy',\n"
        "         'sandlock', 'tree_sitter',\n"
        "         'mcp', 'mcp_types'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("detector", runner.detectors(), ids=lambda detector: detector.code)
def test_a_detector_has_the_shape_of_a_detector(detector: runner.Detector) -> None:
    module = sys.modules[detector.detect.__module__]
    assert module.__name__.endswith(f".detectors.{detector.code}")
    assert [section for section in DETECTOR_SECTIONS if section not in (module.__doc__ or "")] == []
    assert set(detector.mechanisms) <= MECHANISMS.keys()
    assert detector.settings.__dataclass_params__.frozen


def test_no_detector_knows_another() -> None:
    detectors = {f"deep_code_reasoning.detectors.{name}" for name in runner.MODULES}
    known = {}
    for path in MODULES:
        package = ".".join(path.relative_to(SOURCE.parent).parent.parts)
        imports = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.ImportFrom)]
        names = {importlib.util.resolve_name("." * node.level + (node.module or ""), package) for node in imports}
        if names & detectors:
            known[name_of(path)] = names & detectors
    assert known == {}


def test_codes_are_unique() -> None:
    codes = [detector.code for detector in runner.detectors()]
    formats = [reader.format for reader in registry.readers()]
    assert len(set(codes)) == len(codes)
    assert len(set(formats)) == len(formats)


@pytest.fixture(scope="module")
def kinds() -> set[str]:
    return {kind.code for detector in runner.detectors() for kind in detector.kinds}


def constants_in(*nodes: ast.AST | None) -> set[str]:
    found = (inner for node in nodes if node is not None for inner in ast.walk(node))
    return {node.value for node in found if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def test_every_code_of_a_finding_is_declared_once(kinds: set[str]) -> None:
    told: set[str] = set()
    for path in (SOURCE / "detectors").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Finding":
                told |= constants_in(*node.args[:1], *(word.value for word in node.keywords if word.arg == "code"))
    assert {code for code in told if "." in code.strip(".")} <= kinds
    assert len(kinds) == sum(len(detector.kinds) for detector in runner.detectors())


def test_ranking_keeps_no_list_of_codes(kinds: set[str]) -> None:
    listed = {}
    for path in (SOURCE / "ranking").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            entries = node.keys if isinstance(node, ast.Dict) else getattr(node, "elts", ())
            if codes := kinds & {entry.value for entry in entries if isinstance(entry, ast.Constant)}:
                listed[path.name] = codes
    assert listed == {}


def test_a_code_that_findings_are_compared_with_is_one_that_is_declared(kinds: set[str]) -> None:
    compared = set()
    for room in ("ranking", "report", "packing", "app"):
        for path in (SOURCE / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Compare) and ast.unparse(node.left).endswith(".code"):
                    compared |= constants_in(*node.comparators)
    assert len(compared) > 10
    assert compared <= kinds


def test_tests_go_through_the_front_door() -> None:
    """What a test imports or sets is public (that it asks nothing of a private member, ruff holds)."""
    private = re.compile(r"from deep_code_reasoning\S* import .*\b_[a-zA-Z]|[gs]etattr\(.*[\"'.]_[a-zA-Z]\w*[\"'],")
    used = {}
    for path in (ROOT / "tests").rglob("*.py"):
        if found := private.findall(path.read_text("utf-8")):
            used[path.relative_to(ROOT).as_posix()] = found
    assert used == {}


def test_every_room_is_on_the_map() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
    rooms = {path.name for path in SOURCE.iterdir() if path.is_dir() and (path / "__init__.py").is_file()}
    assert {room for room in rooms if f"`{room}/`" not in text} == set()


def test_no_file_names_a_path_of_one_machine() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    forbidden = re.compile(r"(?<![\w.)])/(?:home|root|Users)/\w")  # paths of one machine
    named = {}
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.suffix in {".py", ".md", ".toml", ".txt", ".yaml", ".yml", ".json"} or path.name in {"Makefile", "run"}:
            text = path.read_text("utf-8", "replace") if path.is_file() else ""
            hits = forbidden.findall(text)
            if hits:
                named[name] = hits
    assert named == {}
