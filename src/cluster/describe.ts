/**
 * The events of a cluster in words.
 *
 * @module
 */

import { describeError } from "../error_data.ts";
import { maxLineLength, oneLine } from "../one_line.ts";
import { maxShownId } from "./errors.ts";
import type { ClusterEvent } from "./events.ts";

/**
 * Writes an event as a line of a log.
 *
 * @param event Any event of a cluster.
 * @returns One line, without the time.
 *
 * @example
 * ```ts
 * import { describeClusterEvent } from "@pact/supervisor/cluster";
 * import { assertEquals } from "@std/assert";
 *
 * const event = { type: "session-dead", at: 0, session: "a1", silentMs: 15_000 } as const;
 * assertEquals(describeClusterEvent(event), "session a1 is dead: it has not moved for 15000 ms");
 * ```
 */
export function describeClusterEvent(event: ClusterEvent): string {
  return oneLine(describe(event), 3 * maxLineLength);
}

function describe(event: ClusterEvent): string {
  switch (event.type) {
    case "session-joined":
      return event.isSelf
        ? `session ${event.session}, this instance, has joined`
        : `session ${event.session} has appeared`;
    case "session-left":
      return event.isSelf ? `session ${event.session}, this instance, has left` : `session ${event.session} is gone`;
    case "session-dead":
      return `session ${event.session} is dead: it has not moved for ${Math.round(event.silentMs)} ms`;
    case "session-fenced":
      return `session ${event.session}, this instance, is fenced with ${event.slots} slots: ` +
        {
          "silent": `no heartbeat was acknowledged for ${Math.round(event.silentMs)} ms`,
          "declared-dead": "it was declared dead",
          "database-replaced": "the database is another one",
        }[event.cause];
    case "database-replaced":
      return event.cause === "elsewhere"
        ? `the database is not where its path leads any more: ${event.evidence}`
        : `the database was set back, emptied or replaced: ${event.evidence}`;
    case "slot-claimed":
      return `slot ${event.slot} is claimed under token ${event.token}`;
    case "slot-released":
      return `slot ${event.slot} is ${event.cause === "lost" ? "lost" : "handed over"}`;
    case "cluster-idle":
      return `this instance stays out of the cluster: its timeline is ${event.timeline}`;
    case "cluster-waiting":
      return `this instance has waited for ${Math.round(event.waitedMs)} ms for session ` +
        `${oneLine(event.session, maxShownId)} to end, since it cannot be in one cluster with it: ${event.reason}`;
    case "database-unavailable":
      return `the database does not answer: ${event.operation} failed: ${describeError(event.error)}`;
    case "database-available":
      return `the database answers again after ${Math.round(event.forMs)} ms`;
    case "cluster-failed":
      return `${event.operation} failed: ${describeError(event.error)}`;
  }
}

const failures: readonly ClusterEvent["type"][] = [
  "cluster-failed",
  "database-unavailable",
  "database-available",
  "session-fenced",
  "cluster-idle",
  "cluster-waiting",
  "database-replaced",
];

/** Tells whether an event must not go unheard: it is printed while there are no subscribers. */
export function isFailure({ type }: ClusterEvent): boolean {
  return failures.includes(type);
}
