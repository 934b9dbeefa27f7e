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
  const owners = new Array<string>(slots);
  // Slot by slot in a fixed order is faster, but a late slot is then displaced more often: up to a tenth more worst moves.
  for (const pair of heaviestFirst(live.map(hashOf), slots)) {
    const slot = Math.floor(pair / live.length);
    const session = pair % live.length;
    if (owners[slot] !== undefined || room[session] === 0) continue;
    owners[slot] = live[session];
    room[session]--;
  }
  return owners;
}

/** All pairs as `slot * sessions + session`. The sort is stable: of equal weights the lower pair is first everywhere. */
function heaviestFirst(seeds: readonly number[], slots: number): Uint32Array {
  const weights = new Uint32Array(slots * seeds.length);
  for (let pair = 0; pair < weights.length; pair++) {
    weights[pair] = mix(seeds[pair % seeds.length] ^ mix(Math.floor(pair / seeds.length)));
  }
  return weights.map((_, pair) => pair).sort((one, other) => weights[other] - weights[one]);
}
