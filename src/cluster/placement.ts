/**
 * The placement rule: which slot a key belongs to, and which session should own which slot. Pure: no wait, no clock; every
 * instance that sees the same sessions comes to the same answer without asking the others.
 *
 * @module
 */

import { hashOf, mix } from "./hash.ts";

/**
 * No session gets more than this times its even share, rounded up. Promised is 1.25, but with that a second session may
 * take over 160 of 256 slots, more than the moves we aim at; a cap much tighter makes more slots displace each other. Nine
 * eighths are exact in binary, so that rounding up never adds a slot by accident.
 */
const capFactor = 1.125;

/**
 * The most slots that a cluster may have. To place them all among 100 sessions takes 10 ms on a machine of 2026, in which the
 * event loop does nothing else, and a look does so twice at most.
 */
export const maxSlots = 4_096;

/**
 * Tells which slot a key belongs to: the same in every instance, on every machine and in every version. A change here
 * would let two versions that run side by side own one key under two claims at once, so it must never change.
 *
 * Keys that a `Map` takes for the same, like 0 and -0, have the same slot. 1, 1n and "1" share one too, which does no harm.
 *
 * @param key Any key of a table.
 * @param slots How many slots there are: whole, at least 1, and the same in all instances.
 * @returns The slot, from 0 up to `slots`.
 *
 * @example Find the slot of a tenant
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { slotOf } from "@pact/supervisor/cluster";
 *
 * assertEquals(slotOf("acme", 256), 194);
 * ```
 */
export function slotOf(key: string | number | bigint | boolean, slots: number): number {
  return hashOf(String(key)) % slots;
}

/**
 * Tells which session should own each slot: rendezvous hashing (Thaler and Ravishankar 1998) with bounded loads (Mirrokni,
 * Thorup and Zadimoghaddam 2017, "Consistent Hashing with Bounded Loads").
 *
 * Each pair of a slot and a session has a weight of its own, so a session that comes or goes changes no other weight. The
 * pairs are taken from the heaviest down, and a slot goes to the first session that has room. The result is the one stable
 * matching: no slot and no session would both rather have each other.
 *
 * Promised: no session gets more than its even share plus 25 %, rounded up. Measured, not proven, for 256 slots and up to
 * 17 sessions: one that joins or leaves moves at most the even share plus 10 % of the slots. With far fewer slots chance
 * weighs more, and more of them may move.
 *
 * Another version may place slots differently: that costs moves, never safety, which is the claims' business.
 *
 * @param sessions The ids of the live sessions. Their order does not matter, nor does a repeated id.
 * @param slots How many slots there are: whole, at least 1.
 * @returns The id of a session for each slot, by slot; empty when there are no sessions.
 *
 * @example What a session leaves goes to the others
 * ```ts
 * import { assert, assertEquals } from "@std/assert";
 * import { place } from "./placement.ts";
 *
 * const both = place(["left", "right"], 256);
 * assert(both.includes("left") && both.includes("right"));
 * assertEquals(new Set(place(["right"], 256)), new Set(["right"]));
 * ```
 */
export function place(sessions: readonly string[], slots: number): string[] {
  const live = [...new Set(sessions)].sort();
  if (live.length === 0) return [];
  const room = live.map(() => Math.ceil(capFactor * slots / live.length));
  const seeds = live.map(hashOf);
  const owners = new Array<string>(slots);
  let open = Array.from({ length: slots }, (_, slot) => slot);
  // Range by range from the top, as all pairs at once would take seconds to sort: most slots go to a pair near the top.
  for (let above = 2 ** 32, width = 2 ** 34 / live.length; open.length > 0; above -= width, width *= 2) {
    const hasRoom = seeds.flatMap((seed, session) => room[session] > 0 ? { seed, session } : []);
    // Slot by slot in a fixed order is faster, but a late slot is then displaced more often: up to a tenth more worst moves.
    for (const { slot, session } of heaviestFirst(open, hasRoom, { from: above - width, to: above })) {
      if (owners[slot] !== undefined || room[session] === 0) continue;
      owners[slot] = live[session];
      room[session]--;
    }
    open = open.filter((slot) => owners[slot] === undefined);
  }
  return owners;
}

/** A session by its number, and the hash of its id. */
interface Seeded {
  readonly session: number;
  readonly seed: number;
}

/** More pairs than are ever in a range, as each range is small; with a weight above it, a number is still exact. */
const maxPairs = 2 ** 21;

/** The pairs whose weights are in a range, of equal weights those of the lower slot and session first. */
function* heaviestFirst(
  slots: readonly number[],
  sessions: readonly Seeded[],
  { from, to }: { readonly from: number; readonly to: number },
): Generator<{ readonly slot: number; readonly session: number }> {
  const pairs: { slot: number; session: number }[] = [];
  // A number each, as those sort ten times as fast as objects: the weight, from the heaviest down, and the place in the list.
  const ranks: number[] = [];
  for (const slot of slots) {
    const mixed = mix(slot);
    for (const { session, seed } of sessions) {
      const weight = mix(seed ^ mixed);
      if (weight < from || weight >= to) continue;
      ranks.push((2 ** 32 - 1 - weight) * maxPairs + pairs.length);
      pairs.push({ slot, session });
    }
  }
  for (const rank of Float64Array.from(ranks).sort()) yield pairs[rank % maxPairs];
}
