"""What a change reaches: callers, and whoever relies on what these serve, in other repositories too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deep_code_reasoning.app.impact import cross_system_impact
from deep_code_reasoning.source.roots import Roots

FILES = {
    "stock/app/pricing.py": "def discounted_price(item):\n    return item.price * 0.9\n",
    "stock/app/routes.py": "from fastapi import FastAPI\nfrom .pricing import discounted_price\napp = FastAPI()\n\n"
    "@app.get('/items/{sku}')\ndef show_item(sku):\n    return offer_of(sku)\n\n"
    "def offer_of(sku):\n    return discounted_price(sku)\n",
    "web/src/client.ts": "export const item = (sku: string) => fetch(`http://stock/items/${sku}`);\n",
    "mail/worker.py": "from kafka import KafkaConsumer\nKafkaConsumer('price.changed')\n",
    "stock/app/events.py": "from kafka import KafkaProducer\ndef tell():\n    producer.send('price.changed', b'')\n",
}  # fmt: skip


@pytest.fixture
def roots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("DCR_HOME", str(tmp_path / "home"))
    for path, text in FILES.items():
        (tmp_path / "code" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "code" / path).write_text(text)
    return [str(tmp_path / "code" / name) for name in ("stock", "web", "mail")]


def impact(roots: list[str], *files: str, kinds: tuple[str, ...] = ("breaking", "behavioral")) -> dict[str, Any]:
    code = Roots([Path(root) for root in roots])
    sections: dict[str, Any] = cross_system_impact(code, files, [], None, kinds=kinds)["sections"]
    return sections


def test_a_change_reaches_the_routes_of_its_callers_and_their_consumers(roots: list[str]) -> None:
    found = impact(roots, "stock/app/pricing.py")
    assert [(each["function"], each["calls"]) for each in found["callers"]] == [
        ("offer_of", "discounted_price"),
        ("show_item", "offer_of -> discounted_price"),
    ]
    (contract,) = found["contracts"]
    assert contract["contract"] == "http GET /items/{sku}"
    assert contract["reached_through"] == "show_item -> offer_of -> discounted_price"
    assert [(each["service"], each["at"]) for each in contract["relied_on_by"]] == [("web", "code:web/src/client.ts#1")]


def test_whoever_receives_what_a_file_sends_is_reached(roots: list[str]) -> None:
    (contract,) = impact(roots, "stock/app/events.py")["contracts"]
    assert (contract["contract"], contract["relied_on_by"][0]["service"]) == ("topic kafka price.changed", "mail")


def test_each_kind_is_told_only_when_it_is_asked_for(roots: list[str]) -> None:
    assert "callers" not in impact(roots, "stock/app/pricing.py", kinds=("breaking",))
    assert "contracts" not in impact(roots, "stock/app/pricing.py", kinds=("behavioral",))
