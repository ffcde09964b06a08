"""Which change did it, or none: invented incidents, told in YAML, written out as a team would export them.

    python benchmarks/invented.py [--set NAME]... [--out DIR] [--format text|json]

The incidents are those of `tests/detectors/changes/incidents/*.yaml`: what was seen, what was deployed, which flags
were flipped, what did it. Each is written as a folder of the rootcausebench kind (alert, logs, metrics, commits,
deploys, flags, status feed) with three hours of calm before it and commits around it that were never deployed; what
is scored is the first cause of the public `investigate` use case:

    exact      the change that did it (a commit, or the id of a flag), or none where none did
    innocents  changes blamed that did not do it

These sets helped to write the rules; a figure over them says what the rules can do, not what they will do on
incidents that nobody has seen. The first run over a fresh set says that: see
docs/decisions/045-changes-without-a-diff.md.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from deep_code_reasoning.app.ingest import Evidence
from deep_code_reasoning.app.investigate import investigate

ROOT = Path(__file__).resolve().parents[1]
SETS = ROOT / "tests" / "detectors" / "changes" / "incidents"
ONSET = datetime(2026, 5, 12, 10, 0, tzinfo=UTC)
CALM_MINUTES = 180
BAD_MINUTES = 15
# The alert comes so many minutes after the onset.
ALERT_MINUTES = 5
# Never deployed: every repository has such commits around an incident.
_BYSTANDERS = (
    ("docs: update API reference", "docs/api.md"),
    ("test: table-driven tests for money", "pkg/money/convert_test.go"),
    ("ci: cache the build", ".github/workflows/build.yml"),
    ("refactor: move types", "api/types/types.go"),
    ("chore: update CODEOWNERS", "CODEOWNERS"),
)

Incident = Mapping[str, Any]


@dataclass(frozen=True)
class Score:
    """One incident: what was answered, what was right."""

    set: str
    incident: str
    wanted: str
    blamed: str
    exact: bool
    innocent_blamed: bool
    mechanism: str | None
    confidence: float | None
    verdict: str


def main() -> int:
    """Write the incidents, investigate each, print the table."""
    arguments = _parser().parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["DCR_HOME"] = str(Path(scratch) / "home")
        out = arguments.out or Path(scratch)
        scores = [
            score(name, incident, write_incident(incident, out / f"{name}-{place:02}"))
            for name in arguments.set or sorted(path.stem for path in SETS.glob("*.yaml"))
            for place, incident in enumerate(read_set(name), start=1)
        ]
    summary = summarise(scores)
    if arguments.format == "json":
        print(json.dumps({"summary": summary, "incidents": [asdict(s) for s in scores]}, indent=1))
    else:
        print(table(scores, summary))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Which change did it, or none?")
    parser.add_argument("--set", action="append", help="name of a set; all when none is given")
    parser.add_argument("--out", type=Path, help="keep the folders here")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    return parser


def read_set(name: str) -> list[Incident]:
    """The incidents of a set."""
    incidents: list[Incident] = yaml.safe_load((SETS / f"{name}.yaml").read_text("utf-8"))
    return incidents


def write_incident(incident: Incident, folder: Path) -> Path:
    """Write one incident as a folder of evidence."""
    onset = datetime.fromisoformat(incident["onset_iso"]) if "onset_iso" in incident else ONSET
    context = folder / "context"
    context.mkdir(parents=True)
    _write(folder / "logs.ndjson", "".join(json.dumps(row) + "\n" for row in _logs(incident, onset)))
    _write(folder / "metrics.csv", "timestamp,service,metric,value\n" + "".join(_metrics(incident, onset)))
    _write(folder / "alert.json", json.dumps(_alert(incident, onset)))
    _write(context / "commits.json", json.dumps(_commits(incident, onset)))
    _write(context / "deploys.json", json.dumps(_deploys(incident, onset)))
    _write(context / "flags.json", json.dumps(_flags(incident, onset)))
    if "status" in incident:
        _write(folder / "status_feed.json", json.dumps(_status(incident, onset)))
    return folder


def _write(path: Path, text: str) -> None:
    path.write_text(text, "utf-8")


def _time(onset: datetime, minutes: float) -> str:
    return (onset + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _logs(incident: Incident, onset: datetime) -> Iterator[dict[str, str]]:
    for service in sorted({entry[0] for entry in incident["logs"] + incident["metrics"]}):
        for minute in range(-CALM_MINUTES, BAD_MINUTES):
            yield _log(onset, minute + 0.3, service, "INFO", f"request handled in {20 + minute % 7}ms")
    for place, (service, level, text) in enumerate(incident["logs"]):
        for round_ in range(2 * BAD_MINUTES):
            yield _log(onset, round_ / 2 + place / 60, service, level, text)


def _log(onset: datetime, minutes: float, service: str, level: str, text: str) -> dict[str, str]:
    return {"timestamp": _time(onset, minutes), "service": service, "severity_text": level, "msg": text}


def _metrics(incident: Incident, onset: datetime) -> Iterator[str]:
    for service, name, before, after, shape in incident["metrics"]:
        start = None if shape == "step" else float(shape.removeprefix("ramp:"))
        for minute in range(-CALM_MINUTES, BAD_MINUTES):
            share = float(minute >= 0) if start is None else min(1.0, max(0.0, (minute - start) / max(-start, 10.0)))
            ripple = 1 + 0.01 * ((minute * 7919) % 5 - 2)
            yield f"{_time(onset, minute)},{service},{name},{(before + (after - before) * share) * ripple:.6g}\n"


def _alert(incident: Incident, onset: datetime) -> dict[str, Any]:
    service, metric, before, after, _ = incident["metrics"][0]
    return {
        "service": service,
        "metric": metric,
        "threshold": (before + after) / 2,
        "observed": after,
        "fired_at": _time(onset, ALERT_MINUTES),
        "summary": f"{metric} of {service} is far from normal",
    }


def _commits(incident: Incident, onset: datetime) -> list[dict[str, Any]]:
    commits = [
        {
            "sha": sha_of(commit["id"]),
            "author": "dev",
            "timestamp": _time(onset, commit["deploy"][1] - 3),
            "message": commit["message"],
            "files_changed": commit["files"],
            "diff": commit["diff"],
        }
        for commit in incident["commits"]
    ]
    for place, (message, path) in enumerate(_BYSTANDERS):
        minutes = -100 + 19 * place
        commits.append(
            {
                "sha": sha_of(f"bystander{place}"),
                "author": "dev",
                "timestamp": _time(onset, minutes),
                "message": message,
                "files_changed": [path],
                "diff": None,
            }
        )
    return commits


def _deploys(incident: Incident, onset: datetime) -> list[dict[str, str]]:
    return [
        {
            "timestamp": _time(onset, commit["deploy"][1]),
            "service": commit["deploy"][0],
            "commit_sha": sha_of(commit["id"]),
            "version": f"v{place}",
        }
        for place, commit in enumerate(incident["commits"])
    ]


def _flags(incident: Incident, onset: datetime) -> list[dict[str, str]]:
    return [
        {
            "timestamp": _time(onset, flag["minutes"]),
            "flag": flag["id"],
            "service": flag["service"],
            "change": flag["change"],
            "actor": "dev",
        }
        for flag in incident.get("flags", ())
    ]


def _status(incident: Incident, onset: datetime) -> dict[str, Any]:
    return {
        "source": "status page",
        "events": [
            {
                "id": f"s{place}",
                "service": subject,
                "status": status,
                "title": text,
                "started_at": _time(onset, minutes),
                "detail": text,
            }
            for place, (subject, status, minutes, text) in enumerate(incident["status"])
        ],
    }


def score(set_name: str, incident: Incident, folder: Path) -> Score:
    """Investigate one incident and compare the first cause with the answer beside it."""
    answer = investigate(Evidence((folder,)))
    top = answer.causes[0] if answer.causes else None
    blamed = changed_id(top.change.kind, top.change.id) if top is not None and top.change is not None else "none"
    wanted = wanted_of(incident)
    return Score(
        set_name,
        incident["name"],
        wanted,
        blamed,
        blamed == wanted,
        blamed not in ("none", wanted),
        top.mechanism if top else None,
        top.confidence if top else None,
        answer.verdict,
    )


def wanted_of(incident: Incident) -> str:
    """The change that did it: a commit's hash, a flag's name, or none."""
    told = {"none", *(flag["id"] for flag in incident.get("flags", ()))}
    return incident["answer"] if incident["answer"] in told else sha_of(incident["answer"])


def sha_of(name: str) -> str:
    """A commit's hash, for the short name that an incident gives it."""
    return hashlib.blake2b(name.encode(), digest_size=20).hexdigest()


def changed_id(kind: str, change_id: str) -> str:
    """The name that an incident uses for a change: a flag's own name, without the time that makes its id unique."""
    return change_id.split("@")[0] if kind == "flag" else change_id


def summarise(scores: Sequence[Score]) -> dict[str, Any]:
    """The figures of all sets together."""
    nones = [s for s in scores if s.wanted == "none"]
    return {
        "incidents": len(scores),
        "exact": sum(s.exact for s in scores),
        "innocents_blamed": sum(s.innocent_blamed for s in scores),
        "none_right": f"{sum(s.exact for s in nones)} of {len(nones)}",
    }


def table(scores: Sequence[Score], summary: Mapping[str, Any]) -> str:
    """What people read: the wrong ones, then the figures."""
    lines = [
        f"{s.set:10} wanted {s.wanted[:22]:22} blamed {s.blamed[:22]:22} {s.confidence or 0:4.2f} "
        f"{s.mechanism or '-':24} {s.incident}"
        for s in scores
        if not s.exact
    ]
    lines += ["", *(f"{key.replace('_', ' '):18} {value}" for key, value in summary.items())]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
