"""Spans and metrics by the semantic conventions for generative AI, sent by OTLP over HTTP.

The conventions (github.com/open-telemetry/semantic-conventions-genai, status Development, as of November 2026) name
an `invoke_workflow` span for the analysis, `invoke_agent` for a model that is consulted, `chat` for a request,
`execute_tool` for a tool; attributes of our own begin with `dcr.`. Nothing is set globally: libraries beside us that
are instrumented as well are neither switched on nor changed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Final

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import Histogram, NoOpMeterProvider
from opentelemetry.metrics import MeterProvider as AnyMeterProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import NoOpTracerProvider, Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context
from opentelemetry.trace import TracerProvider as AnyTracerProvider

from ..domain.asking import Attempt, ModelEvent, OnEvent, ToolUsed
from ..errors import DeepCodeReasoningError
from .recorder import Attributes, Trace, Value

_SCOPE: Final = "deep_code_reasoning"
_NS_PER_S: Final = 1_000_000_000
# The conventions' names of providers, where they are not those of ours.
_PROVIDERS: Final = {
    "google": "gcp.gemini",
    "google-cloud": "gcp.vertex_ai",
    "openai-chat": "openai",
    "openai-responses": "openai",
    "azure": "azure.ai.openai",
    "azure-responses": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "mistral": "mistral_ai",
    "moonshotai": "moonshot_ai",
    "xai": "x_ai",
}
# Boundaries that the conventions recommend, in tokens and seconds.
_TOKEN_BOUNDARIES: Final = [4**power for power in range(14)]
_DURATION_BOUNDARIES: Final = [0.01 * 2**power for power in range(14)]


class OtlpRecorder:
    """Sends spans in batches and metrics at intervals; what is left is sent when the process ends."""

    def __init__(self, traces: bool, metrics: bool) -> None:
        """Open the exporters that are wanted; where to, and with which headers, OTEL_* variables say."""
        release = version("deep-code-reasoning-mcp")
        resource = _resource(release)
        self._spans: TracerProvider | None = None
        self._meters: MeterProvider | None = None
        if traces:
            self._spans = TracerProvider(resource=resource)
            self._spans.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        if metrics:
            self._meters = MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())], resource)
        spans: AnyTracerProvider = self._spans or NoOpTracerProvider()
        self._tracer = spans.get_tracer(_SCOPE, release)
        self._metrics = _Metrics(self._meters or NoOpMeterProvider(), release)

    @contextmanager
    def analysis(self, kind: str, attributes: Attributes) -> Iterator[Trace]:
        """A trace of its own, with the attributes that are known by now."""
        span = self._tracer.start_span(f"invoke_workflow {kind}", context=Context())
        names: dict[str, Value] = {"gen_ai.operation.name": "invoke_workflow", "gen_ai.workflow.name": kind}
        span.set_attributes(names)
        trace = _OtlpTrace(self._tracer, self._metrics, span)
        trace.note(attributes)
        started_s, error = time.monotonic(), None
        try:
            with _ending(span):
                yield trace
        except BaseException as fault:
            error = _code(fault)
            raise
        finally:
            duration_s = time.monotonic() - started_s
            self._metrics.analyses.record(duration_s, {"gen_ai.workflow.name": kind, **_error(error)})

    def close(self) -> None:
        """Send what is left, and stop."""
        for provider in (self._spans, self._meters):
            if provider is not None:
                provider.shutdown()


class _OtlpTrace:
    """A span, under which turns, requests and tools are recorded."""

    def __init__(self, tracer: Tracer, metrics: _Metrics, span: Span) -> None:
        self._tracer, self._metrics, self._span = tracer, metrics, span

    @contextmanager
    def turn(self, agent: str, model: str) -> Iterator[Trace]:
        """A model that is consulted."""
        span = self._tracer.start_span(f"invoke_agent {agent}", context=set_span_in_context(self._span))
        names = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": agent, "gen_ai.request.model": model}
        span.set_attributes(names)
        with _ending(span):
            yield _OtlpTrace(self._tracer, self._metrics, span)

    def listening(self, listener: OnEvent | None = None) -> OnEvent:
        """Record every request and tool as it ends."""

        def on_event(event: ModelEvent) -> None:
            if isinstance(event, Attempt):
                self._request(event)
            elif isinstance(event, ToolUsed):
                self._tool(event)
            if listener is not None:
                listener(event)

        return on_event

    def note(self, attributes: Attributes) -> None:
        """Add attributes; what is None is unknown, and left out."""
        self._span.set_attributes({name: value for name, value in attributes.items() if value is not None})

    def _request(self, attempt: Attempt) -> None:
        usage = attempt.usage
        names: dict[str, Value | None] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": _PROVIDERS.get(attempt.provider, attempt.provider),
            "gen_ai.request.model": attempt.model,
            "gen_ai.response.model": attempt.resolved,
        }
        figures: dict[str, Value | None] = {
            "gen_ai.usage.input_tokens": usage.input_tokens,
            "gen_ai.usage.output_tokens": usage.output_tokens,
            "gen_ai.usage.cache_read.input_tokens": usage.cached_tokens,
            "gen_ai.usage.cache_creation.input_tokens": usage.cache_write_tokens,
            "gen_ai.usage.reasoning.output_tokens": usage.reasoning_tokens,
            "dcr.cost_usd": None if attempt.cost_usd is None else float(attempt.cost_usd),
        }
        span = self._past(f"chat {attempt.model}", SpanKind.CLIENT, attempt.duration_s, attempt.error)
        child = _OtlpTrace(self._tracer, self._metrics, span)
        child.note({**names, **figures})
        if attempt.finish_reason is not None:
            span.set_attribute("gen_ai.response.finish_reasons", [attempt.finish_reason])
        span.end()
        self._metrics.request(attempt, {name: value for name, value in names.items() if value is not None})

    def _tool(self, used: ToolUsed) -> None:
        error = "tool_failed" if used.failed else None
        span = self._past(f"execute_tool {used.name}", SpanKind.INTERNAL, used.duration_s, error)
        names: dict[str, Value] = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": used.name}
        span.set_attributes({**names, "gen_ai.tool.type": "function", "dcr.tool.result_chars": used.result_chars})
        span.end()
        self._metrics.tools.record(used.duration_s, {"gen_ai.tool.name": used.name, **_error(error)})

    def _past(self, name: str, kind: SpanKind, duration_s: float, error: str | None) -> Span:
        """A span of something that ends now."""
        context = set_span_in_context(self._span)
        start_ns = time.time_ns() - int(duration_s * _NS_PER_S)
        span = self._tracer.start_span(name, context=context, kind=kind, start_time=start_ns)
        _fail(span, error)
        return span


class _Metrics:
    """The instruments, by the conventions' names and boundaries."""

    def __init__(self, provider: AnyMeterProvider, release: str) -> None:
        meter = provider.get_meter(_SCOPE, release)

        def seconds(name: str, description: str) -> Histogram:
            return meter.create_histogram(
                name, "s", description, explicit_bucket_boundaries_advisory=_DURATION_BOUNDARIES
            )

        self.analyses = seconds("gen_ai.workflow.duration", "Analyses")
        self.tools = seconds("gen_ai.execute_tool.duration", "Tools")
        self._requests = seconds("gen_ai.client.operation.duration", "Requests to models")
        self._tokens = meter.create_histogram(
            "gen_ai.client.token.usage",
            "{token}",
            "Tokens of a request",
            explicit_bucket_boundaries_advisory=_TOKEN_BOUNDARIES,
        )
        self._cost = meter.create_counter("dcr.cost", "{USD}", "Money for requests whose price is known")

    def request(self, attempt: Attempt, names: dict[str, Value]) -> None:
        """Count a request. What nobody reported is not counted as nothing."""
        self._requests.record(attempt.duration_s, {**names, **_error(attempt.error)})
        for kind, tokens in (("input", attempt.usage.input_tokens), ("output", attempt.usage.output_tokens)):
            if tokens is not None:
                self._tokens.record(tokens, {**names, "gen_ai.token.type": kind})
        if attempt.cost_usd is not None:
            self._cost.add(float(attempt.cost_usd), names)


@contextmanager
def _ending(span: Span) -> Iterator[None]:
    """End a span with the block, with the error that comes out of it."""
    try:
        yield
    except BaseException as fault:
        _fail(span, _code(fault))
        raise
    finally:
        span.end()


def _fail(span: Span, error: str | None) -> None:
    """Note an error by its code. Its message may hold content, and stays here."""
    if error is not None:
        span.set_attributes(_error(error))
        span.set_status(Status(StatusCode.ERROR))


def _code(fault: BaseException) -> str:
    return fault.code if isinstance(fault, DeepCodeReasoningError) else type(fault).__name__


def _error(error: str | None) -> dict[str, Value]:
    return {} if error is None else {"error.type": error}


def _resource(release: str) -> Resource:
    """Who we are; a name that the user gave us by OTEL_SERVICE_NAME or OTEL_RESOURCE_ATTRIBUTES goes first."""
    resource = Resource.create({"service.version": release})
    if str(resource.attributes["service.name"]).startswith("unknown_service"):
        return resource.merge(Resource({"service.name": "deep-code-reasoning-mcp"}))
    return resource
