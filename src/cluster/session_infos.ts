/**
 * What all sessions say of themselves: read once for each, when it is first seen.
 *
 * @module
 */

import type { Enrolments } from "./enrolments.ts";
import type { SessionsView } from "./ledger.ts";
import type { SessionInfo } from "./records.ts";

const nothingSaid: SessionInfo = Object.freeze({ revision: "" });

/** Remembers it for as long as the sessions are there. */
export class SessionInfos {
  readonly #enrolments: Enrolments;
  readonly #known: Map<string, SessionInfo> = new Map();
  /** Sessions that have said nothing, and where the bell stood then. */
  readonly #silent: Map<string, SessionsView["bell"]> = new Map();

  constructor(enrolments: Enrolments) {
    this.#enrolments = enrolments;
  }

  /**
   * Reads what is not known yet. One that has said nothing may have been deleted while it was read, and join again under its
   * id: it is asked again when the bell has moved.
   */
  async learn({ sessions, bell }: SessionsView): Promise<void> {
    for (const id of this.#known.keys()) if (!sessions.has(id)) this.#known.delete(id);
    for (const id of this.#silent.keys()) if (!sessions.has(id)) this.#silent.delete(id);
    const isAsked = (id: string) => !this.#known.has(id) && !(this.#silent.has(id) && this.#silent.get(id) === bell);
    const unknown = [...sessions].filter(([id, { mismatch }]) => mismatch === undefined && isAsked(id));
    for (const [id, info] of await this.#enrolments.infos(unknown.map(([id]) => id))) {
      if (info) this.#known.set(id, info);
      else this.#silent.set(id, bell);
    }
  }

  /** Returns what a session says of itself, as far as that is known. */
  of(id: string): SessionInfo {
    return this.#known.get(id) ?? nothingSaid;
  }
}
