/**
 * Keeps long-running work alive: starts, stops and restarts in-process "processes" (bots, pollers, stream consumers,
 * websocket clients) so that reality matches a table, in memory or in Deno KV.
 *
 * What runs is a {@linkcode Runnable}, made with {@linkcode leaf} or {@linkcode startStop}. A {@linkcode MapTable}, or a `KvTable`
 * of `@pact/supervisor/kv`, lists what should run; a {@linkcode Supervisor} runs it, and {@linkcode main} runs that until SIGINT or
 * SIGTERM. With a `Cluster` of `@pact/supervisor/cluster` several instances share one table.
 *
 * - A rate limit, a `retry-after`: the process throws a {@linkcode RetryAfterError}.
 * - A token that is refused, what no other try can mend: it throws an {@linkcode UnrecoverableError}.
 * - A bot that is deaf, a connection that hangs: `livenessMs` of {@linkcode EntryOptions}, and `alive` of {@linkcode LeafContext}.
 * - A tenant that has to wait: {@linkcode MapTable.pause}.
 * - Which keys are down, and why: {@linkcode MapTable.troubles}, and {@linkcode Supervisor.status} for what runs here.
 * - Options for one key: the third argument of {@linkcode MapTable.set}, and `options` of a `KvTable`.
 *
 * @example Two pollers, one of them broken
 * ```ts
 * import { leaf, MapTable, Supervisor } from "@pact/supervisor";
 * import { delay } from "@std/async/delay";
 * import { assertEquals } from "@std/assert";
 *
 * const poller = (key: string) =>
 *   leaf(async (signal) => {
 *     if (key === "broken") throw new Error("no such host");
 *     await delay(60_000, { signal });
 *   });
 *
 * const supervisor = new Supervisor(new MapTable([["fine", poller], ["broken", poller]]));
 * const retrying: PromiseWithResolvers<string> = Promise.withResolvers();
 * supervisor.subscribe((event) => {
 *   if (event.type === "retrying") retrying.resolve(event.key);
 * });
 *
 * await supervisor.run(async () => {
 *   assertEquals(await retrying.promise, "broken");
 *   assertEquals(supervisor.keys(), ["fine"]);
 * });
 * ```
 *
 * @module
 */

export { type Clock, systemClock, type Timer } from "./src/clock.ts";
export type { ErrorData } from "./src/error_data.ts";
export {
  ProcessElsewhereError,
  ProcessEndedEarlyError,
  ProcessExistsError,
  ProcessNotFoundError,
  ProcessNotRunningError,
  ProcessSilentError,
  ProcessStateError,
  ProcessStuckError,
  RetryAfterError,
  SupervisorNotRunningError,
  UnrecoverableError,
} from "./src/errors.ts";
export type { Listener, SubscribeOptions } from "./src/event_stream.ts";
export type {
  AbandonedEndedEvent,
  AbandonedEvent,
  EntryFailedEvent,
  EventBase,
  ExitedEvent,
  ExitOutcome,
  KeyedEvent,
  ParkedCause,
  ParkedEvent,
  PausedEvent,
  ReconciledEvent,
  RemovedEvent,
  ReplacedEvent,
  ResumedEvent,
  RetryingEvent,
  RunningEvent,
  StartCause,
  StartingEvent,
  StuckEvent,
  SupervisorEvent,
  TableFailedEvent,
  UnparkedEvent,
  UnstuckEvent,
} from "./src/events.ts";
export { chain, nop, parallel, sequential } from "./src/process/compose.ts";
export { leaf, type LeafContext, startStop } from "./src/process/leaf.ts";
export type { ProcessState } from "./src/process/life.ts";
export { Process, type ProcessExit, type ProcessOptions } from "./src/process/process.ts";
export type { RunCallback, Runnable, RunOptions, StandaloneRunnable } from "./src/process/runnable.ts";
export type { CallOptions } from "./src/supervisor/supervisor.ts";
export type { AbandonedSnapshot } from "./src/supervisor/abandoned.ts";
export { describeEvent } from "./src/supervisor/describe.ts";
export { main, type MainOptions } from "./src/supervisor/main.ts";
export type { SupervisorOptions } from "./src/supervisor/options.ts";
export type { RestartFailure, RestartOptions } from "./src/restart.ts";
export type {
  PassSnapshot,
  ProcessSnapshot,
  ProcessSnapshotState,
  SupervisorSnapshot,
  SupervisorSummary,
} from "./src/supervisor/snapshot.ts";
export { Supervisor } from "./src/supervisor/supervisor.ts";
export type { EntryOptions } from "./src/table/entry_options.ts";
export { type LeafOrOtherRunnable, MapTable, type MapTableOptions, type MapTableValue } from "./src/table/map_table.ts";
export { type Pause, type PausedKey, type PauseOptions, ProcessPausedError } from "./src/pause.ts";
export type { Absence, Entry, Lease, Table } from "./src/table/table.ts";
export type { Trouble, TroubledKey } from "./src/table/trouble.ts";
