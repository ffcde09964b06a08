"""What a collector hears of an analysis, and that without one nothing is loaded and nothing is different."""

from __future__ import annotations

import gzip
import subprocess
import sys
import threading
from collections.abc import Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from deep_code_reasoning.domain.asking import Attempt, ModelEvent, TextArrived, ToolUsed
from deep_code_reasoning.domain.usage import Usage
from deep_code_reasoning.errors import DeadlineError
from deep_code_reasoning.telemetry import SILENT, open_recorder

SECRET = "the lease of tenant 4711 ends first"
REQUEST = Attempt(
    "call-1", "deep", "google", "deep-2026-10", Usage(1000, 200, 800, 50), Decimal("0.25"), "stop", 2.0, SECRET
)
UNKNOWN = Attempt("call-2", "wide", "openai-responses", None, Usage(), None, None, 0.5, "", "provider_rate_limited")
TOOL = ToolUsed("query_case", f'{{"sql": "{SECRET}"}}', 512, failed=False, duration_s=0.125)


class Collector:
    """An OTLP/HTTP collector on a loopback port."""

    def __init__(self) -> None:
        self.bodies: dict[str, list[bytes]] = {"/v1/traces": [], "/v1/metrics": []}
        bodies = self.bodies

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                packed = self.headers.get("content-encoding") == "gzip"
                bodies[self.path].append(gzip.decompress(body) if packed else body)
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def spans(self) -> list[Any]:
        requests = [ExportTraceServiceRequest.FromString(body) for body in self.bodies["/v1/traces"]]
        return [s for r in requests for rs in r.resource_spans for ss in rs.scope_spans for s in ss.spans]

    def metrics(self) -> dict[str, Any]:
        requests = [ExportMetricsServiceRequest.FromString(body) for body in self.bodies["/v1/metrics"]]
        return {m.name: m for r in requests for rm in r.resource_metrics for sm in rm.scope_metrics for m in sm.metrics}

    def resource(self) -> dict[str, Any]:
        request = ExportTraceServiceRequest.FromString(self.bodies["/v1/traces"][0])
        return attributes(request.resource_spans[0].resource)


def attributes(carrier: Any) -> dict[str, Any]:
    def plain(value: Any) -> Any:
        kind = value.WhichOneof("value")
        return [plain(v) for v in value.array_value.values] if kind == "array_value" else getattr(value, kind)

    return {entry.key: plain(entry.value) for entry in carrier.attributes}


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("ENDPOINT", "PROTOCOL", "TRACES_ENDPOINT", "METRICS_ENDPOINT"):
        monkeypatch.delenv(f"OTEL_EXPORTER_OTLP_{name}", raising=False)
    open_recorder.cache_clear()
    yield
    open_recorder().close()
    open_recorder.cache_clear()


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    made = Collector()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", made.url)
    yield made
    open_recorder().close()
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def analyse(heard: list[ModelEvent] | None = None) -> None:
    """Two turns: one model asks a tool and answers, another is refused."""
    listener = None if heard is None else heard.append
    with open_recorder().analysis("cross_system", {"dcr.escalation.id": "e1", "dcr.case": None}) as trace:
        with trace.turn("cross_system", "deep") as turn:
            for event in (TextArrived(SECRET), TOOL, REQUEST):
                turn.listening(listener)(event)
        with trace.turn("cross_system", "wide") as turn:
            turn.listening(listener)(UNKNOWN)
        trace.note({"dcr.escalation.status": "answered"})


