"""Deploys told in a chat channel, as Slack exports it: messages in JSON, each read as a line of a deploy log.

A workspace's export has a file a day (`CHANNEL/2026-06-18.json`); `conversations.history` gives `messages`, the newest
first. What robots post stands in attachments and blocks. Messages that tell of no deploy become rows of `logs`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ..store.writer import CaseWriter
from .base import EvidenceFile, Head, Reader
from .deploy_log import taker, told_of_deploys
from .found import texts_at
from .json_records import head_records, iterate_json
from .log_times import read_time
from .values import ItemCounter, text_of

Row = dict[str, Any]

_LISTS: Final = ("messages",)
# Slack's timestamps are seconds with the message's number of that second.
_STAMP: Final = re.compile(r"\d{10}\.\d{6}")
_LINK: Final = re.compile(r"<([^|<>]+)\|([^<>]+)>")


def sniff(head: Head) -> float:
    """Messages of a channel, most of which tell of deploys that name what goes out."""
    records = [record.value for record in head_records(head, _LISTS)]
    rows = [row for record in records if (row := _row(record)) is not None]
    told, of = told_of_deploys(sorted(rows, key=lambda row: row["time_ns"]))
    return 0.7 + 0.28 * told / of if 2 * len(rows) >= len(records) and told and 2 * told >= of else 0.0


def read(files: Sequence[EvidenceFile], writer: CaseWriter) -> None:
    """Read deploys; what is of none becomes rows of `logs`, of no service."""
    for file in files:
        items = ItemCounter()
        rows: list[Row] = []
        for record in iterate_json(file, writer, _LISTS):
            row = _row(record.value)
            if row is None:
                reason = "no message of a channel, or without its time"
                writer.reject(file.source_id, record.line, reason, text_of(record.value), record.offset)
            else:
                place = {"source_id": file.source_id, "line": record.line, "item": items.of(record.line)}
                rows.append({**row, **place})
        rows.sort(key=lambda row: row["time_ns"])
        taker(file.name, writer)(rows, True)


def _row(record: Any) -> Row | None:
    """The row of `logs` that a message is; None when it is none."""
    if not isinstance(record, dict) or record.get("type", "message") != "message":
        return None
    stamp = text_of(record.get("ts"))
    time = read_time(stamp) if _STAMP.fullmatch(stamp) else None
    text = " ".join(_texts(record))
    if time is None or not text:
        return None
    sender = next(iter(texts_at(record, "username userprofile.realname botprofile.name user botid")), "")
    return {"time_ns": time[0], "line": 0, "body": html.unescape(_LINK.sub(r"\2 \1", text)), "scope": sender}


def _texts(record: Mapping[str, Any]) -> Iterator[str]:
    """What a message says, and what is attached to it; its blocks where it says nothing else."""
    told = texts_at(record, "text attachments.pretext attachments.title attachments.text")
    for attachment in record.get("attachments") or () if isinstance(record.get("attachments"), list) else ():
        fields = attachment.get("fields") if isinstance(attachment, dict) else None
        for field in fields if isinstance(fields, list) else ():
            if isinstance(field, dict):
                told.append(f"{text_of(field.get('title')).lower()}={text_of(field.get('value'))}")
    yield from filter(None, told or texts_at(record, "attachments.fallback blocks.text.text blocks.elements.text"))


READER = Reader("chat-json", "changes", sniff, read)
