"""Where objects pile up in dumps that are written by another hand (examples/heaps)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from examples.heaps.java_heap import JavaHeap
from examples.heaps.node_heap import NodeHeap

from deep_code_reasoning.heap.holders import HeapSummary, Holder, summarise
from deep_code_reasoning.heap.hprof import HprofDump
from deep_code_reasoning.heap.hprof_graph import hprof_graph
from deep_code_reasoning.heap.v8_snapshot import read_v8_snapshot


def summed_up(tmp_path: Path, fill: Callable[[JavaHeap], None]) -> HeapSummary:
    path = tmp_path / "x.hprof"
    heap = JavaHeap(path, 1_000)
    fill(heap)
    heap.close()
    return summarise(hprof_graph(HprofDump(path)))


def way(holder: Holder) -> list[str]:
    return [str(step) for step in holder.path]


def test_a_map_is_told_by_its_table_with_the_way_from_the_field_that_holds_it(tmp_path: Path) -> None:
    def fill(heap: JavaHeap) -> None:
        entries = [(heap.text(f"k{place}"), heap.text(f"value-{place}00")) for place in range(100)]
        table = heap.hash_map("java.util.HashMap", entries)
        heap.thread(heap.holding("app.Store", {"name": heap.text("prices"), "values": table}))

    summary = summed_up(tmp_path, fill)
    (holder,) = summary.holders
    assert way(holder) == ["app.Store.values", "java.util.HashMap.table", "java.util.HashMap$Node[]"]
    assert (holder.parts, holder.root) == (100, "thread's frame")
    assert holder.names == {"app.Store.name": "prices"}
    assert dict(holder.contents)["java.lang.String"] == 200
    assert 0.5 * summary.bytes < holder.retained_bytes < summary.bytes


def test_a_chain_of_links_is_one_pile(tmp_path: Path) -> None:
    def fill(heap: JavaHeap) -> None:
        heap.define("app.Log")
        chain = heap.linked_list("java.util.LinkedList", [heap.text(f"line {place}") for place in range(200)])
        heap.static("app.Log", "LINES", chain)

    (holder,) = summed_up(tmp_path, fill).holders
    assert way(holder) == ["class app.Log.LINES", "java.util.LinkedList.head", "java.util.LinkedList$Node"]
    assert holder.parts == 200


def test_what_only_a_weak_reference_leads_to_is_not_kept_alive(tmp_path: Path) -> None:
    def fill(heap: JavaHeap) -> None:
        heap.define("java.lang.ref.Reference", referent=2)
        heap.define("java.lang.ref.WeakReference", "java.lang.ref.Reference", tag=2)
        kept = heap.linked_list("java.util.LinkedList", [heap.text(f"kept {place}") for place in range(50)])
        heap.linked_list("java.util.ArrayDeque", [heap.text(f"lost {place}") for place in range(50)])
        heap.thread(kept)
        heap.thread(heap.new("java.lang.ref.WeakReference", heap.text("tag")))

    summary = summed_up(tmp_path, fill)
    assert [holder.class_name for holder in summary.holders] == ["java.util.LinkedList$Node"]
    assert summary.garbage > 100


def test_two_heaps_of_the_same_things_have_the_same_sample_and_others_have_not(tmp_path: Path) -> None:
    def filled(name: str, first: int) -> Holder:
        def fill(heap: JavaHeap) -> None:
            texts = [heap.text(f"msg-{place:06d}") for place in range(first, first + 2_000)]
            heap.thread(heap.linked_list(name, texts))

        return summed_up(tmp_path, fill).holders[0]

    one, same, other = filled("app.Sent", 0), filled("app.Taken", 0), filled("app.Taken", 50_000)
    assert one.ids == same.ids
    assert len(one.ids) == 256
    assert not set(one.ids) & set(other.ids)


def test_a_snapshot_of_node_is_told_in_the_same_words(tmp_path: Path) -> None:
    heap = NodeHeap()
    messages = [(heap.text(f"{place}"), heap.new("Delivery", {"id": heap.text(f"m-{place}00")})) for place in range(60)]
    unacked = heap.map(messages)
    heap.everywhere("consumer", heap.new("Consumer", {"queue": heap.text("orders.paid"), "unacked": unacked}))
    heap.write(tmp_path / "x.heapsnapshot")
    (holder,) = summarise(read_v8_snapshot(tmp_path / "x.heapsnapshot")).holders
    assert way(holder)[-3:] == ["Consumer.unacked", "Map.table", "(array)"]
    assert ("Delivery", 60) in holder.contents
    assert holder.names == {"Consumer.queue": "orders.paid"}
