"""From a citation to its rows, and from a row back to the line of its source."""

from __future__ import annotations

from ..domain.citation import Citation
from ..domain.instant import parse_instant
from ..errors import CitationError
from .case import CaseStore
from .engine import Row

_LIMIT = 5


def resolve(store: CaseStore, citation: Citation) -> list[Row]:
    """The rows that a citation stands for: one, or a few where the data repeats an id.

    Raises:
        CitationError: when it resolves to no row of the case.
    """
    find = {
        "span": _spans,
        "log": _logs,
        "metric": _metrics,
        "commit": _changes,
        "deploy": _changes,
        "flag": _changes,
        "notice": _notices,
        "heap": _heap,
    }.get(citation.kind)
    if find is None:
        raise CitationError(f"{citation}: this version keeps no {citation.kind} evidence")
    rows = find(store, citation)
    if not rows:
        raise CitationError(f"{citation} resolves to no row of this case", "copy one from the answer, whole")
    return rows


def _spans(store: CaseStore, citation: Citation) -> list[Row]:
    trace_id, _, span_id = citation.ref.rpartition("/")
    return store.query(
        f"SELECT * FROM spans WHERE trace_id = {{trace:String}} AND span_id = {{span:String}} "
        f"ORDER BY start_ns, source_id, line, item LIMIT {_LIMIT}",
        trace=trace_id,
        span=span_id,
    )


def _logs(store: CaseStore, citation: Citation) -> list[Row]:
    name, _, place = citation.ref.rpartition("@")
    line, _, item = place.partition(".")
    source_ids = [source.id for source in store.sources if source.name == name]
    if not source_ids or not line.isdecimal() or not (item or "0").isdecimal():
        return []
    return store.query(
        f"SELECT * FROM logs WHERE source_id = {{source:UInt32}} AND line = {{line:UInt64}} AND item = {{item:UInt32}} "
        f"LIMIT {_LIMIT}",
        source=source_ids[0],
        line=int(line),
        item=int(item or 0),
    )


def _metrics(store: CaseStore, citation: Citation) -> list[Row]:
    series, _, moment = citation.ref.rpartition("@")
    name, _, service = series.removesuffix("}").rpartition("{")
    time_ns = parse_instant(moment)
    if time_ns is None:
        return []
    return store.query(
        f"SELECT * FROM metrics WHERE name = {{name:String}} AND service = {{service:String}} "
        f"AND time_ns = {{time:Int64}} ORDER BY source_id, line, item LIMIT {_LIMIT}",
        name=name,
        service=service,
        time=time_ns,
    )


def _changes(store: CaseStore, citation: Citation) -> list[Row]:
    repo, at, change_id = citation.ref.partition("@") if citation.kind == "commit" else ("", "", citation.ref)
    return store.query(
        f"SELECT * FROM changes WHERE kind = {{kind:String}} AND id = {{id:String}} "
        f"AND (NOT {{has_repo:UInt8}} OR repo = {{repo:String}}) ORDER BY source_id, line, item LIMIT {_LIMIT}",
        kind=citation.kind,
        id=change_id if at or citation.kind != "commit" else citation.ref,
        repo=repo,
        has_repo=bool(at),
    )


def _notices(store: CaseStore, citation: Citation) -> list[Row]:
    return store.query(
        f"SELECT * FROM notices WHERE id = {{id:String}} ORDER BY source_id, line, item LIMIT {_LIMIT}",
        id=citation.ref,
    )


def _heap(store: CaseStore, citation: Citation) -> list[Row]:
    dump, _, node = citation.ref.rpartition("#")
    found = store.query(
        f"SELECT * FROM heap_holders WHERE dump = {{dump:String}} AND node = {{node:String}} "
        f"ORDER BY source_id, line, item LIMIT {_LIMIT}",
        dump=dump,
        node=node,
    )
    return found or store.query(
        f"SELECT * FROM heap_classes WHERE dump = {{dump:String}} AND class_name = {{node:String}} "
        f"ORDER BY source_id, line, item LIMIT {_LIMIT}",
        dump=dump,
        node=node,
    )
