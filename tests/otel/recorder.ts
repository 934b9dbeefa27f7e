/**
 * Providers of OpenTelemetry that keep what they are told.
 *
 * @module
 */

import type {
  Attributes,
  BatchObservableCallback,
  Meter,
  MeterProvider,
  MetricOptions,
  Observable,
  Span,
  SpanOptions,
  Tracer,
  TracerProvider,
} from "@opentelemetry/api";
import { type Context, trace } from "@opentelemetry/api";

/** A span that was ended. */
export interface RecordedSpan {
  readonly name: string;
  readonly fromAt: unknown;
  readonly toAt: unknown;
  readonly attributes: Attributes;
  readonly status: unknown;
  /** The ids of the spans that it links to. */
  readonly links: readonly string[];
  /** The id of the span that was given as its parent. */
  readonly parent: string | undefined;
  readonly id: string;
}

/** Takes everything. */
export class Recorder {
  readonly spans: RecordedSpan[] = [];
  /** How many spans were begun. */
  begun = 0;
  /** What was made, by name. */
  readonly made: Record<string, MetricOptions & { kind: string }> = {};
  /** What was recorded, in order. */
  readonly recorded: [name: string, value: number, attributes: Attributes][] = [];
  readonly #callbacks = new Set<BatchObservableCallback>();

  /** How many callbacks there are. */
  get callbacks(): number {
    return this.#callbacks.size;
  }

  /** The values of a metric, in order. */
  valuesOf(name: string): [number, Attributes][] {
    return this.recorded.filter(([each]) => each === name).map(([, value, attributes]) => [value, attributes]);
  }

  /** Collects what is observed, each as one text. */
  collect(): Record<string, number> {
    const values: Record<string, number> = {};
    for (const callback of this.#callbacks) {
      callback({
        observe: (observable, value, attributes = {}) => {
          const name = `${(observable as unknown as { name: string }).name} ${Object.values(attributes).join()}`.trim();
          if (name in values) throw new Error(`${name} is observed twice`);
          values[name] = value;
        },
      });
    }
    return values;
  }

  readonly meterProvider: MeterProvider = { getMeter: () => this.#meter };
  readonly tracerProvider: TracerProvider = {
    getTracer: () => ({ startSpan: this.#startSpan.bind(this) }) as unknown as Tracer,
  };

  readonly #meter = new Proxy({}, {
    get: (_, method: string) => {
      if (method === "addBatchObservableCallback") {
        return (callback: BatchObservableCallback, _observed: Observable[]) => void this.#callbacks.add(callback);
      }
      if (method === "removeBatchObservableCallback") {
        return (callback: BatchObservableCallback) => void this.#callbacks.delete(callback);
      }
      return (name: string, options: MetricOptions) => {
        this.made[name] = { ...options, kind: method.replace("create", "") };
        const record = (value: number, attributes: Attributes = {}) =>
          void this.recorded.push([name, value, attributes]);
        return { name, add: record, record };
      };
    },
  }) as Meter;

  #startSpan(name: string, { startTime, attributes = {}, links = [] }: SpanOptions, context: Context): Span {
    const id = (++this.begun).toString(16).padStart(16, "0");
    const parent = trace.getSpanContext(context)?.spanId, all = { ...attributes };
    let status: unknown;
    return {
      setAttribute: (key: string, value: string) => all[key] = value,
      setStatus: (told: unknown) => status = told,
      spanContext: () => ({ traceId: id.padStart(32, "f"), spanId: id, traceFlags: 1 }),
      end: (toAt: unknown) => {
        const linked = links.map((link) => `${link.context.traceId} ${link.context.spanId} ${link.context.traceFlags}`);
        this.spans.push({ name, fromAt: startTime, toAt, attributes: all, status, links: linked, parent, id });
      },
    } as unknown as Span;
  }
}

/** Takes the place of the console's errors. */
export class Lines implements Disposable {
  readonly lines: string[] = [];
  readonly #error = console.error;

  constructor() {
    console.error = (line: string) => void this.lines.push(line);
  }

  [Symbol.dispose](): void {
    console.error = this.#error;
  }
}
