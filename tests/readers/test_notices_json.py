"""Alerts, status events and log patterns, whoever sent them; an alert's time, title and subject above all."""

from __future__ import annotations

from typing import Any

import pytest

from deep_code_reasoning.readers.notice_records import kind_of, row_of

T0 = 1781791200_000_000_000

RECORDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "an incident in two members": (
        {"title": "Orders fail", "noticed_at": "2026-06-18T14:00:00Z"},
        {
            "kind": "alert",
            "id": "370cc2b1@2026-06-18T14:00:00Z",
            "time_ns": T0,
            "title": "Orders fail",
            "text": "Orders fail",
        },
    ),
    "an incident as people write it": (
        {
            "name": "INC-7",
            "started_at": "2026-06-18 14:00",
            "severity": "SEV1",
            "service": "cart",
            "description": "Checkout fails",
        },
        {
            "kind": "alert",
            "id": "cart@2026-06-18T14:00:00Z",
            "time_ns": T0,
            "subject": "cart",
            "status": "SEV1",
            "title": "INC-7",
            "text": "Checkout fails",
        },
    ),
    "Prometheus' alert": (
        {
            "labels": {"alertname": "HighErrors", "job": "cart", "severity": "page"},
            "annotations": {"description": "61 % fail"},
            "state": "firing",
            "activeAt": "2026-06-18T14:00:00Z",
            "value": "0.61",
        },
        {
            "kind": "alert",
            "id": "cart@2026-06-18T14:00:00Z",
            "time_ns": T0,
            "subject": "cart",
            "status": "page",
            "title": "HighErrors",
            "text": "61 % fail",
            "attributes": {"state": "firing", "value": "0.61"},
        },
    ),
    "PagerDuty's webhook": (
        {
            "event": "incident.trigger",
            "created_on": "2026-06-18T14:00:00Z",
            "incident": {"id": "P1", "title": "cart is down", "service": {"name": "cart"}, "urgency": "high"},
        },
        {
            "kind": "alert",
            "id": "P1",
            "time_ns": T0,
            "subject": "cart",
            "status": "high",
            "title": "cart is down",
            "text": "cart is down",
        },
    ),
    "Opsgenie's webhook": (
        {
            "action": "Create",
            "alert": {
                "alertId": "a1",
                "message": "cart is down",
                "createdAt": 1781791200000,
                "entity": "cart",
                "priority": "P1",
                "description": "no answer",
            },
        },
        {
            "kind": "alert",
            "id": "a1",
            "time_ns": T0,
            "subject": "cart",
            "status": "P1",
            "title": "cart is down",
            "text": "no answer",
            "attributes": {"action": "Create"},
        },
    ),
    "a CloudWatch alarm": (
        {
            "AlarmName": "cart-5xx",
            "NewStateValue": "ALARM",
            "NewStateReason": "Threshold crossed",
            "StateChangeTime": "2026-06-18T14:00:00.000+0000",
            "Trigger": {"MetricName": "5XX"},
        },
        {
            "kind": "alert",
            "id": "9129634a@2026-06-18T14:00:00Z",
            "time_ns": T0,
            "status": "ALARM",
            "title": "cart-5xx",
            "text": "Threshold crossed",
            "attributes": {"Trigger.MetricName": "5XX"},
        },
    ),
    "Google Cloud's incident": (
        {
            "id": "g1",
            "begin": "2026-06-18T14:00:00+00:00",
            "end": "2026-06-18T15:00:00+00:00",
            "external_desc": "Elevated errors",
            "service_name": "Cloud Storage",
            "status_impact": "SERVICE_DISRUPTION",
            "updates": [{"created": "2026-06-18T14:10:00+00:00", "text": "We look into it."}],
        },
        {
            "kind": "status",
            "id": "g1",
            "time_ns": T0,
            "end_ns": T0 + 3600 * 1_000_000_000,
            "subject": "Cloud Storage",
            "status": "SERVICE_DISRUPTION",
            "title": "SERVICE_DISRUPTION",
            "text": "Elevated errors\nWe look into it.",
        },
    ),
    "AWS Health": (
        {
            "arn": "arn:aws:health:1",
            "service": "EC2",
            "eventTypeCode": "AWS_EC2_OPERATIONAL_ISSUE",
            "startTime": 1781791200.5,
            "statusCode": "open",
            "region": "eu-1",
        },
        {
            "kind": "status",
            "id": "arn:aws:health:1",
            "time_ns": T0 + 500_000_000,
            "subject": "EC2",
            "status": "open",
            "title": "AWS_EC2_OPERATIONAL_ISSUE",
            "text": "AWS_EC2_OPERATIONAL_ISSUE",
            "attributes": {"region": "eu-1"},
        },
    ),
    "a pattern with its times": (
        {
            "pattern": "timeout after <*> ms",
            "service": "cart",
            "count": 41,
            "first_seen": "2026-06-18T14:00:00Z",
            "last_seen": "2026-06-18T14:00:10Z",
        },
        {
            "kind": "pattern",
            "id": "cart@2026-06-18T14:00:00Z",
            "time_ns": T0,
            "end_ns": T0 + 10_000_000_000,
            "subject": "cart",
            "title": "timeout after <*> ms",
            "text": "41 times",
            "attributes": {"count": "41"},
        },
    ),
}


