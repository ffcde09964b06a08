"""What is held against a change that nothing speaks for but that it was there."""

from __future__ import annotations

from deep_code_reasoning.detectors.changes.deeds import History
from deep_code_reasoning.detectors.changes.judgement import judge
from deep_code_reasoning.detectors.changes.trial import Change, Rollout, Situation, Verdict
from deep_code_reasoning.detectors.symptoms.front import Front
from deep_code_reasoning.detectors.symptoms.symptom import Shift, Text, symptoms_of
from deep_code_reasoning.domain.graph import ServiceGraph
from deep_code_reasoning.domain.instant import NS_PER_S

MINUTE_NS = 60 * NS_PER_S
ONSET_NS = 1_700_000_000 * NS_PER_S
# What it does is not known to make anything slow.
ODD = (
    "auth.py",
    "--- a/auth.py\n+++ b/auth.py\n@@ -4 +4 @@\n-    scopes = ['read', 'all']\n+    scopes = ['read']\n",
)
# More tries may make a service slow, which is a little.
RETRY = ("settings.ts", "--- a/settings.ts\n+++ b/settings.ts\n@@ -7 +7 @@\n-  retries: 0,\n+  retries: 4,\n")


def judged(odd_minutes: float, retry_minutes: float) -> tuple[Verdict, ...]:
    tried = []
    for (path, diff), minutes in ((ODD, odd_minutes), (RETRY, retry_minutes)):
        rollout = Rollout("d", "shop", ONSET_NS - int(minutes * MINUTE_NS))
        tried.append(Change(path, path, (path,), diff, rollout.time_ns - MINUTE_NS, "", (rollout,)))
    slow = symptoms_of([], [Shift("shop", "latency p95 ms", 100.0, 180.0, ONSET_NS)])
    situation = Situation(slow, Front("shop", (), ONSET_NS), ServiceGraph(), ONSET_NS, frozenset({"shop"}))
    return judge(History(tried), situation)


def test_a_change_is_not_the_only_one_where_another_of_its_deploy_fits_better() -> None:
    together = judged(5, 5)
    assert together[0].change.sha == RETRY[0]
    assert not any(verdict.convicted for verdict in together)
    apart = judged(5, 6)
    assert apart[0].change.sha == ODD[0]
    assert apart[0].eliminated
    assert apart[0].convicted


def test_calls_that_grew_as_the_requests_did_are_no_retries() -> None:
    rollout = Rollout("d", "shop", ONSET_NS - 5 * MINUTE_NS)
    change = Change(RETRY[0], RETRY[0], (RETRY[0],), RETRY[1], rollout.time_ns - MINUTE_NS, "", (rollout,))
    graph = ServiceGraph(("shop", "stock"), {("shop", "stock"): 1})

    def held_against(asked: float) -> str:
        moved = [
            Shift("stock", "http_server_requests_per_second", 10.0, 50.0, ONSET_NS),
            Shift("shop", "http_server_requests_per_second", 10.0, asked, ONSET_NS),
        ]
        services = frozenset({"shop", "stock"})
        situation = Situation(symptoms_of([], moved), Front("stock", (), ONSET_NS), graph, ONSET_NS, services)
        symptom = judge(History([change]), situation)[0].symptom
        return symptom.service if symptom is not None else ""

    assert held_against(asked=12.0) == "stock"
    assert held_against(asked=50.0) != "stock"


# Of unknown effect: code that nobody can tell the outcome of.
STRANGE = ("feed.rb", "--- a/feed.rb\n+++ b/feed.rb\n@@ -4 +4 @@\n-  rows = Feed.open(src)\n+  rows = Stream.of(src)\n")
REFUSED = "gateway refused: plan volume used up until the first of the month"


def eliminated(diff: tuple[str, str], minutes: float, *texts: Text) -> bool:
    path, lines = diff
    rollout = Rollout("d", "feed", ONSET_NS - int(minutes * MINUTE_NS))
    change = Change(path, path, (path,), lines, rollout.time_ns - MINUTE_NS, "", (rollout,))
    services = frozenset({"feed", "labels"})
    graph = ServiceGraph(("feed", "labels"), {})
    situation = Situation(symptoms_of(texts, []), Front("feed", (), ONSET_NS), graph, ONSET_NS, services)
    verdict = judge(History([change]), situation)[0]
    return verdict.convicted and verdict.eliminated


def test_what_ran_well_for_a_while_is_not_held_to_have_done_it_because_nothing_else_can_have() -> None:
    odd = Text("feed", "odd column count in the morning delivery", "error", 9, ONSET_NS)
    assert eliminated(STRANGE, 3, odd)
    assert not eliminated(STRANGE, 25, odd)
    # That numbers have fewer bits waits for one that is too large.
    narrowed = ("feed.go", "--- a/feed.go\n+++ b/feed.go\n@@ -4 +4 @@\n-\tTotal int64\n+\tTotal int32\n")
    widened = ("feed.go", "--- a/feed.go\n+++ b/feed.go\n@@ -4 +4 @@\n-\tTotal int32\n+\tTotal int64\n")
    assert eliminated(narrowed, 25, odd)
    assert not eliminated(widened, 25, odd)


def test_what_fails_in_the_same_words_where_nobody_changed_anything_was_no_change() -> None:
    mine = Text("feed", REFUSED, "error", 9, ONSET_NS)
    assert eliminated(STRANGE, 3, mine)
    assert not eliminated(STRANGE, 3, mine, Text("labels", REFUSED, "error", 9, ONSET_NS + MINUTE_NS))
    assert eliminated(STRANGE, 3, mine, Text("labels", REFUSED, "error", 9, ONSET_NS + 20 * MINUTE_NS))
    assert eliminated(STRANGE, 3, mine, Text("labels", "feed: " + REFUSED, "error", 9, ONSET_NS + MINUTE_NS))


def test_an_error_that_comes_from_the_changed_file_says_more_than_its_kind() -> None:
    lines = (
        "     static Date of(String text) {",
        '-        return new SimpleDateFormat("yyyy").parse(text);',
        '+    private static final SimpleDateFormat YEAR = new SimpleDateFormat("yyyy");',
        "+        return YEAR.parse(text);",
        "     }",
    )
    diff = "\n".join(("--- a/Years.java", "+++ b/Years.java", "@@ -4,3 +4,4 @@", *lines))
    rollout = Rollout("d", "feed", ONSET_NS - 3 * MINUTE_NS)
    change = Change("c", "", ("Years.java",), diff, rollout.time_ns - MINUTE_NS, "", (rollout,))

    def score(text: str) -> float:
        symptoms = symptoms_of([Text("feed", text, "error", 9, ONSET_NS)], [])
        situation = Situation(symptoms, Front("feed", (), ONSET_NS), ServiceGraph(), ONSET_NS, frozenset({"feed"}))
        return judge(History([change]), situation)[0].score

    error = "java.lang.NumberFormatException: multiple points at "
    assert score(f"{error}Years.of(Years.java:6)") > score(f"{error}Months.of(Months.java:6)") > 0
