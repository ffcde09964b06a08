"""A span leads to the line of code that it ran or called."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deep_code_reasoning.source import Roots
from deep_code_reasoning.source.contracts.read import read_contracts
from deep_code_reasoning.source.index import SourceIndex
from deep_code_reasoning.source.operations import Operation, Operations
from deep_code_reasoning.source.references import References

FILES = {
    "stock/go.mod": "module stock",
    "stock/main.go": """package main
func main() {
	r := chi.NewRouter()
	r.Route("/v1/items", func(r chi.Router) {
		r.Get("/{sku}", showItem)
		r.Get("/popular", popular)
	})
	pb.RegisterStockServiceServer(s, &server{})
}
func showItem(w http.ResponseWriter, r *http.Request) {
	db.Query("SELECT sku, level FROM levels WHERE sku = $1", sku)
}
func (s *server) Reserve(ctx context.Context, in *pb.ReserveRequest) (*pb.Reply, error) {
	db.Exec("UPDATE levels SET level = level - 1 WHERE sku = $1", in.Sku)
	db.Query("SELECT count(*) FROM levels JOIN reservations ON true")
	return nil, nil
}
""",
    "stock/stock.proto": "package shop.v1;\nservice StockService {\n  rpc Reserve (A) returns (B);\n}\n",
    "cart/requirements.txt": "",
    "cart/app/service.py": """import httpx
from kafka import KafkaProducer, KafkaConsumer
TOPIC = "carts"
class Cart:
    def checkout(self, sku):
        httpx.get(f"http://stock/v1/items/{sku}")
        producer.send(TOPIC, b"x")
        stub = stock_pb2_grpc.StockServiceStub(channel)
        stub.Reserve(sku)
def listen():
    consumer = KafkaConsumer(TOPIC)
class Order:
    def checkout(self): ...
""",
    "other/package.json": "{}",
    "other/index.js": "app.get('/v1/items/:id', (req, res) => {})\n",
}


@pytest.fixture(scope="module")
def finder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operations]:
    folder = tmp_path_factory.mktemp("code")
    for path, text in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    roots = Roots([folder / name for name in ("stock", "cart", "other")])
    with SourceIndex(folder / "index.db") as index:
        trees = [index.add_folder(name, roots).tree for name in roots.names]
        yield Operations(read_contracts(roots), References(index, trees, roots), roots)


@pytest.mark.parametrize(
    ("operation", "places"),
    [
        # the handler where it is found, of the one service that has the name
        (Operation("stock", "GET /v1/items/{sku}", "server"), ["stock/main.go:10"]),
        (Operation("stock-service", "GET", "server", {"http.route": "/v1/items/:id"}), ["stock/main.go:10"]),
        (Operation("stock", "GET", "server", {"url.path": "/v1/items/A-17"}), ["stock/main.go:10"]),
        # a path that is written out goes before one that only fits
        (Operation("stock", "GET", "server", {"http.target": "/v1/items/popular?n=3"}), ["stock/main.go:6"]),
        (Operation("stock", "POST", "server", {"http.route": "/v1/items/{sku}"}), []),
        (Operation("cart", "GET", "client", {"url.full": "http://stock/v1/items/A-17"}), ["cart/app/service.py:6"]),
        (Operation("stock", "shop.v1.StockService/Reserve", "server"), ["stock/main.go:13"]),
        (Operation("stock", "Reserve", "server", {"rpc.service": "shop.v1.StockService", "rpc.method": "Reserve"}),
         ["stock/main.go:13"]),
        (Operation("cart", "shop.v1.StockService/Reserve", "client"), ["cart/app/service.py:9"]),
        (Operation("cart", "publish carts", "producer"), ["cart/app/service.py:7"]),
        (Operation("cart", "carts process", "consumer"), ["cart/app/service.py:11"]),
        (Operation("cart", "poll", "consumer", {"messaging.destination.name": "carts"}), ["cart/app/service.py:11"]),
        (Operation("stock", "SELECT", "client", {"db.statement": "SELECT sku, level FROM levels WHERE sku = ?"}),
         ["stock/main.go:11"]),
        (Operation("stock", "SELECT levels", "client",
                   {"db.query.text": "SELECT count(*) FROM shop.levels JOIN reservations ON true"}),
         ["stock/main.go:15"]),
        (Operation("stock", "UPDATE levels", "client", {"db.collection.name": "levels"}), ["stock/main.go:14"]),
        (Operation("cart", "Cart.checkout", "internal"), ["cart/app/service.py:5"]),
        (Operation("cart", "app.service.listen", "internal"), ["cart/app/service.py:10"]),
        (Operation("cart", "x", "internal", {"code.file.path": "/srv/app/service.py", "code.line.number": "6"}),
         ["cart/app/service.py:6"]),
        (Operation("cart", "x", "", {"code.namespace": "Order", "code.function": "checkout"}),
         ["cart/app/service.py:13"]),
        (Operation("cart", "no such thing", "internal"), []),
    ],
    ids=lambda value: f"{value.service} {value.name}" if isinstance(value, Operation) else "",
)  # fmt: skip
def test_an_operation_leads_to_its_code(finder: Operations, operation: Operation, places: list[str]) -> None:
    assert [str(place) for place in finder.places(operation)] == places


def test_a_place_says_what_led_to_it(finder: Operations) -> None:
    (place,) = finder.places(Operation("cart", "publish carts", "producer"))
    assert place.by == "topic carts"