@pytest.mark.parametrize("name", RECORDS)
def test_a_notice_is_known_whoever_sent_it(name: str) -> None:
    record, expected = RECORDS[name]
    row = row_of(record, {})
    assert row is not None
    assert {column: cell for column, cell in row.items() if cell} == expected
    assert kind_of(record, {})[1] >= 0.9


@pytest.mark.parametrize(
    "record",
    [
        {"timestamp": "2026-06-18T14:00:00Z", "level": "error", "msg": "boom", "service": "cart"},
        {"timestamp": "2026-06-18T14:00:00Z", "service": "cart", "metric": "p99", "value": 1},
        {"sha": "6dcb09b", "message": "Fix", "timestamp": "2026-06-18T14:00:00Z"},
        {"timestamp": "2026-06-18T14:00:00Z", "flag": "x", "change": "off->on"},
        {"title": "a document"},
        {"message": "boom", "severity": "ERROR"},
    ],
)
def test_what_is_no_notice_is_not_taken_for_one(record: dict[str, Any]) -> None:
    assert kind_of(record, {}) == ("", 0.0)


def test_an_incident_without_a_time_keeps_its_title(read_evidence: Any) -> None:
    text = b'{"id": "INC-7", "title": "Orders fail", "severity": "SEV2"}'
    rows = read_evidence("notices-json", {"alert.json": text})["alert.json"].rows
    assert [(row["kind"], row["id"], row["title"], row["status"], row["time_ns"]) for row in rows] == [
        ("alert", "INC-7", "Orders fail", "SEV2", 0)
    ]


def test_ids_that_repeat_are_told_apart(read_evidence: Any) -> None:
    text = b'{"title": "a", "fired_at": "2026-06-18T14:00:00Z", "service": "cart"}\n' * 2
    rows = read_evidence("notices-json", {"x.jsonl": text})["x.jsonl"].rows
    assert [row["id"] for row in rows] == ["cart@2026-06-18T14:00:00Z", "cart@2026-06-18T14:00:00Z~2"]


def test_a_status_page_in_one_document_gives_its_incidents_and_components(read_evidence: Any) -> None:
    text = b"""{"page": {"name": "Pay"}, "status": {"indicator": "major"},
      "components": [{"id": "c1", "name": "API", "status": "degraded_performance",
                      "updated_at": "2026-06-18T14:00:00Z"}],
      "incidents": [{"id": "i1", "name": "Errors", "status": "investigating", "impact": "major",
                     "started_at": "2026-06-18T13:50:00Z", "incident_updates": []}]}"""
    rows = read_evidence("notices-json", {"summary.json": text})["summary.json"].rows
    assert [(row["kind"], row["id"], row["subject"], row["status"]) for row in rows] == [
        ("status", "c1", "API", "degraded_performance"),
        ("status", "i1", "Pay", "investigating"),
    ]
