/**
 * Connects what happens to OpenTelemetry.
 *
 * @module
 */

import type { MeterProvider, SpanContext, Tracer } from "@opentelemetry/api";
import { context, metrics, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import { checkArgument, checkShape, hasMethods, isObject } from "../check.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { describeClusterEvent, isFailure as isClusterFailure } from "../cluster/describe.ts";
import { printLine } from "../error_data.ts";
import type { Listener } from "../event_stream.ts";
import type { KvCall } from "../kv/store.ts";
import type { Runnable } from "../process/runnable.ts";
import { describeEvent, isFailure } from "../supervisor/describe.ts";
import type { Supervisor } from "../supervisor/supervisor.ts";
import { failureLine } from "../telemetry/failure_line.ts";
import { Measurements } from "../telemetry/measurements.ts";
import { ShortSpans } from "../telemetry/short_spans.ts";
import { Meters } from "./meters.ts";
import { makeSpan, originOfCall } from "./spans.ts";

/** Any table; the calls of one in a database are measured. */
export interface InstrumentedTable {
  /** Looks up one entry. */
  get(key: never): unknown;
  /** Tells of the calls to the database. */
  observeCalls?(listener: Listener<KvCall>): Disposable;
}

/** The parts of one instance. */
export interface InstrumentedParts<K> {
  /** The supervisor. */
  readonly supervisor: Pick<Supervisor<K, Runnable>, "originBy" | "subscribe" | "summary">;
  /** Its cluster, if it has one. */
  readonly cluster?: Pick<Cluster, "observeCalls" | "snapshot" | "subscribe">;
  /** Its table. */
  readonly table?: InstrumentedTable;
}

/** Where measurements and spans go: by default to what is registered globally at the time of the call. */
export interface InstrumentProviders {
  /** Takes the measurements: a `MeterProvider` of `@opentelemetry/api`. */
  readonly meterProvider?: { getMeter(name: string): unknown };
  /** Takes the spans: a `TracerProvider`. */
  readonly tracerProvider?: { getTracer(name: string): unknown };
}

const scope = "@pact/supervisor";

/** All that is instrumented. */
const instrumented = new WeakSet<object>();

/** What the options are, and their methods. */
const shapes: Readonly<Record<string, readonly [noun: string, ...methods: PropertyKey[]]>> = {
  supervisor: ["a Supervisor", "originBy", "subscribe", "summary"],
  cluster: ["a Cluster", "observeCalls", "snapshot", "subscribe"],
  table: ["a table", "get", Symbol.asyncIterator],
  meterProvider: ["a MeterProvider", "getMeter"],
  tracerProvider: ["a TracerProvider", "getTracer"],
};

/**
 * Has the parts of an instance tell OpenTelemetry what they do.
 *
 * @typeParam K The type of the keys.
 * @param parts The supervisor, and its cluster and table; a cluster that two supervisors share is named once.
 * @param providers Where it goes.
 * @returns Takes everything back when disposed of.
 * @throws {TypeError} If a part or a provider has a wrong shape.
 * @throws {Error} If a part is instrumented already: it would be counted twice.
 */
export function instrument<K>(parts: InstrumentedParts<K>, providers: InstrumentProviders = {}): Disposable {
  check("it takes an object with a supervisor", parts, ["supervisor", "cluster", "table"]);
  check("the providers are an object", providers, ["meterProvider", "tracerProvider"]);
  const { supervisor, cluster, table } = parts;
  const { meterProvider = metrics.getMeterProvider(), tracerProvider = trace.getTracerProvider() } = providers;
  using stack = new DisposableStack();
  for (const [name, part] of Object.entries({ supervisor, cluster, table })) if (part) stack.use(reserve(name, part));
  const meters = Meters.of(meterProvider as MeterProvider, scope);
  const tracer = tracerProvider.getTracer(scope) as Tracer;
  const measurements = new Measurements(meters.take);
  let span: SpanContext | undefined;
  const spans = new ShortSpans<K>((over) => span = makeSpan(tracer, over));
  stack.use(meters.look(parts));
  stack.use(supervisor.originBy(originOfCall));
  stack.use(supervisor.subscribe((event) => {
    measurements.note(event);
    span = undefined;
    spans.note(event);
    if (isFailure(event)) print(failureLine(event, `supervisor: ${describeEvent(event)}`, span), span);
  }));
  if (cluster) {
    stack.use(cluster.subscribe((event) => {
      spans.noteCluster(event);
      if (isClusterFailure(event)) print(failureLine(event, `cluster: ${describeClusterEvent(event)}`));
    }));
  }
  for (const part of [cluster, table]) {
    if (part?.observeCalls) stack.use(part.observeCalls((call) => measurements.called(call)));
  }
  return stack.move();
}

/** Prints within the span, which Deno exports too. */
function print(line: string, span?: SpanContext): void {
  context.with(span ? trace.setSpanContext(ROOT_CONTEXT, span) : ROOT_CONTEXT, () => printLine(line));
}

function reserve(name: string, part: object): Disposable {
  if (instrumented.has(part)) throw new Error(`Cannot instrument the ${name}: it is instrumented already`);
  instrumented.add(part);
  return { [Symbol.dispose]: () => void instrumented.delete(part) };
}

function check(rule: string, options: object, names: readonly string[]): void {
  checkArgument("instrument", rule, options, isObject(options));
  for (const name of names) {
    const value: unknown = Reflect.get(options, name), [noun, ...methods] = shapes[name];
    checkShape(name, noun, value, hasMethods(value, ...methods) || (value === undefined && name !== "supervisor"));
  }
}
