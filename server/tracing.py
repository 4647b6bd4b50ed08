"""Spans of OpenTelemetry: one a request, which FastAPI makes, and one an action with its stages.

Without an SDK nothing is recorded. With the extra `otel`, the usual variables say where spans go:
OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318 OTEL_SERVICE_NAME=pandora pandora serve
"""

import time
from typing import TYPE_CHECKING

from fastapi.telemetry import TelemetryConfig
from opentelemetry import context, trace
from opentelemetry.context import Context

from pandora.errors import PandoraError

if TYPE_CHECKING:
    from server.sessions.turn import Turn
    from server.sessions.world import Step

_QUIET = ("/healthz", "/readyz", "/metrics")
_STAGES = ("read", "denoise", "decode", "encode")


def request_spans() -> TelemetryConfig:
    """For FastAPI: spans of requests and sockets, exported as the variables say unless somebody set a provider."""
    return {
        "metrics": False,
        "logs": False,
        "operation_spans": False,
        "auto_configure": isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider),
        "exclude": lambda scope: scope.get("path") in _QUIET,
    }


def here() -> Context:
    """What a span that is made later has as its parent."""
    return context.get_current()


def tag(**ids: str) -> None:
    """Ids as attributes of the request's span."""
    trace.get_current_span().set_attributes({f"pandora.{name}": value for name, value in ids.items()})


def trace_ids() -> dict[str, str]:
    """The id of the trace, if there is one, for the log."""
    found = trace.get_current_span().get_span_context()
    return {"trace_id": trace.format_trace_id(found.trace_id)} if found.is_valid else {}


def trace_action(turn: "Turn", outcome: "Step | Exception") -> None:
    """The span of an action, once it is durable or lost.

    Decoding and encoding alternate, so the stages are shown one after another, each as long as all of it took.
    """
    tracer = trace.get_tracer("pandora")
    began = _nanoseconds(turn.handed_in)
    span = tracer.start_span("action", turn.parent, start_time=began)
    if not span.is_recording():
        return
    if turn.job is not None:
        span.set_attribute("pandora.world", turn.job.world)
    inside = trace.set_span_in_context(span)

    def stage(name: str, since: int, milliseconds: float) -> int:
        until = since + int(milliseconds * 1e6)
        tracer.start_span(name, inside, start_time=since).end(until)
        return until

    if isinstance(outcome, Exception):
        span.set_status(trace.StatusCode.ERROR)
        span.set_attribute("error.type", outcome.code if isinstance(outcome, PandoraError) else "internal_error")
    else:
        span.set_attribute("pandora.step", outcome.number)
        timings = outcome.timings
        submitted = _nanoseconds(turn.job.submitted_at) if turn.job else began
        at = stage("queue", began, (submitted - began) / 1e6 + timings.get("queue", 0.0))
        for name in _STAGES:
            at = stage(name, at, timings.get(name, 0.0))
        if turn.commit is not None:
            stage("commit", _nanoseconds(turn.commit[0]), turn.commit[1] * 1000)
    span.end()


def _nanoseconds(counter: float) -> int:
    """A time of `perf_counter` as nanoseconds since 1970."""
    return time.time_ns() - int((time.perf_counter() - counter) * 1e9)
