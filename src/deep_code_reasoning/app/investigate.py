"""The main use case: evidence in, ranked and cited causes out."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from ..detectors import runner
from ..detectors.base import Scene
from ..detectors.changes.judgement import ONSET_SLACK_NS
from ..detectors.changes.records import is_any_before
from ..domain.case import CaseInfo
from ..domain.cause import Cause
from ..domain.finding import Finding
from ..domain.investigation import Investigation
from ..domain.window import Window, Windows
from ..ranking.attribute import attribute
from ..ranking.calibrate import calibrate
from ..ranking.judge import verdict
from ..ranking.localise import localise
from ..report.answer import as_json
from ..store import CaseStore, open_case
from ..store.baseline import BaselineShift
from ..store.layout import MANIFEST, write_atomically
from ..store.library import case_folder, is_case
from ..store.spellings import read_as_one
from .ingest import Evidence, Progress, ingest


def investigate(evidence: Evidence, progress: Progress | None = None) -> Investigation:
    """Read evidence into a case (or open the case that the one path is), and find what caused the incident.

    The answer is kept in the case's folder too.

    Raises:
        UsageError: when a path does not exist.
        NoEvidenceError: when none of the evidence could be read.
    """
    started = time.perf_counter()
    if len(evidence.paths) == 1 and is_case(evidence.paths[0]):
        folder = evidence.paths[0]
    else:
        folder = ingest(evidence, progress)
    read_s = time.perf_counter() - started
    return investigate_case(folder, evidence.info, read_s)


def folder_of(evidence: Evidence, answer: Investigation) -> Path:
    """The folder of the case that an investigation of this evidence is kept in."""
    given = evidence.paths[0]
    return given if len(evidence.paths) == 1 and is_case(given) else case_folder(answer.case.id)


def investigate_case(folder: Path, asked: CaseInfo, read_s: float = 0.0) -> Investigation:
    """Investigate a case that was read before; what `asked` says (time, question) goes before the case's own."""
    with open_case(folder, for_analysis=True) as store:
        info = replace(
            store.info,
            noticed_at_ns=asked.noticed_at_ns or store.info.noticed_at_ns,
            question=asked.question or store.info.question,
        )
        started = time.perf_counter()
        scene, findings, checks = runner.look(store, info.noticed_at_ns)
        analysed = time.perf_counter()
        causes: tuple[Cause, ...] = ()
        if scene is not None:
            scored, suspected = scored_causes(store, scene, findings)
            causes = calibrate(scored, findings, checks, changes_known=suspected)
            if any(source.format == "git" for source in store.sources):
                from .operation_code import with_code  # reads code, which most investigations are given none of

                causes, given_up = with_code(store, causes)
                checks = (*checks, *given_up)
        shift = store.baseline_shift
        answer = Investigation(
            case=info,
            sources=store.sources,
            windows=_recorded_windows(scene.windows, shift) if scene else None,
            verdict=verdict(scene, causes, checks),
            causes=tuple(replace(c, citations=tuple(map(shift.recorded, c.citations))) for c in causes),
            findings=tuple(replace(f, citations=tuple(map(shift.recorded, f.citations))) for f in findings),
            checks=checks,
            read_s=read_s,
            analyse_s=analysed - started,
            rank_s=time.perf_counter() - analysed,
            notes=read_as_one(store.manifest.spellings),
        )
    # Somebody else's case may be read-only, and a disk full: then the answer is given, and not kept.
    with suppress(OSError):
        write_atomically(folder / "investigation.json", json.dumps(as_json(answer), indent=1))
    return answer


def scored_causes(store: CaseStore, scene: Scene, findings: Sequence[Finding]) -> tuple[tuple[Cause, ...], bool]:
    """Causes with raw scores for confidences, best first, and whether a change is known that can have done it."""
    # What came after the onset can be held against no explanation without a change.
    suspected = is_any_before(store, scene.windows.onset.end_ns + ONSET_SLACK_NS)
    return attribute(scene, localise(scene, findings), findings), suspected


def investigation_of(folder: Path, question: str | None = None) -> Investigation:
    """What is known of a case, for those who ask something about it.

    A case that has not changed is investigated once in a process: each turn of a conversation asks for it, and it takes
    seconds on a large one. The question steers packs, and no finding.

    Raises:
        CaseNotFoundError: when the folder is no case.
    """
    manifest = folder / MANIFEST
    found = _investigated(folder, manifest.stat().st_mtime_ns if manifest.is_file() else 0)
    return replace(found, case=replace(found.case, question=question or found.case.question))


@lru_cache(maxsize=4)
def _investigated(folder: Path, _written_ns: int) -> Investigation:
    return investigate_case(folder, CaseInfo(""))


def _recorded_windows(windows: Windows, shift: BaselineShift) -> Windows:
    """The windows in recorded times: those of a baseline apart are its own."""
    if not shift.source_ids:
        return windows
    calm = Window(shift.recorded_ns(windows.baseline.start_ns), shift.recorded_ns(shift.seam_ns - 1) + 1)
    return replace(windows, baseline=calm)
