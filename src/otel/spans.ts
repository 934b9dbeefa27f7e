/**
 * Makes spans of what is over, and says where calls come from.
 *
 * @module
 */

import type { SpanContext, Tracer } from "@opentelemetry/api";
import { isSpanContextValid, ROOT_CONTEXT, SpanStatusCode, trace } from "@opentelemetry/api";
import { describeError } from "../error_data.ts";
import { errorType } from "../telemetry/error_type.ts";
import type { ShortSpan } from "../telemetry/short_spans.ts";

/** Makes a span that is the root of its trace. Returns what names it, if anything takes it. */
export function makeSpan(
  tracer: Tracer,
  { name, at, durationMs, attributes, failure, origin }: ShortSpan,
): SpanContext | undefined {
  const links = origin === undefined ? [] : [{ context: contextOf(origin) }];
  const span = tracer.startSpan(name, { startTime: at - durationMs, attributes, links }, ROOT_CONTEXT);
  if (failure) {
    span.setAttribute("error.type", errorType(failure.error));
    span.setStatus({ code: SpanStatusCode.ERROR, message: describeError(failure.error) });
  }
  span.end(at);
  const context = span.spanContext();
  return isSpanContextValid(context) ? context : undefined;
}

/** Says which span is active, as the header `traceparent` does. */
export function originOfCall(): string | undefined {
  const context = trace.getActiveSpan()?.spanContext();
  if (!context || !isSpanContextValid(context)) return undefined;
  return `00-${context.traceId}-${context.spanId}-0${context.traceFlags & 1}`;
}

function contextOf(origin: string): SpanContext {
  const [, traceId, spanId, flags] = origin.split("-");
  return { traceId, spanId, traceFlags: Number(flags) };
}