def test_one_trace_has_a_span_for_each_turn_request_and_tool(collector: Collector) -> None:
    analyse()
    open_recorder().close()
    spans = {span.name: span for span in collector.spans()}
    turns = [span for span in collector.spans() if span.name == "invoke_agent cross_system"]
    root = spans["invoke_workflow cross_system"]
    assert len({span.trace_id for span in collector.spans()}) == 1
    assert (root.parent_span_id, {turn.parent_span_id for turn in turns}) == (b"", {root.span_id})
    by_model = {attributes(turn)["gen_ai.request.model"]: turn.span_id for turn in turns}
    chat, tool = spans["chat deep"], spans["execute_tool query_case"]
    assert {chat.parent_span_id, tool.parent_span_id} == {by_model["deep"]}
    assert spans["chat wide"].parent_span_id == by_model["wide"]
    assert attributes(root) == {
        "gen_ai.operation.name": "invoke_workflow",
        "gen_ai.workflow.name": "cross_system",
        "dcr.escalation.id": "e1",
        "dcr.escalation.status": "answered",
    }
    assert attributes(chat) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "gcp.gemini",
        "gen_ai.request.model": "deep",
        "gen_ai.response.model": "deep-2026-10",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": 1000,
        "gen_ai.usage.output_tokens": 200,
        "gen_ai.usage.cache_read.input_tokens": 800,
        "gen_ai.usage.reasoning.output_tokens": 50,
        "dcr.cost_usd": 0.25,
    }
    assert chat.kind == chat.SPAN_KIND_CLIENT
    assert (chat.end_time_unix_nano - chat.start_time_unix_nano) / 1e9 == pytest.approx(2, abs=0.2)
    # What nobody reported is absent, and a failure has its code.
    assert attributes(spans["chat wide"]) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "wide",
        "error.type": "provider_rate_limited",
    }
    assert spans["chat wide"].status.code == spans["chat wide"].status.STATUS_CODE_ERROR
    assert collector.resource()["service.name"] == "deep-code-reasoning-mcp"


def test_metrics_have_the_names_of_the_conventions(collector: Collector) -> None:
    analyse()
    open_recorder().close()
    metrics = collector.metrics()
    assert metrics.keys() == {
        "gen_ai.workflow.duration",
        "gen_ai.execute_tool.duration",
        "gen_ai.client.operation.duration",
        "gen_ai.client.token.usage",
        "dcr.cost",
    }
    tokens = {
        attributes(point)["gen_ai.token.type"]: point.sum
        for point in metrics["gen_ai.client.token.usage"].histogram.data_points
    }
    assert tokens == {"input": 1000, "output": 200}
    assert metrics["gen_ai.client.token.usage"].histogram.data_points[0].explicit_bounds[:3] == [1, 4, 16]
    assert [point.as_double for point in metrics["dcr.cost"].sum.data_points] == [0.25]
    durations = metrics["gen_ai.client.operation.duration"].histogram.data_points
    assert {attributes(p).get("error.type"): p.sum for p in durations} == {None: 2.0, "provider_rate_limited": 0.5}


def test_content_is_never_sent(collector: Collector) -> None:
    analyse()
    with pytest.raises(DeadlineError), open_recorder().analysis("performance", {}):
        raise DeadlineError(SECRET)
    open_recorder().close()
    assert collector.spans()
    sent = b"".join(body for bodies in collector.bodies.values() for body in bodies)
    assert SECRET.encode() not in sent
    assert b"4711" not in sent
    failed = next(span for span in collector.spans() if span.name == "invoke_workflow performance")
    assert attributes(failed)["error.type"] == "deadline"
    assert not failed.events


def test_the_user_names_the_service(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "payments-debugging")
    analyse()
    open_recorder().close()
    assert collector.resource()["service.name"] == "payments-debugging"


def test_listeners_hear_the_same_with_and_without_a_collector(collector: Collector) -> None:
    with_collector: list[ModelEvent] = []
    analyse(with_collector)
    open_recorder().close()
    open_recorder.cache_clear()
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("OTEL_SDK_DISABLED", "true")
        without: list[ModelEvent] = []
        analyse(without)
    assert with_collector == without == [TextArrived(SECRET), TOOL, REQUEST, UNKNOWN]


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"},
        {
            "OTEL_TRACES_EXPORTER": "none",
            "OTEL_METRICS_EXPORTER": "console",
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
        },
        {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"},
    ],
)
def test_who_names_no_collector_hears_nothing(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert open_recorder() is SILENT
    analyse()


def test_without_a_collector_nothing_of_opentelemetry_is_loaded() -> None:
    code = (
        "import sys\nfrom deep_code_reasoning.telemetry import open_recorder\n"
        "with open_recorder().analysis('performance', {}) as trace:\n    trace.listening()\n"
        "print(sorted(name for name in sys.modules if name.startswith('opentelemetry')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={})
    assert done.stdout.strip() == "[]"


def test_a_collector_that_cannot_be_served_is_no_reason_to_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "deep_code_reasoning.telemetry.otlp", None)
    assert open_recorder() is SILENT
