/**
 * Tells restarts from other starts.
 *
 * @module
 */

import type { ExitOutcome, SupervisorEvent } from "../events.ts";

/**
 * Follows the events of a supervisor. A start is a restart if the policy or a new version has caused it; a start by call is not one,
 * and neither is the first one of a run.
 */
export class Restarts {
  /** How the last life of a key has ended that is to start again. */
  readonly #ended: Map<unknown, ExitOutcome> = new Map();
  #lastExit: { readonly key: unknown; readonly outcome: ExitOutcome } | undefined = undefined;

  /**
   * Takes note of an event.
   *
   * @returns How the life before had ended, if the event is that of a restart.
   */
  note(event: SupervisorEvent<unknown>): ExitOutcome | undefined {
    switch (event.type) {
      case "starting":
        return this.#started(event.key, event.cause === "call" || event.cause === "restore");
      case "exited":
      case "abandoned":
        this.#lastExit = { key: event.key, outcome: event.outcome };
        return undefined;
      case "retrying": // right after the end that it answers; an entry that cannot be read has none
        this.#ended.set(event.key, (this.#lastExit?.key === event.key && this.#lastExit?.outcome) || "failed");
        return undefined;
      case "replaced":
        this.#ended.set(event.key, "stopped");
        return undefined;
      case "removed":
      case "parked":
      case "paused":
        this.#ended.delete(event.key);
    }
  }

  #started(key: unknown, isOther: boolean): ExitOutcome | undefined {
    const outcome = this.#ended.size > 0 ? this.#ended.get(key) : undefined;
    if (outcome === undefined) return undefined;
    this.#ended.delete(key);
    return isOther ? undefined : outcome;
  }
}
