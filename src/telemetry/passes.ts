/**
 * Tells which passes have failed.
 *
 * @module
 */

import type { SupervisorEvent } from "../events.ts";

/** What something has failed with. */
export interface Failure {
  readonly error: unknown;
}

/** Follows the events of a supervisor. A pass has failed if the table could not be read; starts that fail are no fault of it. */
export class Passes {
  #failure: Failure | undefined = undefined;

  /**
   * Takes note of an event.
   *
   * @returns What the pass has failed with, if the event is the end of one that has.
   */
  note(event: SupervisorEvent<unknown>): Failure | undefined {
    if (event.type === "table-failed" && event.operation === "iterate") this.#failure = { error: event.error };
    if (event.type !== "reconciled") return undefined;
    const failure = this.#failure;
    this.#failure = undefined;
    return failure;
  }
}
