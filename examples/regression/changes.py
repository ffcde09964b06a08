"""What everybody else does all week: harmless commits, and decoys that look as if they might have done it."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from string import Template

from .blueprint import Files, Repository

Change = tuple[Files, str]  # the files that changed, and the message
VERBS = "format parse merge split count group filter trim convert compare".split()
NOUNS = "address amount label country locale voucher parcel invoice period reason channel rating photo summary".split()
ENDINGS = {"python": ".py", "typescript": ".ts", "go": ".go", "java": ".java"}
MANIFESTS = {"python": "requirements.txt", "typescript": "package.json", "go": "go.mod", "java": "pom.xml"}

HELPERS = {
    "python": Template('''

def $snake(value):
    """$said."""
    return str(value).strip()
'''),
    "typescript": Template("""
// $said.
export function $camel(value: string) {
  return value.trim();
}
"""),
    "go": Template("""
// $camel does this: $said.
func $camel(value string) string {
	return strings.TrimSpace(value)
}
"""),
    "java": Template("""package $package;

/** $said. */
public final class $upper {
    public static String of(String value) {
        return value.strip();
    }
}
"""),
}  # fmt: skip
TESTS = {
    "python": Template("""

def test_${noun}_$number() -> None:
    assert str($number) == "$number"
"""),
    "typescript": Template("""
test('$noun $number', () => expect(String($number)).toBe('$number'));
"""),
    "go": Template("""
func Test$upper$number(t *testing.T) {
	if $number < 0 {
		t.Fatal()
	}
}
"""),
}  # fmt: skip
EXPORT = Template("""

def export_${noun}s_$number(ids):
    return [repository.$function(each) for each in ids]
""")
ADMIN = Template("""package main

import "sync"

var rebuild$upper sync.Mutex

// Rebuild$upper is called by an administrator.
func (s *Server) Rebuild$upper() {
	rebuild$upper.Lock()
	defer rebuild$upper.Unlock()
}
""")
COPY = Template("""test('$noun', () => {
  const copy = JSON.parse(JSON.stringify({ $noun: 1 }));
  expect(copy.$noun).toBe(1);
});
""")
STARTUP = Template("""package $package;

