/**
 * What is measured as it happens: starts, lives, restarts, passes and calls to the database.
 *
 * @module
 */

import type { SupervisorEvent } from "../events.ts";
import type { KvCall } from "../kv/store.ts";
import {
  kvDuration,
  type Labels,
  processRestarts,
  processUptime,
  reconcileDuration,
  startDuration,
  type Take,
} from "./catalog.ts";
import { errorType } from "./error_type.ts";
import { Passes } from "./passes.ts";
import { Restarts } from "./restarts.ts";

/** Follows the events of one supervisor and its calls to the database. */
export class Measurements {
  readonly #take: Take;
  readonly #restarts: Restarts = new Restarts();
  readonly #passes: Passes = new Passes();

  /** The function is called with each value. */
  constructor(take: Take) {
    this.#take = take;
  }

  /** Takes note of an event. Most are those of starts and stops, and each is asked for little. */
  note(event: SupervisorEvent<unknown>): void {
    switch (event.type) {
      case "running":
        return this.#take(startDuration, event.startMs / 1_000);
      case "table-failed":
      case "reconciled":
        return this.#passed(event);
      case "exited":
      case "abandoned":
        if (event.phase === "running") this.#take(processUptime, event.uptimeMs / 1_000);
    }
    const outcome = this.#restarts.note(event);
    if (outcome) this.#take(processRestarts, 1, { outcome });
  }

  /** Takes note of a call to the database. */
  called(call: KvCall): void {
    const { operation, durationMs } = call;
    this.#take(kvDuration, durationMs / 1_000, { operation, ..."error" in call && kindOf({ error: call.error }) });
  }

  #passed(event: Extract<SupervisorEvent<unknown>, { type: "table-failed" | "reconciled" }>): void {
    const failure = this.#passes.note(event);
    if (event.type === "reconciled") this.#take(reconcileDuration, event.durationMs / 1_000, kindOf(failure));
  }
}

function kindOf(failure: { readonly error: unknown } | undefined): Labels | undefined {
  return failure && { "error.type": errorType(failure.error) };
}
