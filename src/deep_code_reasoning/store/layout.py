"""The folder of a case.

    CASE/manifest.json               what the case is, its sources, and which files hold which table
    CASE/tables/GENERATION/*.parquet the tables; a generation is written once and never changed
    CASE/investigation.json          the last answer

Readers follow the manifest alone. A writer makes a new generation beside the old one and then replaces the manifest
in one step, so that a crash leaves the old case or the new one.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from ..domain.case import CaseInfo, Source
from ..errors import CaseFormatError, CaseNotFoundError

FORMAT_VERSION: Final = 2
MANIFEST: Final = "manifest.json"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a case folder holds.

    Attributes:
        files: the Parquet files of each table, by its name, relative to the folder.
        spellings: names of services that go by another spelling, with that one (`spellings.py`).
    """

    info: CaseInfo
    sources: tuple[Source, ...] = ()
    files: dict[str, tuple[str, ...]] = field(default_factory=dict)
    generation: str = ""
    spellings: dict[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The manifest as it is written."""
        return {
            "format": FORMAT_VERSION,
            "case": asdict(self.info),
            "generation": self.generation,
            "files": {name: list(paths) for name, paths in sorted(self.files.items())},
            "sources": [asdict(source) for source in self.sources],
            "spellings": self.spellings,
        }


def read_manifest(folder: Path) -> Manifest:
    """Read a case's manifest.

    Raises:
        CaseNotFoundError: when the folder has none.
        CaseFormatError: when it is damaged or of another version.
    """
    path = folder / MANIFEST
    try:
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise CaseNotFoundError(f"{folder} is no case: it has no {MANIFEST}", "see 'dcr case list'") from None
    except (ValueError, OSError) as fault:
        raise CaseFormatError(f"{path}: {fault}", "delete the case and read the evidence again") from fault
    if not isinstance(content, dict) or content.get("format") != FORMAT_VERSION:
        raise CaseFormatError(f"{path}: not format {FORMAT_VERSION}", "read the evidence again with this version")
    try:
        return Manifest(
            info=CaseInfo(**content["case"]),
            sources=tuple(Source(**source) for source in content["sources"]),
            files={name: tuple(paths) for name, paths in content["files"].items()},
            generation=content["generation"],
            spellings=dict(content.get("spellings", {})),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as fault:
        raise CaseFormatError(f"{path}: {fault}", "delete the case and read the evidence again") from fault


def write_atomically(path: Path, text: str) -> None:
    """Replace a file's content in one step; whoever reads sees the old text or the new, never a part."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
