"""Reads what the simulator wrote with nothing but `json`: rows of spans and of metrics, times put right."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Row:
    """A span; times are milliseconds after the evidence begins, by the true clock."""

    trace: str
    span: str
    parent: str
    name: str
    kind: int
    start: float
    end: float
    failed: bool
    service: str
    host: str
    attributes: dict[str, Any]


@dataclass(frozen=True)
class Evidence:
    answer: dict[str, Any]
    spans: list[Row]
    metrics: list[tuple[str, str, float, float]]  # name, service, milliseconds, value
    onset: float

    def after(self, row: Row) -> bool:
        return row.start >= self.onset


def milliseconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp() * 1000


def plain(attributes: list[Mapping[str, Any]]) -> dict[str, Any]:
    return {each["key"]: next(iter(each["value"].values())) for each in attributes}


def read(folder: Path) -> Evidence:
    answer = json.loads((folder / "answer.json").read_text())
    start = milliseconds(answer["from"])
    onset = milliseconds(answer["onset"]) - start if answer["onset"] else float("inf")
    return Evidence(answer, list(_spans(folder, answer, start)), list(_metrics(folder, start)), onset)


def _spans(folder: Path, answer: Mapping[str, Any], start: float) -> Iterator[Row]:
    for line in (folder / "evidence" / "traces.otlp.jsonl").read_text().splitlines():
        for group in json.loads(line)["resourceSpans"]:
            resource = plain(group["resource"]["attributes"])
            ahead = answer["clocks"].get(resource["host.name"], 0.0)
            for span in group["scopeSpans"][0]["spans"]:
                yield Row(
                    span["traceId"],
                    span["spanId"],
                    span.get("parentSpanId", ""),
                    span["name"],
                    span.get("kind", 0),
                    int(span["startTimeUnixNano"]) / 1e6 - ahead - start,
                    int(span["endTimeUnixNano"]) / 1e6 - ahead - start,
                    span["status"].get("code") == 2,
                    resource["service.name"],
                    resource["host.name"],
                    plain(span["attributes"]),
                )


def _metrics(folder: Path, start: float) -> Iterator[tuple[str, str, float, float]]:
    for line in (folder / "evidence" / "metrics.otlp.jsonl").read_text().splitlines():
        for group in json.loads(line)["resourceMetrics"]:
            service = plain(group["resource"]["attributes"])["service.name"]
            for metric in group["scopeMetrics"][0]["metrics"]:
                points = (metric.get("gauge") or metric.get("sum") or {"dataPoints": []})["dataPoints"]
                for point in points:
                    value = float(point.get("asInt") or point.get("asDouble"))
                    yield metric["name"], service, int(point["timeUnixNano"]) / 1e6 - start, value
