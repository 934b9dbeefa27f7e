/**
 * Which slots can be taken together. Pure: no wait, no clock.
 *
 * @module
 */

import type { SlotSeen } from "./records.ts";

/** Databases that one hosts oneself allow 10 checks in an atomic operation. */
export const maxChecks = 10;

/** A slot, and the tokens that stand there: that of its owner, and what was left when its claim was lost from the database. */
export interface TokensSeen extends SlotSeen {
  /** The commits of the tokens, by session. */
  readonly tokens: ReadonlyMap<string, string>;
}

/** Divides slots into groups of which one operation can take each: at most 10 checks, one of them for the own session. */
export function takeable<Seen extends SlotSeen>(seen: readonly Seen[], self: string): Seen[][] {
  const groups: Seen[][] = [];
  let group: Seen[] = [];
  for (const each of seen) {
    const grown = [...group, each];
    if (1 + ownersOf(grown, self).size + grown.length > maxChecks) {
      groups.push(group);
      group = [each];
    } else {
      group = grown;
    }
  }
  return group.length > 0 ? [...groups, group] : groups;
}

/** Returns the sessions that must be gone before slots can be taken. */
export function ownersOf(seen: readonly SlotSeen[], self: string): Set<string> {
  const owners = new Set<string>();
  for (const { owner } of seen) if (owner !== undefined && owner !== self) owners.add(owner);
  return owners;
}
