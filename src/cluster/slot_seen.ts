/**
 * What stands in the place of a claim, and how many of them one operation can take.
 *
 * @module
 */

/** A slot as it was read. */
export interface SlotSeen {
  /** The slot. */
  readonly slot: number;
  /** The commit of what stands there, `null` when there is nothing. */
  readonly versionstamp: string | null;
  /** Who owns it; nobody when there is nothing, or nothing that we can read. */
  readonly owner: string | undefined;
}

/** Databases that one hosts oneself allow 10 checks in an atomic operation. */
export const maxChecks = 10;

/**
 * Divides slots into groups that one operation can take.
 *
 * @param seen The slots.
 * @param self Who takes them.
 * @returns The groups: each needs at most 10 checks, one of them for the session that takes.
 */
export function takeable(seen: readonly SlotSeen[], self: string): SlotSeen[][] {
  const groups: SlotSeen[][] = [];
  let group: SlotSeen[] = [];
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

/**
 * Returns whose session must be gone before slots can be taken.
 *
 * @param seen The slots.
 * @param self Who takes them: the session itself may be there.
 */
export function ownersOf(seen: readonly SlotSeen[], self: string): Set<string> {
  const owners = new Set<string>();
  for (const { owner } of seen) if (owner !== undefined && owner !== self) owners.add(owner);
  return owners;
}
