/**
 * Which slots can be taken together, and what an operation says that takes one. Pure: no wait, no clock.
 *
 * @module
 */

import type { Keyspace } from "../kv/keyspace.ts";
import { type ClaimRecord, recordFormat, type SlotSeen, unreadableStamp } from "./records.ts";

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

/**
 * Returns the check that a slot is as it was seen. The token tells owner and commit, the claim the commit alone, and that may
 * be another owner's after the database was set back.
 *
 * @param bell The commit of the bell when it was seen: all that can be checked of a claim that cannot be read.
 */
export function checkOf(
  { slot, owner, versionstamp, tokens }: TokensSeen,
  bell: string | null | undefined,
  keys: Keyspace,
): Deno.AtomicCheck {
  if (versionstamp === unreadableStamp) return { key: keys.bell, versionstamp: bell ?? null };
  const hasToken = owner !== undefined && tokens.get(owner) === versionstamp;
  return { key: hasToken ? keys.token(slot, owner) : keys.claim(slot), versionstamp };
}

/** Adds to an operation that a slot has the owner that the record names, and no token but that of this owner. */
export function takeSlot(
  atomic: Deno.AtomicOperation,
  { slot, owner, tokens }: TokensSeen,
  record: ClaimRecord,
  keys: Keyspace,
): void {
  for (const id of new Set([...tokens.keys(), ...owner === undefined ? [] : [owner]])) {
    if (id !== record.session) atomic.delete(keys.token(slot, id));
  }
  atomic.set(keys.claim(slot), record).set(keys.token(slot, record.session), recordFormat);
}
