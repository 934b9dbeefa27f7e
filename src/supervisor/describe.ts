/**
 * Describes events in plain words, for a log.
 *
 * @module
 */

import { describeError } from "../error_data.ts";
import { describeKey } from "../errors.ts";
import type { SupervisorEvent } from "../events.ts";
import { describePause } from "../pause.ts";

/**
 * Says an event in one line.
 *
 * @param event Any event of a supervisor.
 * @returns One line without a time stamp.
 *
 * @example A log in one line
 * ```ts
 * import { describeEvent } from "@pact/supervisor";
 * import { assertEquals } from "@std/assert";
 *
 * const line = describeEvent({ type: "retrying", at: 0, key: "acme", failures: 2, delayMs: 2000, retryAt: 2000 });
 * assertEquals(line, 'process "acme": retry in 2 s after failure 2');
 * // supervisor.subscribe((event) => console.log(describeEvent(event)));
 * ```
 */
export function describeEvent<K>(event: SupervisorEvent<K>): string {
  return "key" in event ? `process ${describeKey(event.key)}: ${describeKeyed(event)}` : describeTable(event);
}

/** What is printed while there is no listener: an error is never dropped. */
const failures: ReadonlySet<SupervisorEvent<unknown>["type"]> = new Set(
  ["entry-failed", "table-failed", "parked", "stuck", "abandoned", "abandoned-ended"] as const,
);

/** Tells whether an event is of something that has failed. */
export function isFailure(event: SupervisorEvent<unknown>): boolean {
  return failures.has(event.type) || (event.type === "exited" && event.outcome === "failed");
}

type TableEvent = Extract<SupervisorEvent<unknown>, { type: "table-failed" | "reconciled" }>;
type ProcessEvent = Exclude<SupervisorEvent<unknown>, TableEvent>;

function describeTable(event: TableEvent): string {
  if (event.type === "table-failed") return `table: ${event.operation} failed: ${describeError(event.error)}`;
  const { seen, started, stopped, replaced, failed } = event;
  return `table: ${seen} entries seen, ${started} started, ${stopped} stopped, ${replaced} replaced, ${failed} failed`;
}

function describeKeyed(event: ProcessEvent): string {
  switch (event.type) {
    case "starting":
      return event.attempt === 1 ? `starting (${event.cause})` : `starting (${event.cause}, attempt ${event.attempt})`;
    case "running":
      return event.attempt === 1
        ? `running after ${seconds(event.startMs)}`
        : `running after ${seconds(event.startMs)}, at attempt ${event.attempt}`;
    case "exited":
      return event.outcome === "failed"
        ? `failed while ${event.phase}: ${describeError(event.error)}`
        : `${event.outcome}${event.isForced ? " by force" : ""}, had been up for ${seconds(event.uptimeMs)}`;
    case "retrying":
      return `retry in ${seconds(event.delayMs)}${event.failures > 0 ? ` after failure ${event.failures}` : ""}`;
    case "parked":
      return `parked ${parkedCauses[event.cause]}after ${times(event.failures, "failure")}: ${
        event.error === undefined ? "it returned" : describeError(event.error)
      }`;
    case "paused":
      return describePause(event.pause).replace(/^it is paused/, "paused");
    case "resumed":
      return "resumed";
    case "unparked":
      return `unparked (${event.cause})`;
    case "stuck":
      return "stuck: asked to stop, then aborted, and has not ended";
    case "unstuck":
      return "unstuck: it ended after all";
    case "abandoned":
      return event.outcome === "failed"
        ? `abandoned: it has not ended, after it failed while ${event.phase}: ${describeError(event.error)}`
        : "abandoned: it has not ended, and no longer holds its key";
    case "abandoned-ended":
      return event.outcome === "failed"
        ? `an abandoned life has ended after all: ${describeError(event.error)}`
        : "an abandoned life has ended after all";
    case "removed":
      return event.cause === "moved" ? "moved to another instance" : "removed from the table";
    case "replaced":
      return "replaced by a new version";
    case "entry-failed":
      return `entry failed: ${describeError(event.error)}`;
  }
}

const parkedCauses = { limit: "", decided: "by restart.decide ", unrecoverable: "as unrecoverable " } as const;

function times(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}

function seconds(ms: number): string {
  return ms < 1_000 ? `${ms} ms` : `${Number((ms / 1_000).toFixed(1))} s`;
}
