"""A small system at work: requests through `front` -> `orders` -> `stock`, as rows of spans, logs and metrics.

Each request is one trace. What goes wrong is said by the fields of `Trouble`, from its onset on; everything else stays
as it was. Nothing is random: durations vary by a fixed pattern, so that every test sees the same system.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deep_code_reasoning.domain.instant import NS_PER_MS, NS_PER_S

START_NS = 1_700_000_000 * NS_PER_S
Row = dict[str, Any]


@dataclass(frozen=True)
class Trouble:
    """What goes wrong from `onset_s` on.

    Attributes:
        onset_s: seconds after the first request.
        stock_work_ms: extra time that stock works on a request, in all of its spans alike.
        stock_query_ms: extra time that only stock's query takes.
        way_to_stock_ms: extra time on the way to stock and back, each.
        stock_stops: stock's path ends after its first statement.
        stock_error: an error that stock logs instead of its second statement.
        orders_error: an error that orders logs instead of calling stock.
        stock_fails: status message of the error in which stock's span ends, and of those above it.
        branch: stock takes another branch, which logs other statements in the middle.
    """

    onset_s: float = 60.0
    stock_work_ms: float = 0.0
    stock_query_ms: float = 0.0
    way_to_stock_ms: float = 0.0
    stock_stops: bool = False
    stock_error: str = ""
    orders_error: str = ""
    stock_fails: str = ""
    branch: bool = False


CALM = Trouble(onset_s=1e9)


class System:
    """Rows of a system that has served `requests` requests, one a second.

    `suffix` is added to every service's name and id, so that two systems can stand side by side in one case.
    """

    def __init__(self, trouble: Trouble = CALM, requests: int = 120, suffix: str = "", first: int = 0) -> None:
        self.spans: list[Row] = []
        self.logs: list[Row] = []
        self.templates: dict[str, int] = {}
        self._trouble = trouble
        self._suffix = suffix
        for number in range(first, first + requests):
            self._request(number)

    def tables(self, **more: list[Row]) -> Mapping[str, list[Row]]:
        """The tables of a case."""
        shapes = [{"shape": n, "template_id": f"{n:x}", "template": t} for t, n in sorted(self.templates.items())]
        return {"spans": self.spans, "logs": self.logs, "log_shapes": shapes, **more}

    def _request(self, number: int) -> None:
        start = START_NS + number * NS_PER_S
        wrong = self._trouble if number >= self._trouble.onset_s else CALM
        trace = f"{self._suffix}{number:08x}"
        wobble = 1 + (number * 37 % 11) / 20
        query = (2 + wrong.stock_query_ms + wrong.stock_work_ms) * wobble
        stock = query + (3 + wrong.stock_work_ms) * wobble
        way = 1.5 + wrong.way_to_stock_ms
        failed = wrong.stock_fails
        calls_stock = not wrong.orders_error
        at = 0.0
        call = stock + 2 * way if calls_stock else 0.0
        orders = 4 * wobble + call
        front = 2 * wobble + orders + 3
        self._span(trace, "f1", "", "front", "GET /shop", start, at, front, "server", failed)
        self._span(trace, "f2", "f1", "front", "HTTP GET", start, at + 1, orders + 3, "client", failed)
        self._span(trace, "o1", "f2", "orders", "GET /orders", start, at + 2.5, orders, "server", failed)
        self._log(trace, "o1", "orders", start, at + 3, "OrderService#10 list orders of {n}", number)
        if calls_stock:
            self._span(trace, "o2", "o1", "orders", "HTTP GET", start, at + 4, call, "client", failed)
            self._span(trace, "s1", "o2", "stock", "GET /stock", start, at + 4 + way, stock, "server", failed)
            self._span(trace, "s2", "s1", "stock", "SELECT stock", start, at + 5 + way, query, "", "")
            self._stock_logs(trace, start, at + 4 + way, wrong, number)
            self._log(trace, "o1", "orders", start, at + 3.5 + call, "OrderService#20 listed {n} orders", number)
        else:
            self._log(trace, "o1", "orders", start, at + 3.5, f"ERROR OrderService#15 {wrong.orders_error}", number)

    def _stock_logs(self, trace: str, start: int, at: float, wrong: Trouble, number: int) -> None:
        self._log(trace, "s1", "stock", start, at + 1, "StockService#31 find item {n}", number)
        if wrong.stock_error:
            self._log(trace, "s1", "stock", start, at + 2, f"ERROR StockService#37 {wrong.stock_error}", number)
        elif not wrong.stock_stops:
            place = "StockService#33 reserve {n}" if wrong.branch else "StockService#34 found {n}"
            self._log(trace, "s1", "stock", start, at + 2, place, number)
            self._log(trace, "s1", "stock", start, at + 3, "StockService#36 done with {n}", number)

    def _span(
        self,
        trace: str,
        span: str,
        parent: str,
        service: str,
        name: str,
        start: int,
        at_ms: float,
        ms: float,
        kind: str,
        failed: str,
    ) -> None:
        self.spans.append(
            {
                "trace_id": trace,
                "span_id": span,
                "parent_span_id": parent,
                "service": service + self._suffix,
                "name": name,
                "kind": kind,
                "start_ns": start + round(at_ms * NS_PER_MS),
                "duration_ns": round(ms * NS_PER_MS),
                "status": "error" if failed and kind else "",
                "status_message": failed if kind else "",
                "source_id": 1,
                "line": len(self.spans) + 1,
            }
        )

    def _log(self, trace: str, span: str, service: str, start: int, at_ms: float, template: str, number: int) -> None:
        text = template.replace("{n}", "<*>")
        shape = self.templates.setdefault(text, zlib.crc32(text.encode()))
        self.logs.append(
            {
                "time_ns": start + round(at_ms * NS_PER_MS),
                "service": service + self._suffix,
                "severity": "error" if text.startswith("ERROR") else "info",
                "body": template.replace("{n}", str(number)),
                "shape": shape,
                "trace_id": trace,
                "span_id": span,
                "source_id": 1,
                "line": len(self.logs) + 1,
            }
        )


def series(
    service: str, name: str, values: list[float], step_s: float = 60.0, kind: str = "gauge", unit: str = ""
) -> list[Row]:
    """Metric points, one a `step_s`, ending with the system's second minute."""
    first = START_NS + 120 * NS_PER_S - round((len(values) - 1) * step_s) * NS_PER_S
    return [
        {
            "time_ns": first + round(place * step_s * NS_PER_S),
            "service": service,
            "instance": f"{service}-1",
            "name": name,
            "kind": kind,
            "unit": unit,
            "value": value,
            "source_id": 1,
            "line": place + 1,
        }
        for place, value in enumerate(values)
    ]


DROPS_INDEX = """--- a/migrations/007.sql
+++ b/migrations/007.sql
@@ -1,2 +1,3 @@
 BEGIN;
+DROP INDEX idx_stock_item;
 COMMIT;
"""
RENAMES = """--- a/money.py
+++ b/money.py
@@ -1,2 +1,2 @@
 def total(lines):
-    return sum(line.price for line in lines)
+    return sum(each.price for each in lines)
"""


def commit(sha: str, at_s: int, diff: str = "", repo: str = "stock", **more: Any) -> Row:
    row = {"kind": "commit", "id": sha * 10, "commit_sha": sha * 10, "time_ns": START_NS + at_s * NS_PER_S}
    return {**row, "repo": repo, "message": f"change {sha}", "diff": diff, **more}


def deploy(name: str, sha: str, at_s: int, service: str = "stock", repo: str = "stock") -> Row:
    row = {"kind": "deploy", "id": name, "commit_sha": sha * 10, "time_ns": START_NS + at_s * NS_PER_S}
    return {**row, "service": service, "repo": repo}
