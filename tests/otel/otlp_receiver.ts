/**
 * A tiny receiver of OTLP over HTTP, as JSON.
 *
 * @module
 */

/** Numbers of a metric by its attributes, as one text. */
export type Points = Readonly<Record<string, number>>;

// deno-lint-ignore no-explicit-any -- what comes over the wire
type Json = any;

/** A span as it came over the wire. */
export interface ReceivedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly links?: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly events?: readonly unknown[];
  readonly status?: { readonly code?: number; readonly message?: string };
  readonly attributes: readonly { readonly key: string; readonly value: Json }[];
}

/** Takes what a program exports. */
export class OtlpReceiver implements AsyncDisposable {
  readonly spans: ReceivedSpan[] = [];
  /** The texts of what was logged, with the ids of their spans. */
  readonly logs: { readonly text: string; readonly severity: string; readonly spanId: string }[] = [];
  /** The metrics as they came last. */
  readonly metrics = new Map<string, Json>();
  /** How many keys were in each state, each time that was told. */
  readonly counts: Points[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor() {
    this.#server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request) => this.#take(request));
  }

  /** Has a Deno program export everything to it. */
  get environment(): Record<string, string> {
    return {
      NO_COLOR: "1",
      OTEL_DENO: "true",
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${this.#server.addr.port}`,
      OTEL_METRIC_EXPORT_INTERVAL: "200",
      OTEL_BSP_SCHEDULE_DELAY: "100",
    };
  }

  /** Returns the points of a metric: values, and of histograms counts. */
  points(name: string): Points {
    const { sum, gauge, histogram } = this.metrics.get(name) ?? {};
    const points: Json[] = (sum ?? gauge ?? histogram)?.dataPoints ?? [];
    return Object.fromEntries(
      points.map(({ attributes = [], asInt, asDouble, count }) => [
        attributes.map(({ value }: Json) => Object.values(value)).join(),
        Number(asInt ?? asDouble ?? count),
      ]),
    );
  }

  async #take(request: Request): Promise<Response> {
    const body: Json = await request.json();
    for (const { scopeSpans } of body.resourceSpans ?? []) {
      for (const { spans } of scopeSpans) this.spans.push(...spans);
    }
    for (const { scopeMetrics } of body.resourceMetrics ?? []) {
      for (const { metrics } of scopeMetrics) for (const metric of metrics) this.metrics.set(metric.name, metric);
    }
    if (body.resourceMetrics) this.counts.push(this.points("supervisor.process.count"));
    for (const { scopeLogs } of body.resourceLogs ?? []) {
      for (const { logRecords } of scopeLogs) {
        for (const { body, severityText, spanId } of logRecords) {
          this.logs.push({ text: body.stringValue, severity: severityText, spanId });
        }
      }
    }
    return Response.json({});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}
