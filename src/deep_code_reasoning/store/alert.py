"""What the alert or incident among the evidence says of a case that is being written."""

from __future__ import annotations

from dataclasses import replace

from ..domain.case import CaseInfo
from . import engine
from .schema import NOTICES
from .writer import CaseWriter


def with_alert(info: CaseInfo, writer: CaseWriter) -> CaseInfo:
    """What is known of the case, with what the first alert adds where the caller said nothing."""
    paths = writer.finished(NOTICES.name)
    if not paths:
        return info
    alerts = writer.database.query(
        f"SELECT title, text, time_ns FROM ({engine.scan_of(paths, NOTICES.structure)}) WHERE kind = 'alert' "
        "ORDER BY time_ns = 0, time_ns, id LIMIT 1"
    )
    if not alerts:
        return info
    alert = alerts[0]
    return replace(
        info,
        title=info.title or alert["title"] or None,
        noticed_at_ns=info.noticed_at_ns or alert["time_ns"] or None,
        alert_text=info.alert_text or alert["text"] or None,
    )
