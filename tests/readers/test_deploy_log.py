"""Deploys told as text: what a line says, which lines are one deploy, and which files are of deploys at all."""

from __future__ import annotations

from typing import Any

import pytest

from deep_code_reasoning.readers.base import Head
from deep_code_reasoning.readers.deploy_lines import DeployLine, deploy_line
from deep_code_reasoning.readers.registry import choose

LINES = {
    "+ helm upgrade --install cart charts/cart --set image.tag=1.2.3": DeployLine(
        True, service="cart", version="1.2.3"
    ),
    "docker service update --image registry/cart:1.2.3 shop_cart": DeployLine(True, service="cart", version="1.2.3"),
    'Release "cart" has been upgraded. Happy Helming!': DeployLine(True, phase="ended", service="cart"),
    "kubectl rollout undo deployment/cart": DeployLine(True, back=True, service="cart"),
    "Upgraded cart from 3.1.0 to 3.2.0": DeployLine(True, phase="ended", service="cart", version="3.2.0"),
    "Promoting cart:main-69fc29f": DeployLine(True, phase="begun", service="cart", version="main-69fc29f"),
    "Deploying cart v2.0.1: retry failed payments": DeployLine(True, phase="begun", service="cart", version="v2.0.1"),
    "cart: deploy failed": DeployLine(True, phase="failed", service="cart"),
    "deploy-cart #12 started by user Sanne de Wit": DeployLine(
        True, phase="begun", job="deploy-cart #12", service="cart", author="Sanne de Wit"
    ),
    "Shipped order 7f3a9c1 to customer": DeployLine(False),
    "released connection to 10.0.0.3": DeployLine(False),
    "synced 14 records": DeployLine(False),
}


@pytest.mark.parametrize("text", LINES)
def test_a_line_says_what_was_deployed(text: str) -> None:
    assert deploy_line(text) == LINES[text]


def chosen(name: str, *lines: str) -> str | None:
    text = "".join(f"2026-06-18T14:00:{second:02d}Z {line}\n" for second, line in enumerate(lines))
    reader = choose(Head(name, text.encode(), True))
    return reader.format if reader is not None else None


def test_the_log_of_a_service_that_mentions_a_deploy_stays_a_log() -> None:
    busy = ["INFO order 7 shipped", "INFO lock released", "INFO synced 3 records", "INFO upgraded to websocket"]
    assert chosen("cart.log", "INFO deployed cart version 1.2.3", *busy) == "plain-log"
    assert chosen("cart.log", *busy) == "plain-log"


def test_a_file_that_is_called_for_deploys_is_read_though_most_lines_are_of_the_build() -> None:
    lines = ["fetching", "compiling", "linking", "packing", "pushing", "helm upgrade --install cart charts/cart"]
    lines += ['Release "cart" has been upgraded. Happy Helming!']
    assert chosen("deploy-prod.log", *lines) == "deploy-log"
    assert chosen("build.log", *lines) == "plain-log"


def test_a_list_that_a_team_keeps_needs_no_verb(read_evidence: Any) -> None:
    text = b"# Deploys\n\n| when | service | version |\n|---|---|---|\n| 2026-06-18 14:00 UTC | cart | v1.2.3 |\n"
    rows = read_evidence("deploy-log", {"DEPLOYS.md": text})["DEPLOYS.md"].tables["changes"]
    assert [(row["line"], row["service"], row["version"]) for row in rows] == [(5, "cart", "v1.2.3")]


def test_a_pipeline_is_no_service(read_evidence: Any) -> None:
    text = b"2026-06-18T14:00:00Z Deploying cart v1.2.3\n2026-06-18T14:01:00Z nothing else to do\n"
    tables = read_evidence("deploy-log", {"deploy-prod.log": text})["deploy-prod.log"].tables
    assert [row["service"] for row in tables["changes"]] == ["cart"]
    assert [row["service"] for row in tables["logs"]] == [""]


@pytest.mark.parametrize("piece", ["a", "a-", "deploy ", "x=", "1.", "by A ", "#", "/", "a1b2c3d", "helm upgrade -a "])
def test_absurdly_long_lines_are_looked_at_where_they_begin(piece: str) -> None:
    assert isinstance(deploy_line(piece * 200_000), DeployLine)


@pytest.mark.parametrize(
    ("end", "outcome"),
    [
        ("cart v1.2.3 is live", ""),
        ("deploy of cart v1.2.3 failed: image not found", "failed"),
        ("deploy of cart v1.2.3 aborted by Lea", "cancelled"),
        ("deploy of cart v1.2.3 failed: 2 of 6 pods ready, rest timed out", "partial"),
    ],
)
def test_what_became_of_a_run_is_kept(read_evidence: Any, end: str, outcome: str) -> None:
    text = f"2026-06-18T14:00:00Z Deploying cart v1.2.3 to production\n2026-06-18T14:03:00Z {end}\n".encode()
    (row,) = read_evidence("deploy-log", {"deploys.log": text})["deploys.log"].tables["changes"]
    assert (row["service"], row["attributes"].get("outcome", "")) == ("cart", outcome)
    assert row["attributes"]["environment"] == "production"