/** Tries to reach the broker when the process starts. */
final class Startup {
    static final int RETRIES = $number;
    static final int TIMEOUT_MS = ${number}000;
}
""")


def innocent(repository: Repository, files: Files, chance: random.Random) -> Change:
    """A change that does nothing to how fast requests are."""
    while True:
        change = chance.choice(_INNOCENT)(repository, files, chance)
        if change and any(files.get(path) != text for path, text in change[0].items()):
            return change


def decoy(repository: Repository, files: Files, chance: random.Random) -> Change | None:
    """A change of a suspicious kind at a place where it cannot matter; None when the repository has no such place."""
    for make in chance.sample(_DECOYS, len(_DECOYS)):
        change = make(repository, files, chance)
        if change and any(files.get(path) != text for path, text in change[0].items()):
            return change
    return None


def _package(files: Files) -> tuple[str, str]:
    """Folder and name of the Java package."""
    folder = next(path for path in files if path.endswith("/Settings.java")).rpartition("/")[0]
    return folder, folder.partition("java/")[2].replace("/", ".")


def _settings(files: Files) -> str:
    return next(path for path in files if path.lower().rpartition("/")[2].startswith("settings."))


def _words(chance: random.Random) -> dict[str, str]:
    verb, noun = chance.choice(VERBS), chance.choice(NOUNS)
    return {
        "snake": f"{verb}_{noun}", "camel": verb + noun.title(), "upper": verb.title() + noun.title(), "noun": noun,
        "said": f"{verb.title()} the {noun}", "number": str(chance.randint(100, 999)),
    }  # fmt: skip


def _helper(repository: Repository, files: Files, chance: random.Random) -> Change:
    words = _words(chance)
    text = HELPERS[repository.language]
    if repository.language == "java":
        folder, package = _package(files)
        return {f"{folder}/{words['upper']}.java": text.substitute(words, package=package)}, words["said"]
    folder = next((path.partition("/")[0] + "/" for path in files if path.endswith("/__init__.py")), "")
    path, head = {
        "python": (f"{folder}formatting.py", '"""Small things that are shown."""\n'),
        "typescript": ("src/formatting.ts", "// Small things that are shown.\n"),
        "go": ("formatting.go", 'package main\n\nimport "strings"\n'),
    }[repository.language]
    return {path: files.get(path, head) + text.substitute(words)}, words["said"]


def _test(repository: Repository, files: Files, chance: random.Random) -> Change | None:
    path = next((path for path in files if "test" in path), None)
    if path is None:
        return None
    words = _words(chance)
    return {path: files[path] + TESTS[repository.language].substitute(words)}, f"Test the {words['noun']}"


def _document(repository: Repository, files: Files, chance: random.Random) -> Change:
    noun = chance.choice(NOUNS)
    line = f"\nThe {noun} is shown as it was entered; see ticket {chance.randint(1000, 9999)}.\n"
    message = chance.choice((f"Document the {noun}", f"Say how the {noun} is shown", "Update the README"))
    return {"README.md": files["README.md"] + line}, message


def _bump(repository: Repository, files: Files, chance: random.Random) -> Change | None:
    path = MANIFESTS[repository.language]
    numbers = list(re.finditer(r"(\d+)\.(\d+)\.(\d+)", files[path]))
    if not numbers:
        return None
    chosen, text = chance.choice(numbers), files[path]
    changed = f"{chosen[1]}.{chosen[2]}.{int(chosen[3]) + 1}"
    return {path: text[: chosen.start()] + changed + text[chosen.end() :]}, f"Bump a dependency to {changed}"


def _comment(repository: Repository, files: Files, chance: random.Random) -> Change:
    ending = ENDINGS[repository.language]
    path = chance.choice(sorted(path for path in files if path.endswith(ending) and "test" not in path))
    mark = "#" if repository.language == "python" else "//"
    noun = chance.choice(NOUNS)
    line = f"{mark} The {noun} follows the style guide, section {chance.randint(1, 40)}.\n"
    return {path: f"{files[path].rstrip()}\n{line}"}, f"Comment on the {noun}"


def _house_keeping(repository: Repository, files: Files, chance: random.Random) -> Change | None:
    """A setting that no request depends on."""
    path = _settings(files)
    names = r"(?i:metrics_?interval_?s|shutdown_?grace_?ms)"
    found = list(re.finditer(rf"({names}\s*[=:]\s*)(\d+)", files[path]))
    if not found:
        return None
    chosen, text = chance.choice(found), files[path]
    number = int(chosen[2]) + chance.choice((5, 10, 100))
    return {path: text[: chosen.start(2)] + str(number) + text[chosen.end(2) :]}, "Tune the intervals of housekeeping"


Make = Callable[[Repository, Files, random.Random], Change | None]
_INNOCENT: tuple[Make, ...] = (_helper, _helper, _test, _document, _bump, _comment, _house_keeping)


# -- decoys ------------------------------------------------------------------------------------------------------------


def _new_index(repository: Repository, files: Files, chance: random.Random) -> Change | None:
    tables = [table for path in sorted(files) for table in re.findall(r"CREATE TABLE (\w+)", files[path])]
    if not tables:
        return None
    table = chance.choice(tables)
    path = f"migrations/{10 + sum(path.startswith('migrations/') for path in files):03}_index.sql"
    return {path: f"CREATE INDEX idx_{table}_created ON {table} (created);\n"}, f"Index {table} by date"


def _loop_in_a_job(repository: Repository, files: Files, chance: random.Random) -> Change | None:
    """A query in a loop, in an export that somebody runs by hand once a month."""
    statements = next((path for path in files if path.endswith("/repository.py")), None)
    if statements is None:
        return None
    package = statements.partition("/")[0]
    path = f"{package}/monthly_export.py"
    words = _words(chance)
    head = f'"""Run by hand, once a month."""\n\nfrom {package} import repository\n'
    function = re.findall(r"^def (\w+)", files[statements], re.MULTILINE)[-1]
    text = files.get(path, head) + EXPORT.substitute(words, function=function)
    return {path: text}, f"Export the {words['noun']}s of each account"


def _batch_of_reports(repository: Repository, files: Files, chance: random.Random) -> Change | None:
    path = _settings(files)
    found = re.search(r"((?i:report_?batch_?size)\s*[=:]\s*)(\d+)", files[path])
    if not found:
        return None
    changed = found[1] + str(chance.choice((1, 5, 20, 100)))
    return {path: files[path].replace(found[0], changed)}, "Smaller batches for reports"


def _admin_lock(repository: Repository, files: Files, chance: random.Random) -> Change | None:
    if repository.language != "go":
        return None
    noun = chance.choice(NOUNS)
    return {f"admin_{noun}.go": ADMIN.substitute(upper=noun.title())}, f"One rebuild of the {noun} at a time"


def _deep_copy_in_a_test(repository: Repository, files: Files, chance: random.Random) -> Change | None:
    if repository.language != "typescript":
        return None
    noun = chance.choice(NOUNS)
    return {f"test/{noun}.test.ts": COPY.substitute(noun=noun)}, f"Copy the {noun} deeply in tests"


def _retries_at_start(repository: Repository, files: Files, chance: random.Random) -> Change | None:
    if repository.language != "java":
        return None
    folder, package = _package(files)
    text = STARTUP.substitute(package=package, number=chance.randint(2, 9))
    return {f"{folder}/Startup.java": text}, "Retry longer at start"


_DECOYS: tuple[Make, ...] = (
    _new_index, _loop_in_a_job, _batch_of_reports, _admin_lock, _deep_copy_in_a_test, _retries_at_start,
)  # fmt: skip
