/**
 * The last placements: each costs a millisecond, and most looks need the same ones again.
 *
 * @module
 */

import { place } from "./placement.ts";
import type { Standing } from "./receivers.ts";

/** How many placements are remembered. */
const maxPlacements = 4;

/** Remembers the last placements, by the sessions that they are for. */
export class Placements {
  readonly #slots: number;
  readonly #known: Map<string, readonly string[]> = new Map();

  /** @param slots How many slots there are. */
  constructor(slots: number) {
    this.#slots = slots;
  }

  /** Shares all slots out among sessions. */
  readonly among = (standings: readonly Standing[]): readonly string[] => {
    const sessions = standings.map(({ id }) => id);
    const key = sessions.toSorted().join();
    let placement = this.#known.get(key);
    if (!placement) {
      if (this.#known.size >= maxPlacements) this.#known.clear();
      placement = place(sessions, this.#slots);
      this.#known.set(key, placement);
    }
    return placement;
  };
}
