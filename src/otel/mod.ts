/**
 * Metrics and short spans for OpenTelemetry. Where Deno exports them (`OTEL_DENO=true`), nothing else has to be set up; elsewhere
 * register an SDK first, or pass its providers.
 *
 * | metric | kind, unit | attributes |
 * |---|---|---|
 * | `supervisor.process.count` | up-down counter, `{process}` | `state` |
 * | `supervisor.process.desired` | up-down counter, `{process}` | |
 * | `supervisor.process.restarts` | counter, `{restart}` | `outcome` of the life before |
 * | `supervisor.process.start.duration`, `supervisor.process.uptime` | histogram, `s` | |
 * | `supervisor.reconcile.duration` | histogram, `s` | `error.type` |
 * | `supervisor.cluster.slot.count` | gauge, `{slot}` | `state` |
 * | `supervisor.cluster.session.count` | gauge, `{session}` | |
 * | `supervisor.kv.operation.duration` | histogram, `s` | `operation`, `error.type` |
 *
 * Several supervisors in one program add up. The key of a process is in spans and lines, never in metrics.
 *
 * The spans are `supervisor.start`, `supervisor.stop`, `supervisor.reconcile` and `supervisor.hand_over`: each the root of a trace,
 * made when what it tells of is over, so none lasts as long as a process. A start links to the span in which `start`, `ensure` or
 * `restart` was called for it. In a second there are at most 100 of a name and 100 of failures; those with a link always come.
 *
 * Failures are printed as one line of JSON each, instead of as text: Deno exports the console.
 *
 * @example A program that tells of itself
 * ```ts
 * import { MapTable, nop, Supervisor } from "@pact/supervisor";
 * import { instrument } from "@pact/supervisor/otel";
 *
 * const supervisor = new Supervisor(new MapTable([["acme", nop]]));
 * using _telemetry = instrument({ supervisor }); // and cluster, and table, if there are any
 * await supervisor.run(() => {
 *   // …
 * });
 * ```
 *
 * @module
 */

export { instrument, type InstrumentedParts, type InstrumentedTable, type InstrumentProviders } from "./instrument.ts";
