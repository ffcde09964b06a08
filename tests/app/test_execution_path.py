"""What runs from an entry point on, over services too, and where its data goes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deep_code_reasoning.app.execution_path import EntryPoint, trace_execution_path
from deep_code_reasoning.source import Roots

FILES = {
    "shop/api/routes.py": """from fastapi import FastAPI
from api.orders import place_order
app = FastAPI()

@app.post("/orders")
def create_order(sku, amount, trace):
    total = amount * 2
    log(trace)
    return place_order(sku, total=total)
""",
    "shop/api/orders.py": """import httpx
from kafka import KafkaProducer

def place_order(item, total):
    url = f"http://stock/items/{item}/reserve"
    httpx.post(url, json={})
    for each in range(3):
        save(each, total)
    producer.send("orders", note(item))

def save(position, money):
    db.execute("INSERT INTO orders (position, money) VALUES (%s, %s)", position, money)
    return position

def note(text):
    return text.encode()
""",
    "stock/main.go": """package main

func main() {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /items/{sku}/reserve", reserve)
}

func reserve(w http.ResponseWriter, r *http.Request) {
	sku := r.PathValue("sku")
	take(sku)
}

func take(sku string) {
	db.Exec("UPDATE levels SET level = level - 1 WHERE sku = $1", sku)
}
""",
    "mail/worker.py": """from kafka import KafkaConsumer

def listen():
    for message in KafkaConsumer("orders"):
        deliver(message)

def deliver(message): ...
""",
}


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("DCR_HOME", str(tmp_path / "home"))
    for path, text in FILES.items():
        (tmp_path / "code" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "code" / path).write_text(text)
    return {
        "roots": Roots([tmp_path / "code" / name for name in ("shop", "stock", "mail")]),
        "entry_point": EntryPoint("shop/api/routes.py", 7),
        "case": None,
        "max_depth": 10,
        "include_data_flow": True,
    }


def test_a_path_goes_on_in_the_services_that_it_calls(asked: dict[str, Any]) -> None:
    path = trace_execution_path(**asked)["sections"]["path"]
    assert [(step["depth"], step["function"], step.get("over", "")) for step in path] == [
        (0, "create_order", ""),
        (1, "place_order", ""),
        (2, "save", ""),
        (2, "note", ""),
        (2, "reserve", "http /items/{}/reserve"),
        (3, "take", ""),
        (2, "listen", "topic orders"),
        (3, "deliver", ""),
    ]
    near = trace_execution_path(**{**asked, "max_depth": 1})["sections"]["path"]
    assert [step["function"] for step in near] == ["create_order", "place_order"]


def test_data_is_followed_to_queries_requests_and_messages(asked: dict[str, Any]) -> None:
    flows = trace_execution_path(**asked)["sections"]["data_flow"]
    found = {(tuple(flow["from"]), flow["to"], flow["service"]) for flow in flows}
    assert found == {
        (("sku",), "http POST /items/{}/reserve", "shop"),
        (("sku",), "topic kafka orders", "shop"),
        (("amount",), "table write orders", "shop"),
        (("sku",), "table write levels", "stock"),
    }
    (levels,) = [flow for flow in flows if flow["service"] == "stock"]
    assert levels["through"] == ["create_order", "place_order", "[http /items/{}/reserve]", "reserve", "take"]
    assert levels["at"] == "code:stock/main.go#14"


def test_depth_and_the_wish_for_data_flow_take_effect(asked: dict[str, Any]) -> None:
    assert "data_flow" not in trace_execution_path(**{**asked, "include_data_flow": False})["sections"]
    near = trace_execution_path(**{**asked, "max_depth": 1})["sections"]["data_flow"]
    assert {flow["service"] for flow in near} == {"shop"}
    assert not any(flow["to"].startswith("table") for flow in near)
