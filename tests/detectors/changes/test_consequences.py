"""What a change does in the light of others: flags and their readers, libraries and their new versions."""

from __future__ import annotations

import pytest

from deep_code_reasoning.detectors.changes.consequences import consequences
from deep_code_reasoning.detectors.changes.effect import Effect
from deep_code_reasoning.detectors.changes.trial import Change


def change(sha: str, repo: str, path: str, diff: str, message: str = "", time_ns: int = 0) -> Change:
    text = f"--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n{diff}"
    return Change(sha, message, (path,), text, time_ns, repo)


MADE = change("m", "shop", "flags.py", '+NEW_CHECKOUT = flag("NEW_CHECKOUT", False)', time_ns=1)
ON = change(
    "f",
    "shop",
    "flags.py",
    '-NEW_CHECKOUT = flag("NEW_CHECKOUT", False)\n+NEW_CHECKOUT = flag("NEW_CHECKOUT", True)',
    time_ns=9,
)
READ = {
    "Python": "+    if flags.NEW_CHECKOUT:\n+        offers = insurer.offers(line.id)",
    "TypeScript": "+  if (features.newCheckout) {\n+    offers = await insurer.offers(line.id);",
    "Java": '+  @Value("${features.new-checkout}")\n+  boolean asks; // insurer.offers',
}


def effect_of(tried: Change, *others: Change) -> list[Effect]:
    return list(consequences(tried, tried.patch, [*others, tried]))


def test_a_flag_that_no_code_reads_does_next_to_nothing() -> None:
    (effect,) = (e for e in effect_of(ON, MADE) if e.kind == "switch_flipped")
    assert effect.sureness < 0.2
    assert "no code reads" in effect.summary


@pytest.mark.parametrize("code", READ.values(), ids=READ)
def test_a_flag_speaks_of_what_it_guards(code: str) -> None:
    (effect,) = (
        e for e in effect_of(ON, MADE, change("r", "shop", "cart.x", code, time_ns=2)) if e.kind == "switch_flipped"
    )
    assert effect.sureness == 1.0
    assert {"insurer", "offers"} <= set(effect.subjects)


def test_a_flag_that_is_older_than_what_is_known_may_be_read_by_anyone() -> None:
    (effect,) = (e for e in effect_of(ON) if e.kind == "switch_flipped")
    assert effect.sureness == 1.0


BUMP = change(
    "b",
    "fleet",
    "build.gradle.kts",
    '-    implementation("com.acme:acme-http:3.1.0")\n+    implementation("com.acme:acme-http:4.0.0")',
    time_ns=9,
)
LIBRARY = [
    change(
        "1", "acme-http", "Http.kt", "-    val attempts: Int = 2\n+    val attempts: Int = 9", "3.1.0: more attempts", 1
    ),
    change(
        "2",
        "acme-http",
        "Http.kt",
        "-    val keepAlive: Boolean = true\n+    val keepAlive: Boolean = false",
        "4.0.0",
        2,
    ),
    change("3", "acme-http", "Http.kt", "-    val timeoutMs: Long = 900\n+    val timeoutMs: Long = 9", "4.0.1", 3),
]


def test_a_library_brings_what_its_new_version_does_and_nothing_else() -> None:
    found = {effect.kind: effect for effect in effect_of(BUMP, *LIBRARY)}
    assert set(found) == {"dependency_major", "connection_per_call"}
    assert found["connection_per_call"].path == "build.gradle.kts"


def test_a_library_whose_history_is_not_known_brings_a_version() -> None:
    assert {effect.kind for effect in effect_of(BUMP)} == {"dependency_major"}
