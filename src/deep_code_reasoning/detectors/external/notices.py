"""What status pages and alerts said, as the external detectors read it."""

from __future__ import annotations

from dataclasses import dataclass

from ...domain.citation import Citation, change_citation
from ...store import CaseStore


@dataclass(frozen=True, slots=True)
class Notice:
    """One event of a status page, or one alert. `end_ns` is 0 while it is open; `text` joins all that it says."""

    kind: str
    id: str
    start_ns: int
    end_ns: int
    subject: str
    status: str
    text: str

    @property
    def citation(self) -> Citation:
        """`notice:ID`."""
        return change_citation("notice", self.id)


def notices(store: CaseStore, kind: str) -> list[Notice]:
    """Notices of a kind (`alert`, `status`), in the order of their time."""
    rows = store.query(
        "SELECT kind, id, time_ns, end_ns, subject, status, title, text, attributes FROM notices "
        "WHERE kind = {kind:String} ORDER BY time_ns, id LIMIT 1000",
        kind=kind,
    )
    found = []
    for row in rows:
        attributes = row["attributes"] or {}
        parts = dict.fromkeys([row["title"], row["text"], *(attributes[key] for key in sorted(attributes))])
        text = " ".join(part for part in parts if part)
        found.append(
            Notice(row["kind"], row["id"], int(row["time_ns"]), int(row["end_ns"]), row["subject"], row["status"], text)
        )
    return found
