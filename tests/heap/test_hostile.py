"""Dumps that were made to be read wrongly: each is rejected with a reason, none is half believed in silence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from examples.heaps.java_heap import JavaHeap
from examples.heaps.node_heap import NodeHeap

from deep_code_reasoning.heap import hprof, v8_snapshot
from deep_code_reasoning.heap.graph import DumpError
from deep_code_reasoning.heap.holders import summarise
from deep_code_reasoning.heap.hprof import HprofDump
from deep_code_reasoning.heap.hprof_graph import hprof_graph
from deep_code_reasoning.heap.v8_snapshot import read_v8_snapshot


def java_dump(path: Path, taken_ms: int = 1_000) -> Path:
    heap = JavaHeap(path, taken_ms)
    heap.thread(heap.linked_list("java.util.LinkedList", [heap.text(f"line {place}") for place in range(50)]))
    heap.close()
    return path


def snapshot(path: Path, **changed: Any) -> Path:
    heap = NodeHeap()
    heap.everywhere("kept", heap.new("Keeper", {"text": heap.text("kept")}))
    heap.write(path)
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | changed))
    return path


@pytest.mark.parametrize(
    "changed",
    [
        {"nodes": [], "edges": []},
        {"strings": []},
        {"strings": ["only one"]},
        {"nodes": [3, -900, 1, 1, 0, 0, 0]},
        {"nodes": [3, 10**6, 1, 1, 0, 0, 0], "edges": []},
        {"nodes": [99, 0, 1, 1, 0, 0, 0], "edges": []},
        {"nodes": [3, 0, 1, 1, 1, 0, 0], "edges": [2, 10**6, 0]},
        {"nodes": [3, 0, 1, 1, 1, 0, 0], "edges": [2, -5, 0]},
        {"nodes": [3, 0, 1, 1, 10**15, 0, 0]},
        {"nodes": [3.5, 0, 1, 1, 0, 0, 0], "edges": []},
        {"nodes": ["x"]},
        {
            "snapshot": {
                "meta": {"node_fields": ["type"], "node_types": [7], "edge_fields": ["type"], "edge_types": [7]}
            }
        },
        {"snapshot": {"meta": {"node_fields": [], "node_types": [], "edge_fields": [], "edge_types": []}}},
    ],
)
def test_a_snapshot_whose_parts_do_not_fit_is_rejected(changed: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(DumpError):
        read_v8_snapshot(snapshot(tmp_path / "x.heapsnapshot", **changed))


def test_references_to_nowhere_are_left_out(tmp_path: Path) -> None:
    path = snapshot(tmp_path / "x.heapsnapshot", nodes=[3, 0, 1, 8, 1, 0, 0], edges=[2, 0, 7 * 10**9])
    assert summarise(read_v8_snapshot(path)).bytes == 8


def test_a_snapshot_that_would_not_fit_into_memory_is_said_to_be_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(v8_snapshot, "MAX_BYTES", 100)
    with pytest.raises(DumpError, match="more than 100 bytes"):
        read_v8_snapshot(snapshot(tmp_path / "x.heapsnapshot"))


def test_a_dump_of_too_many_objects_is_read_in_part_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hprof, "MAX_OBJECTS", 10)
    dump = HprofDump(java_dump(tmp_path / "x.hprof"))
    assert "more than 10 objects" in dump.fault


@pytest.mark.parametrize("taken_ms", [2**64 - 1, 2**50])
def test_a_time_that_is_none_is_no_time(taken_ms: int, tmp_path: Path) -> None:
    dump = HprofDump(java_dump(tmp_path / "x.hprof", taken_ms))
    assert dump.time_ns == 0
    assert summarise(hprof_graph(dump)).holders


def test_a_dump_that_ends_anywhere_is_read_up_to_there(tmp_path: Path) -> None:
    whole = java_dump(tmp_path / "whole.hprof").read_bytes()
    for end in range(0, len(whole), 37):
        path = tmp_path / "cut.hprof"
        path.write_bytes(whole[:end])
        try:
            dump = HprofDump(path)
        except DumpError:
            continue
        assert dump.fault
        summarise(hprof_graph(dump))
