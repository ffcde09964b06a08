"""Which commit did it, or none: incidents with commits, deploys, flags and decoys.

    python benchmarks/rootcausebench.py [--data DIR] [--shift SECONDS] [--rename] [--format text|json]

DIR holds a folder per incident (alert, logs, metrics, spans, commits with diffs, deploys, flags) and `labels.json`
(edgedelta/root-cause-bench, Apache-2.0). What is scored is the first cause of the public `investigate` use case, which
sees the incident's folder and nothing else:

    exact      the commit that did it, or none where none did
    innocents  commits blamed that did not do it
    none       of the incidents that no commit caused, those answered so
    first      the service that failed first
    blast      the other services that failed: Jaccard index with the label
    remedy     the remediation, where the label is one that an answer can give

`chance` guesses among the deployed commits and none; `last deploy` blames the last one before the alert, as people do.
`--shift` moves the alert's time; `--rename` gives every service a random word for a name (seeded), in every file.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from deep_code_reasoning.app.ingest import Evidence
from deep_code_reasoning.app.investigate import investigate
from deep_code_reasoning.domain.case import CaseInfo
from deep_code_reasoning.domain.cause import Cause
from deep_code_reasoning.domain.instant import NS_PER_S, parse_instant

ROOT = Path(__file__).resolve().parents[1]
DEFAULT_DATA = ROOT.parent / "shared" / "data" / "rootcausebench"
ANSWERABLE = ("rollback", "roll-forward", "config-revert", "scale", "feature-flag-disable")


@dataclass(frozen=True)
class Score:
    """One incident: what was answered, what was right."""

    incident: str
    wanted: str
    blamed: str
    exact: bool
    innocent_blamed: bool
    first_failing: bool
    blast_jaccard: float
    remedy: bool | None
    mechanism: str | None
    confidence: float | None
    chance: float
    last_deploy: bool
    seconds: float


def main() -> int:
    """Run the suite and print its table."""
    arguments = _parser().parse_args()
    if not (arguments.data / "labels.json").is_file():
        print(f"no labelled incidents in {arguments.data}", file=sys.stderr)
        return 2
    labels: dict[str, Any] = json.loads((arguments.data / "labels.json").read_text())
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["DCR_HOME"] = str(Path(scratch) / "home")
        names = new_names(arguments.data, sorted(labels)) if arguments.rename else {}
        _warm_up(arguments.data / min(labels))
        scores = [
            score(arguments.data / name, labels[name], names, arguments.shift, Path(scratch)) for name in sorted(labels)
        ]
    summary = summarise(scores)
    if arguments.format == "json":
        print(json.dumps({"summary": summary, "incidents": [asdict(s) for s in scores]}, indent=1))
    else:
        print(table(scores, summary))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Which commit did it, or none?")
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="folder of incidents and labels.json")
    parser.add_argument("--shift", type=int, default=0, metavar="SECONDS", help="move the alert's time by this much")
    parser.add_argument("--rename", action="store_true", help="give every service a random word for a name")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    return parser


def _warm_up(incident: Path) -> None:
    # The engine starts with the first case; that is paid once a process and not once an incident.
    investigate(Evidence((incident,)))


def score(incident: Path, label: Mapping[str, Any], names: Mapping[str, str], shift_s: int, scratch: Path) -> Score:
    """Investigate one incident and compare the first cause with its label."""
    folder = renamed(incident, names, scratch) if names else incident
    fired_ns = parse_instant(json.loads((incident / "alert.json").read_text())["fired_at"]) or 0
    info = CaseInfo("", noticed_at_ns=fired_ns + shift_s * NS_PER_S if shift_s else None)
    started = time.perf_counter()
    causes = investigate(Evidence((folder,), info=info)).causes
    seconds = time.perf_counter() - started
    top: Cause | None = causes[0] if causes else None
    blamed = top.change.id if top is not None and top.change is not None else "none"
    wanted = label["root_cause_commit"]
    victims = {names.get(name, name) for name in label["blast_radius"]}
    found = set(top.blast_radius) if top is not None else set()
    first = names.get(label["first_failing_service"], label["first_failing_service"])
    deploys = _deploys(incident)
    last = max((d for d in deploys if d[0] <= fired_ns), default=(0, "none"))[1]
    return Score(
        incident.name,
        wanted,
        blamed,
        blamed == wanted,
        blamed not in ("none", wanted),
        top is not None and top.first_failing_service == first,
        len(victims & found) / len(victims | found) if victims | found else 1.0,
        (top is not None and top.remediation == label["remediation"]) if label["remediation"] in ANSWERABLE else None,
        top.mechanism if top else None,
        top.confidence if top else None,
        1 / (len({sha for _, sha in deploys}) + 1),
        last == wanted,
        seconds,
    )


def _deploys(incident: Path) -> list[tuple[int, str]]:
    path = incident / "context" / "deploys.json"
    rows = json.loads(path.read_text()) if path.is_file() else []
    return [(parse_instant(row["timestamp"]) or 0, row["commit_sha"]) for row in rows]


def new_names(data: Path, incidents: Sequence[str]) -> dict[str, str]:
    """A random word for every service of the suite; the same ones in every run."""
    services: set[str] = set()
    for name in incidents:
        for path in sorted((data / name).rglob("*.*")):
            services.update(re.findall(r'"service":\s*"([^"]{3,40})"', path.read_text(errors="replace")))
        lines = (data / name / "metrics.csv").read_text().splitlines()[1:]
        services.update(line.split(",")[1] for line in lines)
    known = sorted(name for name in services if " " not in name)
    generator = random.Random(20260622)
    syllables = "ba co di fu ga he ji ko lu ma ne po qui ra so tu ve wi xa yo zu".split()
    return {name: "".join(generator.sample(syllables, 4)) for name in known}


def renamed(incident: Path, names: Mapping[str, str], scratch: Path) -> Path:
    """A copy of an incident in which every service has its new name, as a whole word, in every file."""
    copy = scratch / f"renamed-{incident.name}"
    shutil.copytree(incident, copy)
    pattern = re.compile("|".join(rf"(?<![\w-]){re.escape(n)}(?![\w-])" for n in sorted(names, key=len, reverse=True)))
    for path in copy.rglob("*.*"):
        path.chmod(0o644)
        path.write_text(pattern.sub(lambda match: names[match[0]], path.read_text()))
    return copy


def summarise(scores: Sequence[Score]) -> dict[str, Any]:
    """The figures of the suite as a whole."""
    nones = [s for s in scores if s.wanted == "none"]
    remedies = [s.remedy for s in scores if s.remedy is not None]
    return {
        "incidents": len(scores),
        "exact": sum(s.exact for s in scores),
        "innocents_blamed": sum(s.innocent_blamed for s in scores),
        "none_right": f"{sum(s.exact for s in nones)} of {len(nones)}",
        "first_failing": sum(s.first_failing for s in scores),
        "blast_jaccard": round(fmean(s.blast_jaccard for s in scores), 3),
        "remedy": f"{sum(remedies)} of {len(remedies)}",
        "chance_exact": round(sum(s.chance for s in scores), 2),
        "last_deploy_exact": sum(s.last_deploy for s in scores),
        "seconds_a_case": round(fmean(s.seconds for s in scores), 3),
        "slowest_s": round(max(s.seconds for s in scores), 3),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "wrong": [s.incident for s in scores if not s.exact],
    }


def table(scores: Sequence[Score], summary: Mapping[str, Any]) -> str:
    """What people read."""
    lines = [f"{'incident':10} {'blamed':9} {'right':5} {'first':5} {'blast':>5}  {'s':>5}  conf  mechanism"]
    for s in scores:
        lines.append(
            f"{s.incident:10} {s.blamed[:8]:9} {'yes' if s.exact else 'NO':5} {'yes' if s.first_failing else 'NO':5} "
            f"{s.blast_jaccard:5.2f}  {s.seconds:5.2f}  {s.confidence or 0:4.2f}  {s.mechanism or '-'}"
        )
    lines.append("")
    lines += [f"{key.replace('_', ' '):20} {value}" for key, value in summary.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
